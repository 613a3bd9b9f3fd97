"""What Alipay sends by itself: payment notifications (异步通知) and application-gateway messages (From蚂蚁).

Callback doors hand in the raw body. Nothing here looks at our records: numbers, amounts and payers are checked by the
payments room, which also answers `success` or `fail`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.errors import CallbackQuarantined, CallbackRejected
from clients.alipay.config import AlipayApp
from clients.alipay.form import SignRule, verified_form
from clients.alipay.values import fen, moment, text

ACCEPTED = b"success"
REFUSED = b"fail"
_TRADE_NOTIFICATION = "trade_status_sync"


class TradeEffect(StrEnum):
    """What a trade notification says has happened."""

    PAID = "paid"
    REFUND = "refund"
    CLOSED = "closed"
    FINISHED = "finished"
    NONE = "none"


_EFFECTS = {
    "TRADE_SUCCESS": TradeEffect.PAID,
    "TRADE_FINISHED": TradeEffect.FINISHED,
    "TRADE_CLOSED": TradeEffect.CLOSED,
    "WAIT_BUYER_PAY": TradeEffect.NONE,
}


@dataclass(frozen=True, slots=True)
class TradeNotification:
    """One verified payment notification. Amounts in fen, times aware UTC; `refunded_total_fen` is cumulative.

    `currency` is CNY unless the notification says otherwise; the amounts are then not yuan.
    """

    notify_id: str
    app_id: str
    auth_app_id: str
    seller_id: str
    out_trade_no: str
    trade_no: str
    trade_status: str
    effect: TradeEffect
    currency: str
    total_amount_fen: int | None
    receipt_amount_fen: int | None
    refunded_total_fen: int | None
    out_request_no: str
    buyer_open_id: str
    buyer_user_id: str
    notified_at: datetime | None
    paid_at: datetime | None
    refunded_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class GatewayMessage:
    """One verified message to the application gateway (应用网关); `kind` is its msg_method or notify_type."""

    notify_id: str
    app_id: str
    kind: str
    content: dict[str, Any]


def read_trade_notification(raw: bytes, app: AlipayApp) -> TradeNotification:
    """Verify and read a payment notification from the raw form body.

    With `refund_fee` or `gmt_refund` it is a refund echo whatever the status: a hint to ask, never a second payment.
    Raises: CallbackRejected when it is not genuine or no trade notification; CallbackQuarantined when it is genuine
    but unreadable.
    Source: Alipay open platform, 异步通知说明 (V1 signature).
    """
    fields = verified_form(raw, app, (SignRule.V1,))
    if fields.get("notify_type") != _TRADE_NOTIFICATION:
        raise CallbackRejected(provider="alipay", reason="notify_type")
    try:
        return TradeNotification(
            notify_id=text(fields, "notify_id"),
            app_id=text(fields, "app_id"),
            auth_app_id=text(fields, "auth_app_id"),
            seller_id=text(fields, "seller_id"),
            out_trade_no=text(fields, "out_trade_no"),
            trade_no=text(fields, "trade_no"),
            trade_status=text(fields, "trade_status"),
            effect=_effect(fields),
            currency=text(fields, "trans_currency") or "CNY",
            total_amount_fen=fen(fields, "total_amount"),
            receipt_amount_fen=fen(fields, "receipt_amount"),
            refunded_total_fen=fen(fields, "refund_fee"),
            out_request_no=text(fields, "out_biz_no"),
            buyer_open_id=text(fields, "buyer_open_id"),
            buyer_user_id=text(fields, "buyer_id"),
            notified_at=moment(fields, "notify_time"),
            paid_at=moment(fields, "gmt_payment"),
            refunded_at=moment(fields, "gmt_refund"),
            closed_at=moment(fields, "gmt_close"),
        )
    except ValueError:
        raise CallbackQuarantined(
            provider="alipay", reason="unreadable_value", notify_id=text(fields, "notify_id")
        ) from None


def read_gateway_message(raw: bytes, app: AlipayApp) -> GatewayMessage:
    """Verify and read a message of the application gateway: V1 signature first, then V2 of older platform events.

    Raises: CallbackRejected, CallbackQuarantined (genuine, but its content is no JSON object).
    Source: Alipay open platform, 蚂蚁消息 (From蚂蚁) and 应用网关.
    """
    fields = verified_form(raw, app, (SignRule.V1, SignRule.V2))
    kind = fields.get("msg_method") or fields.get("notify_type") or ""
    content: Any = fields
    if "biz_content" in fields:
        try:
            content = json.loads(fields["biz_content"])
        except (ValueError, RecursionError):
            content = None
    if not isinstance(content, dict):
        raise CallbackQuarantined(provider="alipay", reason="unreadable_content", notify_id=text(fields, "notify_id"))
    return GatewayMessage(
        notify_id=text(fields, "notify_id"), app_id=text(fields, "app_id"), kind=kind, content=content
    )


def _effect(fields: dict[str, str]) -> TradeEffect:
    if fields.get("refund_fee") or fields.get("gmt_refund"):
        return TradeEffect.REFUND
    return _EFFECTS.get(fields.get("trade_status", ""), TradeEffect.NONE)
