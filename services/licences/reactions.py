"""What licences do when something happened elsewhere. Listed by wiring, run as jobs, each idempotent."""

from __future__ import annotations

import uuid

from app.events import DomainEvent
from services.licences.service import LicenceService


class LicenceReactions:
    """One short method a domain event."""

    def __init__(self, licences: LicenceService) -> None:
        self._licences = licences

    async def take_over(self, event: DomainEvent) -> None:
        """citizen.merged: licences follow the person."""
        await self._licences.take_over(
            uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
        )
