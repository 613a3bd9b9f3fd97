"""Rows of the delivery room as its views, and the events that we note ourselves; pure. Called by the service only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from app import clock, db
from services.delivery.repository import ChoiceRow, ShipmentRow
from services.delivery.states import MEANINGS, ShipmentStatus
from services.delivery.types import (
    METHOD_TEXT,
    Booking,
    Choice,
    ChoiceView,
    CourierEvent,
    DeliveryMethod,
    ShipmentView,
    TrackingView,
)


def choice_view(row: ChoiceRow) -> ChoiceView:
    """Show a choice."""
    method = DeliveryMethod(row.method)
    return ChoiceView(
        application_no=row.subject_no,
        method=method,
        method_text=METHOD_TEXT[method],
        receiver_shown=row.receiver_shown,
        locked=row.locked_at is not None,
    )


def made_choice(choice: Choice) -> ChoiceView:
    """Show a choice as it was just made."""
    return ChoiceView(
        application_no=choice.subject_no,
        method=choice.method,
        method_text=METHOD_TEXT[choice.method],
        receiver_shown=choice.receiver_shown,
        locked=False,
    )


def shipment_view(row: ShipmentRow, courier_name: str, events: Iterable[db.Row]) -> ShipmentView:
    """Show a parcel with its road, newest first."""
    return ShipmentView(
        shipment_no=row.shipment_no,
        application_no=row.subject_no,
        courier=row.courier,
        courier_name=courier_name,
        waybill_no=row.waybill_no,
        status=row.status,
        status_text=MEANINGS[ShipmentStatus(row.status)].text,
        custody=row.custody,
        cargo=row.cargo,
        receiver_shown=row.receiver_shown,
        requested_at=clock.rfc3339(row.created_at),
        booked_at=clock.rfc3339(row.booked_at) if row.booked_at else None,
        delivered_at=clock.rfc3339(row.delivered_at) if row.delivered_at else None,
        events=[_tracking_view(event) for event in events],
    )


def _tracking_view(event: db.Row) -> TrackingView:
    return TrackingView(
        occurred_at=clock.rfc3339(event["occurred_at"]),
        status=event["state"],
        status_text=MEANINGS[ShipmentStatus(event["state"])].text if event["state"] else "",
        text=event["text"],
        place=event["place"],
    )


def booked_event(courier_name: str, booking: Booking) -> CourierEvent:
    """Note that the courier has the order."""
    return CourierEvent(
        shipment_no=booking.shipment_no,
        waybill_no=booking.waybill_no,
        event_key=_own_key(booking.shipment_no, "BOOKED"),
        occurred_at=clock.now(),
        code="BOOKED",
        status=ShipmentStatus.CREATED,
        text=f"{courier_name}已接单，运单号{booking.waybill_no}",
    )


def refused_event(shipment_no: str) -> CourierEvent:
    """Note that the courier will not carry the parcel; a later try may be refused again, so each has its own key."""
    event = CourierEvent(
        shipment_no=shipment_no,
        waybill_no="",
        event_key="",
        occurred_at=clock.now(),
        code="REFUSED",
        status=ShipmentStatus.EXCEPTION,
        text="快递未能下单，窗口工作人员将与您核对地址",
    )
    return replace(event, event_key=_own_key(shipment_no, event.occurred_at.isoformat()))


def _own_key(shipment_no: str, what: str) -> str:
    return hashlib.sha256(f"ours|{shipment_no}|{what}".encode()).hexdigest()
