"""What we note ourselves on a parcel's road, next to what couriers tell. Pure."""

from __future__ import annotations

import hashlib

from app import clock
from services.delivery.states import ShipmentStatus
from services.delivery.types import METHOD_TEXT, CourierEvent

WITHDRAWN, REPLACED = "WITHDRAWN", "REPLACED"
_OTHERWISE = frozenset(f"改为{text}" for text in METHOD_TEXT.values())


def goes_otherwise(method_text: str) -> str:
    """Say why a parcel is withdrawn whose result goes another way."""
    return f"改为{method_text}"


def ends_quietly(reason: str) -> bool:
    """Tell whether a parcel was withdrawn for another way of its result, which is told by itself."""
    return reason in _OTHERWISE


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
