"""What crosses delivery's door: commands, views, the couriers' words in our own; frozen, personal data unprinted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from services.delivery.states import CUSTODY_TEXT, SECTION_TEXT, Section

__all__ = ["CUSTODY_TEXT", "SECTION_TEXT", "Section"]


class DeliveryMethod(StrEnum):
    """How a result reaches the citizen: 快递送达, 窗口自取, 电子送达."""

    COURIER = "COURIER"
    COUNTER = "COUNTER"
    ELECTRONIC = "ELECTRONIC"


METHOD_TEXT = {
    DeliveryMethod.COURIER: "快递送达",
    DeliveryMethod.COUNTER: "窗口自取",
    DeliveryMethod.ELECTRONIC: "电子送达",
}


class Contact(Struct, frozen=True, kw_only=True):
    """A sender or receiver; `address` is the whole line from province to door."""

    name: str
    phone: str
    address: str

    def __repr__(self) -> str:
        return "Contact(…)"


@dataclass(frozen=True, slots=True)
class Choice:
    """The citizen's choice for one case; `receiver` only with COURIER, `receiver_shown` is its masked line."""

    subject_no: str
    citizen_id: uuid.UUID
    method: DeliveryMethod
    division_code: str = ""
    receiver: Contact | None = field(default=None, repr=False)
    receiver_shown: str = ""


@dataclass(frozen=True, slots=True)
class ShipmentOrder:
    """One parcel to be sent for a case: to the choice's receiver, from `sender`; `paid_by_receiver` is 到付.

    `division_code` and `department_code` are those of the body that sends it: its staff see it on their board.
    """

    subject_no: str
    cargo: str
    sender: Contact = field(repr=False)
    division_code: str
    department_code: str
    paid_by_receiver: bool = False


@dataclass(frozen=True, slots=True)
class CourierOrder:
    """What a courier is asked to carry; `shipment_no` is our number and its idempotency key."""

    shipment_no: str
    cargo: str
    sender: Contact = field(repr=False)
    receiver: Contact = field(repr=False)
    paid_by_receiver: bool = False


@dataclass(frozen=True, slots=True)
class Booking:
    """A courier's order as it keeps it; no waybill yet while it checks the addresses by hand."""

    shipment_no: str
    waybill_no: str


@dataclass(frozen=True, slots=True)
class CourierEvent:
    """One event as a courier told it, in our words; `status` is "" where no table knows `code`.

    `event_key` is equal for equal events, whether they were pushed or asked for.
    """

    shipment_no: str
    waybill_no: str
    event_key: str
    occurred_at: datetime
    code: str
    status: str
    text: str = ""
    place: str = ""


class ChoiceView(Struct, frozen=True, kw_only=True):
    """The choice as the citizen reads it."""

    application_no: str
    method: str
    method_text: str
    receiver_shown: str
    locked: bool


class TrackingView(Struct, frozen=True, kw_only=True):
    """One event of the parcel for the citizen."""

    occurred_at: str
    status: str
    status_text: str
    text: str
    place: str


class SectionCount(Struct, frozen=True, kw_only=True):
    """A column of the staff's board with how many parcels stand in it."""

    section: str
    title: str
    count: int


class BoardLine(Struct, frozen=True, kw_only=True):
    """A parcel on the staff's board; the receiver is masked."""

    shipment_no: str
    application_no: str
    section: str
    status: str
    status_text: str
    custody_text: str
    courier_name: str
    waybill_no: str
    cargo: str
    receiver_shown: str
    division_code: str
    department_code: str
    requested_at: str
    last_event_at: str | None
    delivered_at: str | None


class BoardPage(Struct, frozen=True, kw_only=True):
    """A page of a column."""

    data: list[BoardLine]
    next_cursor: str | None


class Board(Struct, frozen=True, kw_only=True):
    """The columns of the board."""

    data: list[SectionCount]
    next_cursor: None = None


class ShipmentView(Struct, frozen=True, kw_only=True):
    """A parcel for the citizen and for staff."""

    shipment_no: str
    application_no: str
    courier: str
    courier_name: str
    waybill_no: str
    status: str
    status_text: str
    custody: str
    cargo: str
    receiver_shown: str
    requested_at: str
    booked_at: str | None
    delivered_at: str | None
    events: list[TrackingView]
