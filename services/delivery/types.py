"""What crosses delivery's door: commands, views, the couriers' words in our own; frozen, personal data unprinted."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from services.delivery.states import CUSTODY_TEXT, SECTION_TEXT, Section
from services.delivery.tracking.types import ShipmentView, StepState, StepView, TrackingView

__all__ = ["CUSTODY_TEXT", "SECTION_TEXT", "Section", "ShipmentView", "StepState", "StepView", "TrackingView"]


RECEIVER_COLUMN = "delivery.receiver"
"""The column name under which the citizen's contact is encrypted, in choices and parcels alike."""

REFRESH_EVERY = timedelta(minutes=10)
"""A citizen has a parcel asked about at most once in this time."""


class DeliveryMethod(StrEnum):
    """How a result reaches the citizen: 快递送达, 窗口自取, 自助柜领取, 电子送达."""

    COURIER = "COURIER"
    COUNTER = "COUNTER"
    LOCKER = "LOCKER"
    ELECTRONIC = "ELECTRONIC"


METHOD_TEXT = {
    DeliveryMethod.COURIER: "快递送达",
    DeliveryMethod.COUNTER: "窗口自取",
    DeliveryMethod.LOCKER: "自助柜领取",
    DeliveryMethod.ELECTRONIC: "电子送达",
}


class Leg(StrEnum):
    """The two legs of 双向快递: results to the citizen, originals to the window."""

    OUTBOUND = "OUTBOUND"
    INBOUND = "INBOUND"


class Payer(StrEnum):
    """Who pays the postage: the government (免费邮寄), the citizen by a bill before, or at the door."""

    FREE = "FREE"
    ONLINE = "ONLINE"
    ON_DELIVERY = "ON_DELIVERY"


PAYER_TEXT = {Payer.FREE: "免费邮寄", Payer.ONLINE: "在线支付邮费", Payer.ON_DELIVERY: "邮费到付"}


class Level(StrEnum):
    """How fast it shall go."""

    STANDARD = "STANDARD"
    EXPRESS = "EXPRESS"


class Freight(StrEnum):
    """Whom the courier charges: our monthly account, the receiver at the door, the sender at pick-up."""

    ACCOUNT = "ACCOUNT"
    RECEIVER = "RECEIVER"
    SENDER = "SENDER"


class Contact(Struct, frozen=True, kw_only=True):
    """A sender or receiver; `address` is the whole line from province to door.

    `province`, `city`, `county` and `street` are its parts where they are known; couriers that need them apart get
    them from `addresses.with_parts`.
    """

    name: str
    phone: str
    address: str
    province: str = ""
    city: str = ""
    county: str = ""
    street: str = ""

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
    payer: str = ""
    """"" leaves it to the rules."""
    level: Level = Level.STANDARD
    in_person: bool = False
    place_code: str = ""


@dataclass(frozen=True, slots=True)
class ShipmentOrder:
    """One parcel to be sent for a case: to the choice's receiver, from `sender`.

    `division_code` and `department_code` are those of the body that sends it: its staff see it on their board.
    `paid_by_receiver`: its items leave the postage to the citizen; `item_codes` are what else decides who pays.
    """

    subject_no: str
    cargo: str
    sender: Contact = field(repr=False)
    division_code: str
    department_code: str
    paid_by_receiver: bool = False
    item_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierOrder:
    """What a courier is asked to carry; `shipment_no` is our number and its idempotency key.

    `product` is the courier's own code ("" = its usual one); `carrier` matters to aggregators only. With
    `holder_tail` (last eight characters of an ID number, given by consent) only that person may be handed the parcel.
    Moments are aware UTC; a courier comes by itself where no pick-up time is given. `is_inbound`: the citizen sends it
    to us.
    """

    shipment_no: str
    cargo: str
    sender: Contact = field(repr=False)
    receiver: Contact = field(repr=False)
    freight: Freight = Freight.ACCOUNT
    carrier: str = ""
    product: str = ""
    weight_grams: int = 200
    pickup_from: datetime | None = None
    pickup_until: datetime | None = None
    holder_tail: str = field(default="", repr=False)
    is_inbound: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelRef:
    """How a courier knows a parcel. `order_ref` is its own order number, `phone` of the citizen at one end.

    `carrier` is in 快递100's codes (shunfeng, ems, …). `is_ordered`: it was booked through this courier; else the
    number was typed by the citizen and is only followed.
    """

    shipment_no: str
    waybill_no: str = ""
    order_ref: str = ""
    carrier: str = ""
    phone: str = field(default="", repr=False)
    is_ordered: bool = True


class WaybillKind(StrEnum):
    """What a number of a parcel is."""

    MAIN = "MAIN"
    CHILD = "CHILD"
    SIGN_BACK = "SIGN_BACK"
    RETURN = "RETURN"
    FORMER = "FORMER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waybill:
    """A number that a parcel travels under."""

    waybill_no: str
    carrier: str
    kind: WaybillKind = WaybillKind.MAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A courier's order as it keeps it; `waybill_no` is "" where the courier gives it later."""

    shipment_no: str
    waybill_no: str
    carrier: str = ""
    order_ref: str = ""
    route_code: str = ""
    """Printed large on the label (大头笔, 路由码); "" where the courier gives none."""
    further: tuple[Waybill, ...] = ()


class Reach(StrEnum):
    """Whether a courier serves an address."""

    YES = "YES"
    NO = "NO"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a courier says before an order: price in fen and the moment of arrival, where it says so."""

    price_fen: int | None = None
    arrives_at: datetime | None = None


class SignedAs(StrEnum):
    """Who took a delivered parcel; OTHER and the places are worth telling the citizen 请核对."""

    SELF = "SELF"
    AGENT = "AGENT"
    LOCKER = "LOCKER"
    STATION = "STATION"
    DESK = "DESK"
    OTHER = "OTHER"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class CourierEvent:
    """One event as a courier told it, in our words; `status` is "" where no table knows `code`.

    `shipment_no` is "" where the courier names the waybill only. `event_key` is equal for equal events, whether they
    were pushed or asked for. `undoes` are the codes whose newest earlier event this one takes back; such an event
    has no status of its own. `charge_fen` is a part of the freight that the courier settles with this event; the parts
    of a parcel's events add up and then count instead of `ParcelNews.freight_fen`. An event that is not `is_dated` came
    without a moment of its own: told again, it keeps the one at which it was first heard.
    """

    shipment_no: str
    waybill_no: str
    event_key: str
    occurred_at: datetime
    code: str
    status: str
    text: str = ""
    place: str = ""
    undoes: tuple[str, ...] = ()
    signed_as: SignedAs = SignedAs.UNKNOWN
    charge_fen: int | None = None
    is_dated: bool = True


class Following(StrEnum):
    """What became of a subscription: it was given up (ask again later), or ended with the parcel."""

    ABORTED = "ABORTED"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelNews:
    """What a courier tells about a parcel besides its road; what it does not say stays as it is.

    `waybills` are numbers given later, in exchange or for the way back. `courier_phone` is masked by the room before
    it is stored. `freight_fen` is the sum that the courier charges so far.
    """

    shipment_no: str = ""
    waybill_no: str = ""
    waybills: tuple[Waybill, ...] = ()
    order_ref: str = ""
    courier_phone: str = field(default="", repr=False)
    promised_at: datetime | None = None
    collect_hint: str = ""
    freight_fen: int | None = None
    weight_grams: int | None = None
    following: Following | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that one push or one answer tells."""

    events: tuple[CourierEvent, ...] = ()
    news: tuple[ParcelNews, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A courier's call as it came: the raw body, and the decoded query of the address that we gave it."""

    body: bytes = field(repr=False)
    content_type: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


class ChoiceView(Struct, frozen=True, kw_only=True):
    """The choice as the citizen reads it."""

    application_no: str
    method: str
    method_text: str
    receiver_shown: str
    locked: bool
    payer: str = ""
    level: str = Level.STANDARD
    in_person: bool = False
    place_code: str = ""


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
