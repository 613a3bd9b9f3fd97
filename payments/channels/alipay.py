"""Alipay (小程序支付, JSAPI_PAY) as a payment channel: vendor words, states and refusals become the room's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from app import metrics
from app.clock import now
from app.errors import CallbackQuarantined, ProviderProtocolError, ProviderRejected
from clients.alipay import trade
from clients.alipay.failures import is_code
from clients.alipay.gateway import AlipayGateway
from clients.alipay.notification import TradeEffect, TradeNotification, read_trade_notification
from clients.alipay.trade import Buyer, RefundState, Trade, TradeStatus
from payments.channels.alipay_bills import AlipayBillFiles
from payments.neutral import (
    Acknowledgement,
    ChannelOrder,
    OpenedOrder,
    OrderHint,
    OrderState,
    PaymentNotified,
    ProviderEvent,
    RefundNotified,
    RefundOrder,
    Standing,
    Unreadable,
)
from payments.states import RefundMove

PROVIDER = "alipay"
_REFUND_SPACING = timedelta(seconds=5)
"""Three seconds, and what a call may take on its way. Source: Alipay, alipay.trade.refund (退款间隔至少3秒)."""
_REFUND_QUESTION_AFTER = timedelta(seconds=10)
_NO_TRADE = "ACQ.TRADE_NOT_EXIST"
_NOT_CLOSABLE = ("ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID")
_ALREADY_MADE = ("ACQ.CONTEXT_INCONSISTENT", "ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_CLOSE")
_STANDINGS: Mapping[str, Standing] = {
    TradeStatus.WAIT_BUYER_PAY: Standing.UNPAID,
    TradeStatus.TRADE_SUCCESS: Standing.PAID,
    TradeStatus.TRADE_FINISHED: Standing.PAID,
    TradeStatus.TRADE_CLOSED: Standing.CLOSED,
}


DEPOSIT_BACK_MOVES: Mapping[str, RefundMove] = {
    "S": RefundMove.SUCCEED,
    "F": RefundMove.BOUNCE,
    "P": RefundMove.ACCEPT,
}
"""How the bank took a refund to a card (银行卡冲退): done, given back, not yet known."""


class _Request(msgspec.Struct, frozen=True):
    """What is sent to alipay.trade.create, kept as JSON beside the intent."""

    subject: str
    buyer: str
    total_amount_fen: int
    expires_at: datetime
    notify_url: str


class AlipayPaymentChannel:
    """One Alipay application that collects money. See ports.PaymentChannel for what every method promises."""

    def __init__(self, gateway: AlipayGateway, notify_url: str) -> None:
        self.bills = AlipayBillFiles(gateway)
        self._gateway = gateway
        self._notify_url = notify_url

    @property
    def refund_spacing(self) -> timedelta:
        """Three seconds."""
        return _REFUND_SPACING

    @property
    def refund_question_after(self) -> timedelta:
        """Ten seconds."""
        return _REFUND_QUESTION_AFTER

    def prepare(self, order: ChannelOrder) -> bytes:
        """Return the parameters of the trade."""
        return msgspec.json.encode(
            _Request(order.description, order.payer_subject, order.amount_fen, order.expires_at, self._notify_url)
        )

    async def open(self, order: ChannelOrder) -> OpenedOrder:
        """Create the trade; where Alipay says that it exists already, its `trade_no` is asked for.

        Source: Alipay, alipay.trade.create. Repeating with the same content is not documented, hence the question.
        """
        request = msgspec.json.decode(order.request_body, type=_Request)
        try:
            trade_no = await trade.create_trade(
                self._gateway,
                out_trade_no=order.out_trade_no,
                total_amount_fen=request.total_amount_fen,
                subject=request.subject,
                buyer=_buyer(request.buyer),
                expires_at=request.expires_at,
                notify_url=request.notify_url,
                op_app_id=order.app_id,
            )
        except ProviderRejected as error:
            if not is_code(error, *_ALREADY_MADE):
                raise
            found = await trade.query_trade(self._gateway, order.out_trade_no)
            same = found.total_amount_fen == request.total_amount_fen
            if found.trade_status != TradeStatus.WAIT_BUYER_PAY or not same:
                raise
            trade_no = found.trade_no
        return OpenedOrder(trade_no, order.expires_at)

    def phone_parameters(self, order: ChannelOrder, prepay_reference: str) -> dict[str, str]:
        """Return the one field of my.tradePay; it carries no signature."""
        return {"tradeNO": prepay_reference}

    async def query(self, order: ChannelOrder) -> OrderState:
        """Ask by our number. TRADE_CLOSED of a trade that was paid is a full refund: money came."""
        try:
            found = await trade.query_trade(self._gateway, order.out_trade_no)
        except ProviderRejected as error:
            if is_code(error, _NO_TRADE):
                return OrderState(Standing.NOT_PLACED, _NO_TRADE)
            raise
        standing = _STANDINGS.get(found.trade_status)
        if standing is None:
            metrics.UNKNOWN_CODES.labels(PROVIDER).inc()
            return OrderState(Standing.UNRECOGNISED, found.trade_status)
        if standing is not Standing.PAID and found.paid_at is None:
            return OrderState(standing, found.trade_status)
        return OrderState(Standing.PAID, found.trade_status, self._paid(found, order))

    async def close(self, order: ChannelOrder) -> Standing:
        """Close by our number; a refusal by state is looked into, for a repeated close is refused like a paid one."""
        try:
            await trade.close_trade(self._gateway, order.out_trade_no)
        except ProviderRejected as error:
            if is_code(error, _NO_TRADE):
                return Standing.NOT_PLACED
            if not is_code(error, *_NOT_CLOSABLE):
                raise
            state = await self.query(order)
            if state.standing not in (Standing.PAID, Standing.CLOSED):
                raise
            return state.standing
        return Standing.CLOSED

    async def refund(self, order: RefundOrder) -> RefundNotified:
        """Refund; only fund_change=Y proves that money moved, otherwise the refund query tells."""
        answer = await trade.refund_trade(
            self._gateway,
            out_trade_no=order.order.out_trade_no,
            out_request_no=order.out_refund_no,
            refund_amount_fen=order.amount_fen,
            reason=order.reason,
        )
        if answer.fund_changed:
            return _refunded(order, RefundMove.SUCCEED, "fund_change=Y", now())
        return _refunded(order, RefundMove.ACCEPT, "fund_change=N", now())

    async def query_refund(self, order: RefundOrder) -> RefundNotified | None:
        """Ask about a refund by our numbers; "not succeeded" and "unknown" look alike, both may be repeated."""
        try:
            state = await trade.query_refund(
                self._gateway, out_trade_no=order.order.out_trade_no, out_request_no=order.out_refund_no
            )
        except ProviderRejected as error:
            if is_code(error, _NO_TRADE):
                return None
            raise
        if not state.succeeded:
            return None
        if state.refund_amount_fen not in (None, order.amount_fen):
            raise ProviderProtocolError(provider=PROVIDER, call="query_refund", reason="another_amount")
        if state.deposit_back_status in DEPOSIT_BACK_MOVES:
            return _taken_by_bank(order, state)
        return _refunded(order, RefundMove.SUCCEED, "REFUND_SUCCESS", state.refunded_at or now())

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        """Verify and read a notification; refund echoes and closings are hints to ask. Source: Alipay, 异步通知说明."""
        try:
            notified = read_trade_notification(body, self._gateway.app)
        except CallbackQuarantined as unreadable:
            key = str(unreadable.details.get("notify_id", ""))
            return Unreadable(provider=PROVIDER, event_key=key, reason="unreadable_value")
        if notified.effect in (TradeEffect.PAID, TradeEffect.FINISHED):
            return _notified(notified)
        if notified.effect is TradeEffect.NONE:
            return None
        return OrderHint(
            provider=PROVIDER,
            event_key=f"{notified.effect}:{notified.notify_id}",
            occurred_at=notified.refunded_at or notified.closed_at or notified.notified_at or now(),
            out_trade_no=notified.out_trade_no,
        )

    def acknowledgement(self) -> Acknowledgement:
        """Exactly `success`."""
        return Acknowledgement(200, "text/plain", b"success")

    def _paid(self, found: Trade, order: ChannelOrder) -> PaymentNotified:
        # The query names no app and no seller: the signed answer to our own call vouches for both.
        return PaymentNotified(
            provider=PROVIDER,
            event_key=f"paid:{found.trade_no}",
            occurred_at=found.paid_at or order.expires_at,
            out_trade_no=found.out_trade_no,
            provider_trade_no=found.trade_no,
            provider_status=found.trade_status,
            app_id=order.app_id,
            mch_id=order.mch_id,
            sub_mch_id=order.sub_mch_id,
            amount_fen=found.total_amount_fen,
            currency="CNY",
            payer_subjects=_names(found),
        )


def _notified(notified: TradeNotification) -> ProviderEvent:
    occurred_at = notified.paid_at or notified.notified_at
    if notified.total_amount_fen is None or occurred_at is None or not notified.trade_no:
        return Unreadable(provider=PROVIDER, event_key=notified.notify_id, reason="incomplete")
    return PaymentNotified(
        provider=PROVIDER,
        event_key=f"paid:{notified.trade_no}",
        occurred_at=occurred_at,
        out_trade_no=notified.out_trade_no,
        provider_trade_no=notified.trade_no,
        provider_status=notified.trade_status,
        app_id=notified.app_id,
        mch_id=notified.seller_id,
        # In ISV mode app_id is ours and auth_app_id that of the merchant in whose name we collect.
        sub_mch_id=notified.auth_app_id if notified.auth_app_id != notified.app_id else "",
        amount_fen=notified.total_amount_fen,
        currency=notified.currency,
        payer_subjects=_names(notified),
    )


def _refunded(order: RefundOrder, move: RefundMove, provider_status: str, occurred_at: datetime) -> RefundNotified:
    return RefundNotified(
        provider=PROVIDER,
        event_key=f"refund:{order.out_refund_no}",
        occurred_at=occurred_at,
        out_trade_no=order.order.out_trade_no,
        out_refund_no=order.out_refund_no,
        provider_refund_no="",
        provider_status=provider_status,
        move=move,
        amount_fen=order.amount_fen,
    )


def _taken_by_bank(order: RefundOrder, state: RefundState) -> RefundNotified:
    """Say what the bank did; another amount than the refund's is left to the checks, which keep it for staff."""
    move = DEPOSIT_BACK_MOVES[state.deposit_back_status]
    told = _refunded(order, move, f"dback_status={state.deposit_back_status}", state.deposit_back_at or now())
    amount_fen = order.amount_fen if state.deposit_back_fen is None else state.deposit_back_fen
    key = f"refund:{order.out_refund_no}:dback_{state.deposit_back_status}"
    return replace(told, event_key=key, amount_fen=amount_fen, tells_of_bank=True)


def _buyer(subject: str) -> Buyer:
    return Buyer(user_id=subject) if _is_user_id(subject) else Buyer(open_id=subject)


def _is_user_id(subject: str) -> bool:
    return len(subject) == 16 and subject.isdigit() and subject.startswith("2088")


def _names(told: Trade | TradeNotification) -> tuple[str, ...]:
    return tuple(name for name in (told.buyer_open_id, told.buyer_user_id) if name)
