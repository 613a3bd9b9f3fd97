"""What goes into and comes out of the 快递100 client: frozen data in its words, money in fen, times aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Kuaidi100Account:
    """Our access: 授权码 (key), 查询公司编号 (customer), secret for orders and labels; `base` is the poll host.

    The other hosts of 快递100 are found from it; anything else than `poll.` stands for all of them.
    """

    base: str
    key: str = field(repr=False)
    customer: str = field(repr=False)
    secret: str = field(repr=False)

    def host(self, name: str) -> str:
        """Return the address of 快递100's host `name` (poll, api, www)."""
        return self.base.rstrip("/").replace("://poll.", f"://{name}.", 1)

    def owns(self, url: str) -> bool:
        """Say whether an address lies with 快递100: nothing is fetched from elsewhere."""
        base, other = urlsplit(self.base), urlsplit(url)
        if base.netloc == other.netloc:
            return True
        _, found, domain = (base.hostname or "").partition("poll.")
        return bool(found) and other.scheme == "https" and (other.hostname or "").endswith(f".{domain}")


@dataclass(frozen=True, slots=True)
class Person:
    """Sender or receiver; `address` is the whole line."""

    name: str = field(repr=False)
    mobile: str = field(repr=False)
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A number to be followed. `carrier` "" lets 快递100 find it; `phone_tail` are four digits of a phone on it."""

    number: str
    carrier: str
    callback_url: str = field(repr=False)
    salt: str = field(repr=False)
    phone_tail: str = field(default="", repr=False)
    origin: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupOrder:
    """An order of 商家寄件; `third_order_id` (at most 32) is our number and the idempotency key for 48 hours.

    `day`, `pickup_start` and `pickup_end` are 今天/明天/后天 and HH:mm. With `track_callback_url` the track is
    subscribed in the same call, with `label_template` a label is made that can be fetched.
    """

    third_order_id: str
    carrier: str
    sender: Person
    receiver: Person
    cargo: str
    weight_kg: str
    payment: str
    callback_url: str = field(repr=False)
    salt: str = field(repr=False)
    service_type: str = ""
    track_callback_url: str = field(default="", repr=False)
    day: str = ""
    pickup_start: str = ""
    pickup_end: str = ""
    label_template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """An order as it was taken; `waybill_no` is "" where the carrier gives it later."""

    task_id: str
    order_id: str
    waybill_no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """An order as 快递100 knows it: raw `status`, whom it sends, what it charges."""

    task_id: str
    order_id: str
    carrier: str
    waybill_no: str
    status: str
    courier_mobile: str = field(default="", repr=False)
    freight_fen: int | None = None
    weight_grams: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCallback:
    """A verified order callback. `task_id` stands outside the signature: never trust it alone.

    `fingerprint` is equal for equal bodies: the callback carries no time and no number of its own.
    """

    task_id: str
    state: OrderState
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEvent:
    """One event of a track; `code` is the raw statusCode, else the code of the state's name, "" where neither is."""

    happened_at: datetime
    code: str
    context: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The whole track of a number, newest event first; `state` is the raw state of all of it."""

    number: str
    carrier: str
    state: str
    events: tuple[TrackEvent, ...]
    arrives_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPush:
    """A verified track push: `status` polling, shutdown, abort or updateall.

    `former_carrier` and `new_carrier` are set where 快递100 corrected the company.
    """

    status: str
    track: Track
    former_carrier: str = ""
    new_carrier: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """A price for one service; fen."""

    service_type: str
    price_fen: int
