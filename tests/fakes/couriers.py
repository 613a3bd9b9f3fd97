"""A courier in memory that keeps the port's promises; for tests of what the house does with couriers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app import clock, db
from app.errors import CallbackRejected, ProviderRejected, ProviderUnavailable
from services.delivery.custody import moves
from services.delivery.custody.states import Holder
from services.delivery.ports import COLLECTED, Ability
from services.delivery.types import (
    Booking,
    Contact,
    CourierEvent,
    CourierOrder,
    Estimate,
    ParcelRef,
    Push,
    Reach,
    Report,
)


@dataclass
class MemoryCourier:
    """Books, finds and tracks in memory; `fail_after_booking` loses the answer of one booking."""

    code: str = "SF"
    name: str = "顺丰速运"
    abilities: frozenset[Ability] = frozenset(Ability)
    signs_pushes: bool = False
    repeats_for: timedelta | None = None
    accepts: bytes = b"ok"
    orders: dict[str, CourierOrder] = field(default_factory=dict)
    road: list[CourierEvent] = field(default_factory=list)
    book_calls: int = 0
    find_calls: int = 0
    fail_after_booking: int = 0
    refusal: Exception | None = None
    cancel_refusal: Exception | None = None
    reach: Reach = Reach.YES
    cancelled: list[str] = field(default_factory=list)
    collected: set[str] = field(default_factory=set)
    away: bool = False
    followed: list[str] = field(default_factory=list)

    async def book(self, order: CourierOrder) -> Booking:
        self.book_calls += 1
        assert order.shipment_no not in self.cancelled, "a cancelled number stays cancelled"
        self._answer()
        if self.refusal:
            raise self.refusal
        self.orders.setdefault(order.shipment_no, order)
        if self.fail_after_booking:
            self.fail_after_booking -= 1
            raise ProviderUnavailable(provider="sf", reason="timeout")
        return _booking(order.shipment_no)

    async def find(self, parcel: ParcelRef) -> Booking | None:
        self.find_calls += 1
        self._answer()
        return _booking(parcel.shipment_no) if parcel.shipment_no in self.orders else None

    async def cancel(self, parcel: ParcelRef, reason: str) -> None:
        self._answer()
        if self.cancel_refusal:
            raise self.cancel_refusal
        if parcel.shipment_no in self.collected:
            raise ProviderRejected(provider="sf", provider_code=COLLECTED)
        self.cancelled.append(parcel.shipment_no)
        self.orders.pop(parcel.shipment_no, None)

    def _answer(self) -> None:
        if self.away:
            raise ProviderUnavailable(provider="sf", reason="timeout")

    async def label(self, parcel: ParcelRef) -> bytes | None:
        return None

    async def reaches(self, sender: Contact, receiver: Contact, carrier: str) -> Reach:
        return self.reach

    async def estimate(self, order: CourierOrder) -> Estimate:
        return Estimate()

    async def track(self, parcel: ParcelRef) -> Report:
        return Report(events=tuple(event for event in self.road if event.shipment_no == parcel.shipment_no))

    async def follow(self, parcel: ParcelRef) -> None:
        self.followed.append(parcel.shipment_no)

    def parse_push(self, push: Push) -> Report:
        try:
            return Report(events=tuple(event_of(**each) for each in json.loads(push.body)))
        except (ValueError, TypeError):
            raise CallbackRejected(provider="sf") from None

    def acknowledge(self, push: Push, accepted: bool) -> bytes:
        return self.accepts if accepted else b"again"

    def push(self, *events: CourierEvent) -> bytes:
        shown = [{"no": e.shipment_no, "status": e.status, "at": e.occurred_at.isoformat()} for e in events]
        return json.dumps(shown).encode()


def event_of(no: str, status: str, at: str) -> CourierEvent:
    key = hashlib.sha256(f"{no}{status}{at}".encode()).hexdigest()
    return CourierEvent(no, "SF1", key, datetime.fromisoformat(at), "50", status, f"到了{status}", "太原")


def _booking(shipment_no: str) -> Booking:
    return Booking(shipment_no=shipment_no, waybill_no=f"SF{shipment_no[-8:]}", carrier="shunfeng")


async def signed_for(shipment_no: str) -> None:
    """Have a parcel, and the documents in it, with the citizen, without telling anybody."""
    now = clock.now()
    await db.execute(
        "UPDATE shipment SET status = 'DELIVERED', delivered_at = $2 WHERE shipment_no = $1", shipment_no, now
    )
    async with db.transaction() as tx:
        await moves.move_parcel(tx, shipment_no, Holder.CITIZEN, now)
