"""Rows of the delivery room as its views, and the events that we note ourselves; pure. Called by the service only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from app import clock, db
from services.delivery.mailing.going_back import goes_back
from services.delivery.repository import ChoiceRow
from services.delivery.states import OUR_CODES, TERMINAL, ShipmentStatus, Sighting, standing
from services.delivery.tracking.facts import carrier_name
from services.delivery.tracking.timeline import next_text, promise_text, signed_text, status_text, steps
from services.delivery.types import (
    METHOD_TEXT,
    PAYER_TEXT,
    REFRESH_EVERY,
    Booking,
    Choice,
    ChoiceView,
    CourierEvent,
    DeliveryMethod,
    Leg,
    Payer,
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
        payer=row.payer,
        level=row.level,
        in_person=row.in_person,
        place_code=row.place_code,
    )


def made_choice(choice: Choice) -> ChoiceView:
    """Show a choice as it was just made."""
    return ChoiceView(
        application_no=choice.subject_no,
        method=choice.method,
        method_text=METHOD_TEXT[choice.method],
        receiver_shown=choice.receiver_shown,
        locked=False,
        payer=choice.payer,
        level=choice.level,
        in_person=choice.in_person,
        place_code=choice.place_code,
    )


def shipment_view(row: db.Row, courier_name: str, *, is_stale: bool = False) -> ShipmentView:
    """Show a parcel of `shown_repository` with its progress and its road, newest first."""
    status, payer = ShipmentStatus(row["status"]), Payer(row["payer"])
    sightings = _sightings(row)
    left = standing(sightings)
    refreshed_at = row["refreshed_at"]
    return ShipmentView(
        shipment_no=row["shipment_no"],
        application_no=row["subject_no"],
        courier=row["courier"],
        courier_name=carrier_name(row["carrier"], courier_name),
        waybill_no=row["waybill_no"],
        status=status,
        status_text=status_text(status, is_own=row["is_own"]),
        custody=row["custody"],
        cargo=row["cargo"],
        receiver_shown=row["receiver_shown"],
        requested_at=clock.rfc3339(row["created_at"]),
        booked_at=clock.rfc3339_or_none(row["booked_at"]),
        delivered_at=clock.rfc3339_or_none(row["delivered_at"]),
        events=_road(row, sightings, left),
        leg=Leg(row["leg"]),
        is_own=row["is_own"],
        payer=payer,
        payer_text="" if row["is_own"] else PAYER_TEXT[payer],
        postage_fen=row["postage_fen"],
        postage_bill_no=row["bill_no"],
        steps=steps(status, left, row["booked_at"], is_own=row["is_own"]),
        next_text=next_text(status, row["leg"], is_own=row["is_own"], is_back=goes_back(row["leg"], row["cargo"])),
        promised_at=clock.rfc3339_or_none(row["promised_at"]),
        promise_text=promise_text(status, row["promised_at"]),
        courier_phone=row["courier_phone_shown"],
        collect_hint=row["collect_hint"],
        signed_text=signed_text(status, row["leg"], row["signed_as"]),
        told_at=clock.rfc3339_or_none(row["last_event_at"]),
        is_stale=is_stale and status not in TERMINAL,
        refreshable_at=clock.rfc3339_or_none(refreshed_at + REFRESH_EVERY if refreshed_at else None),
    )


def _sightings(row: db.Row) -> list[Sighting]:
    if row["moments"] is None:
        return []
    columns = (row["states"], row["moments"], row["trusts"], row["codes"], row["reversals"])
    return [
        Sighting(state, at, trust, code in OUR_CODES, code, undoes)
        for state, at, trust, code, undoes in zip(*columns, strict=True)
    ]


def _road(row: db.Row, sightings: Sequence[Sighting], left: Sequence[Sighting]) -> list[TrackingView]:
    kept = {(each.status, each.occurred_at, each.code) for each in left}
    told = list(zip(sightings, row["texts"] or (), row["places"] or (), strict=True))
    # A push does not tell that its number is that of a way back: what the courier then answers is the same again.
    proven = {(each.occurred_at, each.code, text) for each, text, _ in told if each.confirmed}
    return [
        TrackingView(
            occurred_at=clock.rfc3339(each.occurred_at),
            status=each.status,
            status_text=_event_text(each, is_own=row["is_own"]),
            text=text,
            place=place,
            undone=bool(each.status) and (each.status, each.occurred_at, each.code) not in kept,
        )
        for each, text, place in told
        if each.confirmed or not text or (each.occurred_at, each.code, text) not in proven
    ]


def _event_text(event: Sighting, *, is_own: bool) -> str:
    """Name what an event tells; an end of which only an unproven push tells does not count yet, and is marked."""
    if not event.status:
        return ""
    status = ShipmentStatus(event.status)
    text = status_text(status, is_own=is_own)
    return f"{text}（待快递公司核实）" if status in TERMINAL and not event.confirmed else text


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
