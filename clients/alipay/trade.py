"""Trades of the product JSAPI支付 (小程序支付): create, query, close, refund, refund query. Fen in, fen out.

The payment channel's adapter calls it. It must not retry a refund under another number or decide what a state means.

Requests are built with the model and request classes of alipay-sdk-python. Its response classes are left out: they read
untyped text, while the verified fields become our dataclasses in a line. Its crypto and transport are never used.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.errors import ProviderProtocolError
from app.money import yuan_text
from clients.alipay import sdk
from clients.alipay.gateway import AlipayGateway
from clients.alipay.values import beijing_text, fen, moment, text

_PRODUCT_CODE = "JSAPI_PAY"
_SUBJECT_LENGTH = 256
# The documentation forbids these three in a subject; their full-width forms read the same.
_FORBIDDEN_IN_SUBJECT = str.maketrans({"/": "／", "=": "＝", "&": "＆"})


class TradeStatus(StrEnum):
    """Alipay's trade states; TRADE_CLOSED is an unpaid close or a full refund."""

    WAIT_BUYER_PAY = "WAIT_BUYER_PAY"
    TRADE_SUCCESS = "TRADE_SUCCESS"
    TRADE_FINISHED = "TRADE_FINISHED"
    TRADE_CLOSED = "TRADE_CLOSED"


@dataclass(frozen=True, slots=True)
class Buyer:
    """The payer as the calling app knows him: exactly one of open_id and 2088 user id."""

    open_id: str = ""
    user_id: str = ""

    def __post_init__(self) -> None:
        if bool(self.open_id) == bool(self.user_id):
            raise ValueError("a buyer is named by either open_id or user_id")


@dataclass(frozen=True, slots=True)
class Trade:
    """What Alipay knows of one trade. `total_amount_fen` is what the order asked, vouchers not deducted."""

    out_trade_no: str
    trade_no: str
    trade_status: str
    total_amount_fen: int
    receipt_amount_fen: int | None
    buyer_open_id: str
    buyer_user_id: str
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """The gateway took the refund. Only `fund_changed` proves that money moved by this call; otherwise query."""

    trade_no: str
    fund_changed: bool
    refunded_total_fen: int


@dataclass(frozen=True, slots=True)
class RefundState:
    """One refund by our own number. Not `succeeded` = not refunded, not yet, or a number Alipay does not know."""

    out_trade_no: str
    out_request_no: str
    succeeded: bool
    refund_amount_fen: int | None
    total_amount_fen: int | None
    refunded_at: datetime | None
    deposit_back_status: str
    deposit_back_fen: int | None = None
    deposit_back_at: datetime | None = None


async def create_trade(
    gateway: AlipayGateway,
    *,
    out_trade_no: str,
    total_amount_fen: int,
    subject: str,
    buyer: Buyer,
    expires_at: datetime,
    notify_url: str,
    op_app_id: str = "",
    passback_params: str = "",
) -> str:
    """Create an order and return its `trade_no`, which the phone hands to `my.tradePay`.

    `expires_at` is aware UTC, `op_app_id` the mini-program that shows the cashier (default: the calling app).
    Raises: ProviderUnavailable (unknown: query by `out_trade_no`), ProviderRejected (`ACQ.TRADE_HAS_SUCCESS`: query),
    ProviderProtocolError.
    Idempotent: by `out_trade_no` with the same content (unconfirmed by Alipay: prefer a stored trade_no).
    Source: Alipay open platform, alipay.trade.create (统一收单交易创建接口).
    """
    model, request_of = await sdk.blank("AlipayTradeCreate")
    model.out_trade_no = out_trade_no
    model.total_amount = yuan_text(total_amount_fen)
    model.subject = subject.translate(_FORBIDDEN_IN_SUBJECT)[:_SUBJECT_LENGTH]
    model.product_code = _PRODUCT_CODE
    model.op_app_id = op_app_id or gateway.app.app_id
    model.buyer_open_id = buyer.open_id
    model.buyer_id = buyer.user_id
    model.time_expire = beijing_text(expires_at)
    model.passback_params = passback_params
    request = request_of(biz_model=model)
    request.notify_url = notify_url
    fields = await _call(gateway, request, timeout_seconds=8.0)
    _expect_same(fields, "alipay.trade.create", out_trade_no=out_trade_no)
    return _required(fields, "alipay.trade.create", "trade_no")


async def query_trade(gateway: AlipayGateway, out_trade_no: str) -> Trade:
    """Ask for a trade by our number. A read, repeated by itself when the answer stays away.

    Raises: ProviderRejected with `ACQ.TRADE_NOT_EXIST` when it was never made, ProviderUnavailable,
    ProviderProtocolError (also when the answer is about another order).
    Source: Alipay open platform, alipay.trade.query (统一收单交易查询).
    """
    model, request_of = await sdk.blank("AlipayTradeQuery")
    model.out_trade_no = out_trade_no
    fields = await _call(gateway, request_of(biz_model=model), repeatable=True)
    _expect_same(fields, "alipay.trade.query", out_trade_no=out_trade_no)
    try:
        return Trade(
            out_trade_no=out_trade_no,
            trade_no=text(fields, "trade_no"),
            trade_status=_required(fields, "alipay.trade.query", "trade_status"),
            total_amount_fen=_required_fen(fields, "total_amount"),
            receipt_amount_fen=fen(fields, "receipt_amount"),
            buyer_open_id=text(fields, "buyer_open_id"),
            buyer_user_id=text(fields, "buyer_user_id"),
            paid_at=moment(fields, "send_pay_date"),
        )
    except ValueError:
        raise _unreadable("alipay.trade.query") from None


async def close_trade(gateway: AlipayGateway, out_trade_no: str) -> None:
    """Close an unpaid trade; success means that nobody can pay it any more.

    Raises: ProviderRejected: `ACQ.TRADE_STATUS_ERROR` or `ACQ.REASON_TRADE_STATUS_INVALID` = query, probably paid;
    `ACQ.TRADE_NOT_EXIST` = nothing to close, yet a payment may still come. ProviderUnavailable, ProviderProtocolError.
    Idempotent: by state; a second close is refused with a status error.
    Source: Alipay open platform, alipay.trade.close (统一收单交易关闭接口).
    """
    model, request_of = await sdk.blank("AlipayTradeClose")
    model.out_trade_no = out_trade_no
    fields = await _call(gateway, request_of(biz_model=model))
    _expect_same(fields, "alipay.trade.close", out_trade_no=out_trade_no)


async def refund_trade(
    gateway: AlipayGateway, *, out_trade_no: str, out_request_no: str, refund_amount_fen: int, reason: str
) -> RefundAnswer:
    """Refund a part or all of a trade under our own refund number; at most one call in 3 s per trade.

    Raises: ProviderUnavailable (unknown: query, then repeat with the same number), ProviderRejected (retryable for
    `ACQ.SELLER_BALANCE_NOT_ENOUGH`), ProviderProtocolError.
    Idempotent: yes, by trade + `out_request_no` with the same amount.
    Source: Alipay open platform, alipay.trade.refund (统一收单交易退款接口).
    """
    model, request_of = await sdk.blank("AlipayTradeRefund")
    model.out_trade_no = out_trade_no
    model.out_request_no = out_request_no
    model.refund_amount = yuan_text(refund_amount_fen)
    model.refund_reason = reason
    fields = await _call(gateway, request_of(biz_model=model), timeout_seconds=15.0)
    _expect_same(fields, "alipay.trade.refund", out_trade_no=out_trade_no)
    try:
        return RefundAnswer(
            trade_no=text(fields, "trade_no"),
            fund_changed=text(fields, "fund_change") == "Y",
            refunded_total_fen=fen(fields, "refund_fee") or 0,
        )
    except ValueError:
        raise _unreadable("alipay.trade.refund") from None


async def query_refund(gateway: AlipayGateway, *, out_trade_no: str, out_request_no: str) -> RefundState:
    """Ask for one refund by our numbers; wait 10 s or more after the refund call. A read.

    Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
    Source: Alipay open platform, alipay.trade.fastpay.refund.query (统一收单交易退款查询).
    """
    model, request_of = await sdk.blank("AlipayTradeFastpayRefundQuery")
    model.out_trade_no = out_trade_no
    model.out_request_no = out_request_no
    model.query_options = ["gmt_refund_pay", "deposit_back_info"]
    method = "alipay.trade.fastpay.refund.query"
    fields = await _call(gateway, request_of(biz_model=model), repeatable=True)
    succeeded = text(fields, "refund_status") == "REFUND_SUCCESS"
    if succeeded:
        _expect_same(fields, method, out_trade_no=out_trade_no, out_request_no=out_request_no)
    info = fields.get("deposit_back_info")
    deposit_back = info if isinstance(info, dict) else {}
    try:
        return RefundState(
            out_trade_no=out_trade_no,
            out_request_no=out_request_no,
            succeeded=succeeded,
            refund_amount_fen=fen(fields, "refund_amount"),
            total_amount_fen=fen(fields, "total_amount"),
            refunded_at=moment(fields, "gmt_refund_pay"),
            deposit_back_status=text(deposit_back, "dback_status"),
            deposit_back_fen=fen(deposit_back, "dback_amount"),
            deposit_back_at=moment(deposit_back, "bank_ack_time"),
        )
    except ValueError:
        raise _unreadable(method) from None


async def _call(
    gateway: AlipayGateway, request: Any, *, repeatable: bool = False, timeout_seconds: float = 6.0
) -> dict[str, Any]:
    parameters = request.get_params()
    return await gateway.execute(
        parameters["method"],
        parameters["biz_content"],
        notify_url=parameters.get("notify_url", ""),
        repeatable=repeatable,
        timeout_seconds=timeout_seconds,
    )


def _expect_same(fields: dict[str, Any], method: str, **ours: str) -> None:
    # The signature covers the content only: a genuine answer about another order must not pass for ours.
    for name, value in ours.items():
        if fields.get(name) != value:
            raise ProviderProtocolError(provider="alipay", call=method, reason=f"another_{name}")


def _required(fields: dict[str, Any], method: str, name: str) -> str:
    value = text(fields, name)
    if not value:
        raise ProviderProtocolError(provider="alipay", call=method, reason=f"missing_{name}")
    return value


def _required_fen(fields: dict[str, Any], name: str) -> int:
    value = fen(fields, name)
    if value is None:
        raise ValueError(f"{name} is missing")
    return value


def _unreadable(method: str) -> ProviderProtocolError:
    return ProviderProtocolError(provider="alipay", call=method, reason="unreadable_value")
