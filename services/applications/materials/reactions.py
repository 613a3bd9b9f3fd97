"""What the materials do when something happened. Listed by wiring, run as jobs, each idempotent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction
from services.applications.materials import repository
from services.applications.materials.service import CaseMaterials


class MaterialReactions:
    """One short method a domain event, each calling one use case."""

    def __init__(self, materials: CaseMaterials) -> None:
        self._materials = materials

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions for wiring."""
        return {
            "application.accepted": (("materials.start_later", self.start_later),),
            "citizen.merged": (("materials.take_over", self.take_over),),
        }

    async def start_later(self, event: DomainEvent) -> None:
        """application.accepted: the days for what is handed in later begin to run (容缺)."""
        await self._materials.start_later(event.subject_no)

    async def take_over(self, event: DomainEvent) -> None:
        """citizen.merged: promises follow the person, the broken ones too."""
        await repository.take_over(uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"]))
