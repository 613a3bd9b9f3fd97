"""What goes into and comes out of the SF client: frozen data in SF's words, money in fen, times aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum


class PayMethod(IntEnum):
    """Who pays the freight (付款方式)."""

    SENDER = 1
    RECEIVER = 2
    THIRD_PARTY = 3


class FilterResult(IntEnum):
    """Whether SF serves the addresses (筛单结果)."""

    MANUAL_CHECK = 1
    SERVED = 2
    NOT_SERVED = 3
    ADDRESS_UNCLEAR = 4


@dataclass(frozen=True, slots=True)
class SfAccount:
    """Our access to 丰桥: 顾客编码, 校验码, the 月结卡号 that pays; with `token_url` calls carry a token (OAuth2)."""

    partner_id: str
    check_word: str = field(repr=False)
    monthly_card: str
    service_url: str = "https://bspgw.sf-express.com/std/service"
    token_url: str = ""


@dataclass(frozen=True, slots=True)
class SfContact:
    """Sender or receiver with the address in its parts; never printed."""

    name: str = field(repr=False)
    mobile: str = field(repr=False)
    province: str
    city: str
    county: str
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SfOrder:
    """One parcel to be sent; `order_id` (at most 64) is our own number and SF's idempotency key.

    `on_account`: our monthly card pays, as sender or, for a parcel between others, as third party. With
    `id_number_tail`, the last eight characters of the receiver's ID number, SF hands over to that person only.
    """

    order_id: str
    sender: SfContact
    receiver: SfContact
    cargo_name: str
    pay_method: PayMethod
    on_account: bool = True
    express_type_id: int = 2
    weight_kg: str = ""
    pick_up_at: datetime | None = None
    send_courier: bool = True
    id_number_tail: str = field(default="", repr=False)
    remark: str = ""


@dataclass(frozen=True, slots=True)
class SfPlacedOrder:
    """An order as SF keeps it. `waybill_no` is empty while the addresses await a manual check, or are refused."""

    order_id: str
    waybill_no: str
    sign_back_waybill_no: str
    filter_result: FilterResult
    remark: str
    child_waybill_nos: tuple[str, ...] = ()
    route_code: str = ""


@dataclass(frozen=True, slots=True)
class SfOrderState:
    """One state of an order before the parcel is on its road (订单状态); `state_code` is SF's raw code, as 04-40001."""

    order_id: str
    waybill_no: str
    state_code: str
    happened_at: datetime
    description: str
    courier_phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SfPush:
    """What one push tells: nodes of roads, or states of orders."""

    routes: tuple[SfRouteEvent, ...] = ()
    states: tuple[SfOrderState, ...] = ()


@dataclass(frozen=True, slots=True)
class SfRouteEvent:
    """One node of a parcel's road (路由). `event_id` is set in pushes only; `op_code` is SF's raw code."""

    event_id: str
    order_id: str
    waybill_no: str
    op_code: str
    happened_at: datetime
    place: str
    remark: str
    reason_code: str = ""
    reason_name: str = ""


@dataclass(frozen=True, slots=True)
class SfReach:
    """Whether both addresses are served, and why not (`remark`: 1 收方超范围, 2 派方超范围, 3 其它)."""

    result: FilterResult
    remark: str


@dataclass(frozen=True, slots=True)
class SfEstimate:
    """One product's promised arrival and price; `fee_fen` is None when SF quotes none."""

    business_type: str
    name: str
    arrives_at: datetime | None
    fee_fen: int | None
