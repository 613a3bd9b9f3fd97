"""Rows of mailings as their views, and the events of them; pure. Called by the part's use cases only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app import clock
from app.db import Row
from app.events import DomainEvent
from services.delivery.booking import pickups
from services.delivery.mailing.carriers import CARRIERS
from services.delivery.mailing.repository import contents_of
from services.delivery.mailing.types import (
    CONDITION_TEXT,
    STATUS_TEXT,
    CarrierName,
    Condition,
    Content,
    MailingLine,
    MailingStatus,
    MailingView,
    NewMailing,
    Receipt,
    Slot,
)
from services.delivery.states import MEANINGS, ShipmentStatus

_CARGO = "申请材料原件"
_NAMED = 40


def cargo(contents: Sequence[Content], earlier: int) -> str:
    """Name the content of the parcel; what the papers are is nobody's business on the road."""
    return f"{_CARGO}（{len(contents)}件）" + (f"补寄{earlier}" if earlier else "")


def mailing_view(row: Row) -> MailingView:
    """Show a mailing."""
    status = MailingStatus(row["status"])
    return MailingView(
        application_no=row["subject_no"],
        status=status,
        status_text=STATUS_TEXT[status],
        contents=contents_of(row),
        asked_at=clock.rfc3339(row["asked_at"]),
        shipment_no=row["shipment_no"],
        received_at=clock.rfc3339_or_none(row["received_at"]),
        condition=row["condition"],
        condition_text=CONDITION_TEXT[Condition(row["condition"])] if row["condition"] else "",
        condition_note=row["condition_note"],
        version=row["version"],
    )


def line(row: Row) -> MailingLine:
    """Show a mailing in the window's list."""
    status = MailingStatus(row["status"])
    parcel = row["shipment_status"]
    return MailingLine(
        application_no=row["subject_no"],
        status=status,
        status_text=STATUS_TEXT[status],
        contents=contents_of(row),
        asked_at=clock.rfc3339(row["asked_at"]),
        shipment_no=row["shipment_no"],
        carrier=CARRIERS.get(row["carrier"], row["carrier"]),
        waybill_no=row["waybill_no"],
        shipment_status=parcel,
        shipment_status_text=MEANINGS[ShipmentStatus(parcel)].text if parcel else "",
        condition_text=CONDITION_TEXT[Condition(row["condition"])] if row["condition"] else "",
        version=row["version"],
    )


def slots(now: datetime) -> list[Slot]:
    """List the times at which a courier may come."""
    return [
        Slot(pickup_from=clock.rfc3339(begins), pickup_until=clock.rfc3339(ends))
        for begins, ends in pickups.windows(now)
    ]


def carrier_names() -> list[CarrierName]:
    """List the carriers that may be named with one's own number."""
    return [CarrierName(carrier=carrier, name=name) for carrier, name in CARRIERS.items()]


def asked_event(new: NewMailing) -> DomainEvent:
    """Say that originals are asked for: which, and where to."""
    return DomainEvent(
        name="mailing.asked",
        subject_no=new.subject_no,
        citizen_id=new.citizen_id.hex,
        facts={"item_name": new.item_name, "contents": _names(new.contents), "place": new.place},
    )


def asked_again_event(row: Row, reason: str) -> DomainEvent:
    """Say that originals are asked for once more, and why."""
    return _event(row, "asked_again", reason=reason)


def sent_event(row: Row, shipment_no: str) -> DomainEvent:
    """Say that the originals are about to come."""
    return _event(row, "sent", shipment_no=shipment_no)


def received_event(row: Row, receipt: Receipt) -> DomainEvent:
    """Say that the window has the originals, or what is wrong with them."""
    if receipt.condition is Condition.INTACT:
        return _event(row, "received")
    return _event(row, "faulty", condition_text=CONDITION_TEXT[receipt.condition], reason=receipt.note.strip())


def waived_event(row: Row) -> DomainEvent:
    """Say that nothing needs to be sent any more."""
    return _event(row, "waived")


def given_back_event(row: Row) -> DomainEvent:
    """Say that the window gave the originals back: whoever did not fetch them notices."""
    return _event(row, "given_back")


def _event(row: Row, name: str, **facts: Any) -> DomainEvent:
    return DomainEvent(
        name=f"mailing.{name}",
        subject_no=row["subject_no"],
        citizen_id=row["citizen_id"].hex,
        facts={"contents": _names(contents_of(row)), **facts},
    )


def _names(contents: Sequence[Content]) -> str:
    text = "、".join(content.name for content in contents)
    return text if len(text) <= _NAMED else f"{text[: _NAMED - 1]}…"
