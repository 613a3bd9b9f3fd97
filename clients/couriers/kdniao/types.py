"""What goes into and comes out of the 快递鸟 client: frozen data in its words, times aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum


class PayType(IntEnum):
    """Who pays the freight (运费支付方式)."""

    SENDER = 1
    RECEIVER = 2
    MONTHLY = 3
    THIRD_PARTY = 4


@dataclass(frozen=True, slots=True)
class KdniaoAccount:
    """Our access: 用户 ID and AppKey."""

    business_id: str
    app_key: str = field(repr=False)
    base: str = "https://api.kdniao.com"


@dataclass(frozen=True, slots=True)
class KdniaoContact:
    """Sender or receiver with the address in its parts; never printed."""

    name: str = field(repr=False)
    mobile: str = field(repr=False)
    province: str
    city: str
    county: str
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KdniaoOrder:
    """One parcel to be fetched; `order_code` is our number and 快递鸟's idempotency key."""

    order_code: str
    shipper_code: str
    sender: KdniaoContact
    receiver: KdniaoContact
    goods_name: str
    pay_type: PayType
    weight_kg: str
    express_type: int = 1
    pick_up_from: datetime | None = None
    pick_up_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class KdniaoPlacedOrder:
    """An order as 快递鸟 keeps it; `waybill_no` is empty where the carrier gives it later."""

    order_code: str
    shipper_code: str
    waybill_no: str
    kdn_order_code: str = ""
    mark_destination: str = ""


@dataclass(frozen=True, slots=True)
class KdniaoTrace:
    """One event of a road; `action` is the raw code, empty where the account has the plain service only."""

    accepted_at: datetime
    station: str
    location: str
    action: str


@dataclass(frozen=True, slots=True)
class KdniaoTrack:
    """The whole road of a waybill, oldest first; `state` is the raw code of its end (StateEx before State)."""

    order_code: str
    callback: str
    shipper_code: str
    waybill_no: str
    state: str
    traces: tuple[KdniaoTrace, ...]
    courier_phone: str = field(default="", repr=False)
