"""Refunds: asked for once under our own number, pushed to the provider by a job, followed until they end.

The number is committed before the call and reused on every try. A time-out is unknown: the sweep asks.
"""

from __future__ import annotations

import structlog

from app.clock import now
from app.errors import Conflict, InvalidRequest, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from payments.neutral import RefundNotified, RefundOrder
from payments.ports import ChannelTable
from payments.receiving import Receiving
from payments.records import RefundRecord
from payments.refunds import repository
from payments.states import RefundMove, RefundStatus, next_refund_question_at

log = structlog.get_logger()


class Refunding:
    """Requests and follows refunds."""

    def __init__(self, channels: ChannelTable, receiving: Receiving) -> None:
        self._channels = channels
        self._receiving = receiving

    async def request(self, out_trade_no: str, amount_fen: int, reason: str, requested_by: str) -> str:
        """Write a refund of a paid bill and the job that pushes it. See PaymentService.request_refund."""
        if amount_fen <= 0 or not reason.strip():
            raise InvalidRequest("退款金额应大于零，且须填写退款原因")
        try:
            written = await repository.record_refund_request(out_trade_no, amount_fen, reason[:80], requested_by)
        except repository.TooMuch as error:
            raise Conflict("退款金额超过可退金额", code="refund_exceeds", left_fen=error.left_fen) from None
        if written is None:
            raise Conflict("该支付单当前不能退款", code="not_refundable")
        return written[0]

    async def push(self, out_refund_no: str) -> None:
        """Take a refund one step further at the provider: ask about a try whose outcome is open, else try.

        Idempotent: yes, by `out_refund_no` at the provider and the status here.
        """
        refund = await repository.find_refund(out_refund_no)
        if refund is not None and refund.status in (RefundStatus.REQUESTED, RefundStatus.PROCESSING):
            await self.follow(refund)

    async def follow(self, refund: RefundRecord) -> None:
        """Do what `push` does for a refund at hand; whatever stays open is asked about again later."""
        channel = self._channels.of_account(refund.payment.account_code)
        order = RefundOrder(
            out_refund_no=refund.out_refund_no,
            amount_fen=refund.amount_fen,
            reason=refund.reason,
            order=refund.payment.order,
        )
        try:
            event = await channel.query_refund(order) if refund.asked_count else None
            await self._receiving.apply_refund(event or await channel.refund(order))
        except ProviderRejected as error:
            await self._refused(refund, error)
        except (ProviderUnavailable, ProviderProtocolError) as error:
            log.warning("refund_unknown", out_refund_no=refund.out_refund_no, code=error.stable_code)
            await self._ask_later(refund)

    async def _refused(self, refund: RefundRecord, error: ProviderRejected) -> None:
        log.error("refund_refused", out_refund_no=refund.out_refund_no, provider_code=error.provider_code)
        if error.retryable:
            await self._ask_later(refund)
            return
        await self._receiving.apply_refund(
            RefundNotified(
                provider=error.provider,
                event_key=f"refused:{refund.out_refund_no}",
                occurred_at=now(),
                out_trade_no=refund.payment.order.out_trade_no,
                out_refund_no=refund.out_refund_no,
                provider_refund_no="",
                provider_status=error.provider_code[:32],
                move=RefundMove.FAIL,
                amount_fen=None,
            )
        )

    async def _ask_later(self, refund: RefundRecord) -> None:
        await repository.record_refund_question(refund.id, next_refund_question_at(refund.asked_count, now()))
