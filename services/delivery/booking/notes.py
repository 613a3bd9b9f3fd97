"""What we note ourselves on a parcel's road, next to what couriers tell. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from app import clock
from services.delivery.states import ShipmentStatus
from services.delivery.types import CourierEvent

WITHDRAWN, REPLACED = "WITHDRAWN", "REPLACED"


def is_replaced(events: Iterable[CourierEvent]) -> bool:
    """Tell whether a parcel ends only because another goes in its place: nobody needs a notice of that."""
    return any(event.code == REPLACED for event in events)


def cancelled_note(shipment_no: str, reason: str, *, is_followed: bool = False) -> CourierEvent:
    """Note that no courier has, or will have, this parcel: its order was withdrawn or never was.

    `is_followed`: another parcel goes in its place.
    """
    return CourierEvent(
        shipment_no=shipment_no,
        waybill_no="",
        event_key=hashlib.sha256(f"ours|{shipment_no}|WITHDRAWN".encode()).hexdigest(),
        occurred_at=clock.now(),
        code=REPLACED if is_followed else WITHDRAWN,
        status=ShipmentStatus.CANCELLED,
        text=reason or "已取消寄送",
    )
