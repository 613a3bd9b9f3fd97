"""Parcels as other parts of the room ask for them, and the rows that become of them. Frozen; contacts unprinted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct

from services.delivery.collecting.types import PlaceView
from services.delivery.types import Contact, Leg, Level, Payer


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundOrder:
    """A parcel that the citizen sends to the window, picked up at their door.

    `window` is our end, `citizen` theirs; `citizen_shown` is its masked line. With ON_DELIVERY the citizen pays the
    courier at the door, which for this leg is at pick-up. Moments are aware UTC.
    """

    subject_no: str
    citizen_id: uuid.UUID
    cargo: str
    window: Contact = field(repr=False)
    citizen: Contact = field(repr=False)
    citizen_shown: str
    citizen_division_code: str
    division_code: str
    department_code: str
    item_codes: tuple[str, ...] = ()
    leg_payer: str = "citizen"
    payer: str = ""
    level: Level = Level.STANDARD
    pickup_from: datetime | None = None
    pickup_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnParcel:
    """A parcel that the citizen has sent to the window by themselves; it is only followed."""

    subject_no: str
    citizen_id: uuid.UUID
    cargo: str
    window: Contact = field(repr=False)
    citizen: Contact | None = field(default=None, repr=False)
    citizen_shown: str = ""
    division_code: str
    department_code: str
    waybill_no: str
    carrier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewParcel:
    """A row to be made; its fields are the columns. `sender` is JSON, the citizen's contact is encrypted."""

    shipment_no: str
    subject_no: str
    citizen_id: uuid.UUID
    leg: str = Leg.OUTBOUND
    is_own: bool = False
    attempt: int = 1
    replaces_no: str = ""
    courier: str
    carrier: str = ""
    product: str = ""
    level: str = Level.STANDARD
    waybill_no: str = ""
    status: str = "REQUESTED"
    cargo: str
    sender: str = field(repr=False)
    receiver_cipher: bytes | None = field(default=None, repr=False)
    receiver_shown: str = ""
    receiver_hash: str = ""
    division_code: str
    department_code: str
    to_division_code: str = ""
    in_person: bool = False
    payer: str = Payer.FREE
    postage_fen: int = 0
    bill_no: str = ""
    paid_at: datetime | None = None
    pickup_from: datetime | None = None
    pickup_until: datetime | None = None
    custody: str = "WINDOW"
    created_at: datetime
    booked_at: datetime | None = None
    follow_after: datetime | None = None
    ask_after: datetime | None = None

    @property
    def awaits_payment(self) -> bool:
        """Tell whether it goes nowhere before its postage is paid."""
        return self.payer == Payer.ONLINE and self.paid_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingWish:
    """What else a citizen may say about the way of a result; "" and the defaults leave it to the rules."""

    payer: str = ""
    level: Level = Level.STANDARD
    in_person: bool = False
    place_code: str = ""


@dataclass(frozen=True, slots=True)
class NewAddress:
    """Another contact of the citizen for a parcel, with its masked line and division."""

    contact: Contact = field(repr=False)
    shown: str
    division_code: str


class PayerOption(Struct, frozen=True, kw_only=True):
    """A way to pay the postage; `postage_fen` is known only where it is paid online."""

    payer: str
    payer_text: str
    postage_fen: int | None


class LevelOption(Struct, frozen=True, kw_only=True):
    """How fast a parcel may go: with whom, in how many days, who may pay for it, the usual first."""

    level: str
    level_text: str
    courier_name: str
    days: int | None
    payers: list[PayerOption]


class MethodOption(Struct, frozen=True, kw_only=True):
    """A way in which a result may come."""

    method: str
    method_text: str


class DeliveryOptions(Struct, frozen=True, kw_only=True):
    """What a citizen may choose for a result; `levels` matter with COURIER, `places` with COUNTER and LOCKER."""

    methods: list[MethodOption]
    levels: list[LevelOption]
    places: list[PlaceView]


class ShipmentChange(Struct, frozen=True, kw_only=True):
    """Under which number a parcel goes from now on, and where the former one stands."""

    shipment_no: str
    former_no: str
    former_status: str
    former_status_text: str
    told: str
