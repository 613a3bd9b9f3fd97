"""What we note ourselves on a parcel's road, next to what couriers tell. Pure."""

from __future__ import annotations

import hashlib

from app import clock
from services.delivery.states import ShipmentStatus
from services.delivery.types import CourierEvent


def cancelled_note(shipment_no: str, reason: str) -> CourierEvent:
    """Note that no courier has, or will have, this parcel: its order was withdrawn or never was."""
    return CourierEvent(
        shipment_no=shipment_no,
        waybill_no="",
        event_key=hashlib.sha256(f"ours|{shipment_no}|WITHDRAWN".encode()).hexdigest(),
        occurred_at=clock.now(),
        code="WITHDRAWN",
        status=ShipmentStatus.CANCELLED,
        text=reason or "已取消寄送",
    )
