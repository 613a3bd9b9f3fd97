"""What package cases do when something happened. Listed by wiring, run as jobs, each idempotent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction
from services.applications.packages.service import PackageService

_CASE_MOVED = (
    "application.approved application.denied application.not_accepted application.withdrawn application.terminated "
    "application.delivering application.closed application.reopened application.reissuing"
).split()
"""Moves of a case that may change how its package stands."""


class PackageReactions:
    """One short method a domain event, each calling one use case."""

    def __init__(self, packages: PackageService) -> None:
        self._packages = packages

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions for wiring."""
        return {
            **dict.fromkeys(_CASE_MOVED, (("packages.carry_on", self.carry_on),)),
            "shipment.delivered": (("packages.close_delivered", self.close_delivered),),
            "citizen.merged": (("packages.take_over", self.take_over),),
        }

    async def carry_on(self, event: DomainEvent) -> None:
        """A case has moved: whatever waited for it may begin, and the package may be at its end."""
        await self._packages.course.carry_on_case(event.subject_no)

    async def close_delivered(self, event: DomainEvent) -> None:
        """shipment.delivered: what lay in the shared parcel of a package has arrived; other parcels are not its."""
        await self._packages.course.carry_on(event.subject_no)

    async def take_over(self, event: DomainEvent) -> None:
        """citizen.merged: package cases follow the person."""
        await self._packages.take_over(
            uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
        )
