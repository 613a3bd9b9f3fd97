"""What crosses the door of mailings: originals that are asked for, their states, the window's receipt; frozen."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from app.db import Transaction
from services.delivery.types import ShipmentView

Record: TypeAlias = Callable[[Transaction], Awaitable[None]]
"""Writes down who did it, as the last statement of the act's transaction."""


class MailingStatus(StrEnum):
    """How far the originals of a case are; ENDED with a case that ended before."""

    ASKED = "ASKED"
    SENT = "SENT"
    RECEIVED = "RECEIVED"
    BROUGHT = "BROUGHT"
    WAIVED = "WAIVED"
    ENDED = "ENDED"


STATUS_TEXT = {
    MailingStatus.ASKED: "待寄送",
    MailingStatus.SENT: "寄送中",
    MailingStatus.RECEIVED: "窗口已收到",
    MailingStatus.BROUGHT: "已现场提交",
    MailingStatus.WAIVED: "无需提交",
    MailingStatus.ENDED: "已结束",
}
AWAITED = (MailingStatus.ASKED, MailingStatus.SENT)
"""While it stands so the window waits for something."""


class Condition(StrEnum):
    """How what came was found at the window."""

    INTACT = "INTACT"
    DAMAGED = "DAMAGED"
    INCOMPLETE = "INCOMPLETE"
    WRONG = "WRONG"


CONDITION_TEXT = {
    Condition.INTACT: "完好",
    Condition.DAMAGED: "有破损",
    Condition.INCOMPLETE: "不齐全",
    Condition.WRONG: "与所需材料不符",
}


class Content(Struct, frozen=True, kw_only=True):
    """One original that is asked for; `required`: no electronic copy stands in for it."""

    code: str
    name: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMailing:
    """Originals to be asked for; `item_name` and `place` are for the notice."""

    subject_no: str
    citizen_id: uuid.UUID
    division_code: str
    department_code: str
    contents: tuple[Content, ...]
    item_name: str
    place: str


class Receipt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the window confirms of a parcel: in which condition, and what is wrong where it is not intact."""

    condition: Condition
    note: Annotated[str, Meta(max_length=300)] = ""
    version: Annotated[int, Meta(ge=1, le=2_000_000_000)] | None = None


class Slot(Struct, frozen=True, kw_only=True):
    """A time at which a courier may come (Beijing time with offset)."""

    pickup_from: str
    pickup_until: str


class CarrierName(Struct, frozen=True, kw_only=True):
    """A carrier that may be named with one's own number."""

    carrier: str
    name: str


class MailingView(Struct, frozen=True, kw_only=True):
    """The originals of a case for the citizen and for staff; `acts` are what the citizen may do now."""

    application_no: str
    status: str
    status_text: str
    contents: list[Content]
    asked_at: str
    shipment_no: str
    received_at: str | None
    condition: str
    condition_text: str
    condition_note: str
    version: int


class MailingDetail(Struct, frozen=True, kw_only=True):
    """A mailing with where to send it, when couriers come, who may pay, and the parcel under way."""

    mailing: MailingView
    window_name: str
    window_phone: str
    window_address: str
    slots: list[Slot]
    payers: list[str]
    postage_fen: int
    carriers: list[CarrierName]
    shipment: ShipmentView | None
    acts: list[str]


class MailingLine(Struct, frozen=True, kw_only=True):
    """A mailing in the window's list, with where its parcel is."""

    application_no: str
    status: str
    status_text: str
    contents: list[Content]
    asked_at: str
    shipment_no: str
    carrier: str
    waybill_no: str
    shipment_status: str
    shipment_status_text: str
    condition_text: str
    version: int


class MailingPage(Struct, frozen=True, kw_only=True):
    """A page of mailings in the caller's scope."""

    data: list[MailingLine]
    next_cursor: str | None = None
