"""WeChat Pay as a payment channel: vendor words, states and refusals become the room's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from app import metrics
from app.clock import now
from app.errors import ProviderProtocolError, ProviderRejected
from clients.wechat.config import PayMerchant
from clients.wechat.pay_client import PayClient
from clients.wechat.pay_errors import PayCode
from clients.wechat.pay_keys import KeyStore
from clients.wechat.pay_notification import parse_notification
from clients.wechat.pay_types import PrepayOrder, Refund, Transaction
from clients.wechat.pay_types import RefundOrder as WeChatRefundOrder
from payments.channels.wechat_bills import WeChatBillFiles
from payments.merchants.records import PlatformKey
from payments.neutral import (
    Acknowledgement,
    ChannelOrder,
    OpenedOrder,
    OrderState,
    PaymentNotified,
    ProviderEvent,
    RefundNotified,
    RefundOrder,
    Standing,
    Unreadable,
)
from payments.states import RefundMove

PROVIDER = "wechat_pay"
_PREPAY_LIFE = timedelta(hours=2)
_REFUND_SPACING = timedelta(seconds=65)
"""One minute, and what a call may take on its way. Source: WeChat Pay, 申请退款 (同一笔订单退款间隔1分钟)."""
_REFUND_QUESTION_AFTER = timedelta(seconds=60)
_DESCRIPTION_LENGTH = 127
_REASON_BYTES = 80
# REFUND is still a paid order; the three of 付款码 payments are listed so that no state of the table is unknown.
_STANDINGS = {
    "SUCCESS": Standing.PAID,
    "REFUND": Standing.PAID,
    "NOTPAY": Standing.UNPAID,
    "ACCEPT": Standing.UNPAID,
    "USERPAYING": Standing.UNPAID,
    "PAYERROR": Standing.UNPAID,
    "CLOSED": Standing.CLOSED,
    "REVOKED": Standing.CLOSED,
}
_CLOSE_REFUSALS: Mapping[str, Standing] = {
    PayCode.ORDER_PAID: Standing.PAID,
    PayCode.ORDER_NOT_EXIST: Standing.NOT_PLACED,
    PayCode.ORDER_CLOSED: Standing.CLOSED,
}
_REFUND_MOVES = {
    "PROCESSING": RefundMove.ACCEPT,
    "SUCCESS": RefundMove.SUCCEED,
    "ABNORMAL": RefundMove.FAIL,
    "CLOSED": RefundMove.CLOSE,
}


class WeChatPaymentChannel:
    """One WeChat Pay merchant account. See ports.PaymentChannel for what every method promises."""

    def __init__(self, client: PayClient, merchant: PayMerchant, keys: KeyStore, notify_url: str) -> None:
        self.bills = WeChatBillFiles(client.bill_files)
        self._client = client
        self._merchant = merchant
        self._keys = keys
        self._notify_url = notify_url

    @property
    def refund_spacing(self) -> timedelta:
        """One minute."""
        return _REFUND_SPACING

    @property
    def refund_question_after(self) -> timedelta:
        """About a minute."""
        return _REFUND_QUESTION_AFTER

    def prepare(self, order: ChannelOrder) -> bytes:
        """Return the prepay body. Source: WeChat Pay, JSAPI/小程序下单."""
        return self._client.prepay_body(
            PrepayOrder(
                app_id=order.app_id,
                payer_openid=order.payer_subject,
                out_trade_no=order.out_trade_no,
                description=" ".join(order.description.split())[:_DESCRIPTION_LENGTH],
                amount_fen=order.amount_fen,
                notify_url=self._notify_url,
                expires_at=order.expires_at,
            )
        )

    async def open(self, order: ChannelOrder) -> OpenedOrder:
        """Place the order by its kept bytes; a repeat gives a fresh prepay_id of two hours."""
        asked_at = now()
        prepay_id = await self._client.place(order.request_body)
        return OpenedOrder(prepay_id, asked_at + _PREPAY_LIFE)

    def phone_parameters(self, order: ChannelOrder, prepay_reference: str) -> dict[str, str]:
        """Return the five fields of wx.requestPayment."""
        return self._client.pay_parameters(order.app_id, prepay_reference)

    async def query(self, order: ChannelOrder) -> OrderState:
        """Ask by our number."""
        try:
            found = await self._client.query_order(order.out_trade_no)
        except ProviderRejected as error:
            if error.provider_code == PayCode.ORDER_NOT_EXIST:
                return OrderState(Standing.NOT_PLACED, error.provider_code)
            raise
        standing = _STANDINGS.get(found.trade_state, Standing.UNRECOGNISED)
        if standing is Standing.UNRECOGNISED:
            metrics.UNKNOWN_CODES.labels(PROVIDER).inc()
        if standing is not Standing.PAID:
            return OrderState(standing, found.trade_state)
        paid = _paid(found)
        if paid is None:
            raise ProviderProtocolError(provider=PROVIDER, call="query_order", reason="paid_without_amount")
        return OrderState(standing, found.trade_state, paid)

    async def close(self, order: ChannelOrder) -> Standing:
        """Close by our number."""
        try:
            await self._client.close_order(order.out_trade_no)
        except ProviderRejected as error:
            standing = _CLOSE_REFUSALS.get(error.provider_code)
            if standing is None:
                raise
            return standing
        return Standing.CLOSED

    async def refund(self, order: RefundOrder) -> RefundNotified:
        """Ask for a refund; usually it is only taken, and the outcome comes later."""
        answer = await self._client.refund(
            WeChatRefundOrder(
                out_trade_no=order.order.out_trade_no,
                out_refund_no=order.out_refund_no,
                refund_fen=order.amount_fen,
                total_fen=order.order.amount_fen,
                reason=_cut_bytes(order.reason, _REASON_BYTES),
                notify_url=self._notify_url,
            )
        )
        return _refunded(answer)

    async def query_refund(self, order: RefundOrder) -> RefundNotified | None:
        """Ask about a refund by our number."""
        try:
            return _refunded(await self._client.query_refund(order.out_refund_no))
        except ProviderRejected as error:
            if error.provider_code == PayCode.RESOURCE_NOT_EXISTS:
                return None
            raise

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        """Verify, open and read a notification. Source: WeChat Pay, 支付成功回调通知; 退款结果通知."""
        notified = parse_notification(headers, body, self._merchant, self._keys, now())
        content = notified.content
        if isinstance(content, Refund):
            return _refunded(content)
        if content is None or _STANDINGS.get(content.trade_state) is not Standing.PAID:
            return None
        unreadable = Unreadable(provider=PROVIDER, event_key=notified.notification_id, reason="incomplete")
        return _paid(content) or unreadable

    async def fetch_certificates(self) -> list[PlatformKey]:
        """Download the platform certificates (平台证书). See merchants.ports.CertificateSource."""
        found = await self._client.fetch_certificates()
        return [PlatformKey(key.key_id, key.pem.decode(), key.expires_at) for key in found]

    def acknowledgement(self) -> Acknowledgement:
        """204: the status alone decides."""
        return Acknowledgement(204, "application/json", b"")


def _paid(found: Transaction) -> PaymentNotified | None:
    if found.amount is None or found.success_at is None or not found.transaction_id:
        return None
    return PaymentNotified(
        provider=PROVIDER,
        event_key=f"TRANSACTION.SUCCESS:{found.transaction_id}",
        occurred_at=found.success_at,
        out_trade_no=found.out_trade_no,
        provider_trade_no=found.transaction_id,
        provider_status=found.trade_state,
        app_id=found.caller_app_id,
        mch_id=found.account_mch_id,
        sub_mch_id=found.sub_mchid,
        amount_fen=found.amount.total,
        currency=found.amount.currency,
        payer_subjects=(found.payer_openid,) if found.payer_openid else (),
    )


def _refunded(found: Refund) -> RefundNotified:
    move = _REFUND_MOVES.get(found.state)
    if move is None:
        metrics.UNKNOWN_CODES.labels(PROVIDER).inc()
        raise ProviderProtocolError(provider=PROVIDER, call="refund", reason="unrecognised_state")
    return RefundNotified(
        provider=PROVIDER,
        event_key=f"REFUND.{found.state}:{found.refund_id}",
        occurred_at=found.success_at or now(),
        out_trade_no=found.out_trade_no,
        out_refund_no=found.out_refund_no,
        provider_refund_no=found.refund_id,
        provider_status=found.state,
        move=move,
        amount_fen=found.amount.refund,
        currency=found.amount.currency,
        mch_id=found.account_mch_id,
        sub_mch_id=found.sub_mchid,
    )


def _cut_bytes(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
