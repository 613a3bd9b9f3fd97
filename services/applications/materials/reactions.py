"""What the materials do when something happened. Listed by wiring, run as jobs, each idempotent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction
from services.applications.materials.service import CaseMaterials


class MaterialReactions:
    """One short method a domain event, each calling one use case."""

    def __init__(self, materials: CaseMaterials) -> None:
        self._materials = materials

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions for wiring."""
        return {"application.accepted": (("materials.start_later", self.start_later),)}

    async def start_later(self, event: DomainEvent) -> None:
        """application.accepted: the days for what is handed in later begin to run (容缺)."""
        await self._materials.start_later(event.subject_no)
