"""What delivery does when something happened elsewhere. Listed by wiring, run as jobs, each idempotent."""

from __future__ import annotations

import uuid

from app import clock
from app.events import DomainEvent
from services.delivery.service import DeliveryService


class DeliveryReactions:
    """One short method a domain event."""

    def __init__(self, delivery: DeliveryService) -> None:
        self._delivery = delivery

    async def note_postage(self, event: DomainEvent) -> None:
        """bill.confirmed: postage is paid, so that its parcel can be booked; other bills are not ours."""
        facts = event.facts
        paid_at = clock.parse_rfc3339(facts["paid_at"])
        await self._delivery.postage.note_paid(facts["bill_no"], facts.get("purpose", ""), paid_at)

    async def take_over(self, event: DomainEvent) -> None:
        """citizen.merged: choices and parcels follow the person."""
        await self._delivery.take_over(
            uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
        )
