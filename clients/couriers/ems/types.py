"""What goes into and comes out of the EMS client: frozen data in EMS's words, money in fen, times aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from clients.couriers.ems.encryption import SignKey


class PaymentMode(IntEnum):
    """Who pays the freight (付款方式); the numbers are those of public clients, unconfirmed."""

    SENDER = 1
    RECEIVER = 2


class Product(IntEnum):
    """What is ordered (业务产品分类)."""

    EXPRESS = 1
    PARCEL = 2
    EXPRESS_ON_DELIVERY = 3
    SAME_DAY = 9
    SHOP_STANDARD = 10
    STANDARD = 11


class Content(IntEnum):
    """What is inside (内件性质)."""

    DOCUMENT = 1
    GOODS = 3


@dataclass(frozen=True, slots=True)
class EmsAccount:
    """Our access: 协议客户号, 授权码 and 签名钥匙 as EMS issued them; the test address has its own 授权码."""

    sender_no: str
    authorization: str = field(repr=False)
    sign_key: SignKey
    service_url: str = "https://api.ems.com.cn/amp-prod-api/f/amp/api/open"


@dataclass(frozen=True, slots=True)
class EmsContact:
    """Sender or receiver with the address in its parts; `mobile` or else `phone` is set. Never printed."""

    name: str = field(repr=False)
    province: str
    city: str
    county: str
    address: str = field(repr=False)
    mobile: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)

    @property
    def whole_address(self) -> str:
        """The address in one line; a municipality is named once."""
        parts = dict.fromkeys((self.province, self.city, self.county))
        return f"{''.join(parts)}{self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmsOrder:
    """One parcel to be sent; `order_no` is our own number. Weight in grams, moments aware UTC."""

    order_no: str
    sender: EmsContact
    receiver: EmsContact
    cargo_name: str
    payment_mode: PaymentMode = PaymentMode.SENDER
    product: int = Product.EXPRESS
    content: Content = Content.DOCUMENT
    weight_grams: int = 200
    pickup_from: datetime | None = None
    pickup_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EmsPlacedOrder:
    """An order as EMS keeps it."""

    order_no: str
    waybill_no: str


@dataclass(frozen=True, slots=True)
class EmsTrack:
    """One event of a parcel's road. Codes are EMS's raw ones."""

    waybill_no: str
    op_code: str
    happened_at: datetime
    name: str
    description: str
    place: str
    deliver_code: str = ""
    attempt_code: str = ""


@dataclass(frozen=True, slots=True)
class EmsFreight:
    """What EMS charged for a parcel, in fen, and what it weighed, in grams; None where it does not say."""

    waybill_no: str
    charged_fen: int | None
    weight_grams: int | None


@dataclass(frozen=True, slots=True)
class EmsParsedAddress:
    """A line that EMS took apart."""

    province: str
    city: str
    county: str
    address: str = field(repr=False)
