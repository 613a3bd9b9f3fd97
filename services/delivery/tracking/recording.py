"""Writing what couriers tell: events, the state that follows, and who follows it. Called by tracking and booking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from app import clock
from app.events import DomainEvent
from services.delivery.couriers.table import CourierTable
from services.delivery.states import MEANINGS, Derived, derive
from services.delivery.tracking import repository
from services.delivery.tracking.repository import Change, Follower, Parcel
from services.delivery.types import CourierEvent


class Recorder:
    """Appends events and lets everything follow from them in one transaction.

    Args:
        silence_seconds: how long a parcel may be silent before we ask.
        followers: told of every change of state, inside its transaction, in this order.
    """

    def __init__(self, couriers: CourierTable, followers: Sequence[Follower], silence_seconds: int) -> None:
        self._couriers = couriers
        self._followers = followers
        self._silence = timedelta(seconds=silence_seconds)

    async def record(
        self, shipment_no: str, events: Iterable[CourierEvent], *, confirmed: bool, waybill_no: str = ""
    ) -> Derived | None:
        """Write events of one parcel; None where no parcel has this number. Idempotent: yes, by event."""
        return await repository.record_events(
            shipment_no,
            events,
            confirmed=confirmed,
            at=clock.now(),
            derive=derive,
            decide=self._decide,
            followers=self._followers,
            waybill_no=waybill_no,
        )

    def _decide(self, parcel: Parcel, derived: Derived) -> Change:
        meaning = MEANINGS[derived.status]
        moved = derived.status != parcel.status
        asked = 0 if moved else parcel.asked_count
        ask_after = clock.now() + (self._soon(asked) if derived.needs_confirmation else self._silence)
        emits = None
        if moved and meaning.emits:
            facts = {
                "shipment_no": parcel.shipment_no,
                "courier_name": self._couriers.name(parcel.courier),
                "waybill_no": parcel.waybill_no,
                "status": derived.status.value,
            }
            emits = DomainEvent(
                name=meaning.emits, subject_no=parcel.subject_no, citizen_id=parcel.citizen_id.hex, facts=facts
            )
        return Change(meaning.custody, None if meaning.is_terminal else ask_after, asked, emits)

    def _soon(self, asked_count: int) -> timedelta:
        return min(timedelta(minutes=2 << min(asked_count, 8)), self._silence)
