"""Refunds at the provider: pushed by a job when it is their order's turn, followed until they end.

The number is committed before the call and reused on every try. A time-out is unknown: the sweep asks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import structlog

from app.clock import now
from app.errors import NotFound, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from payments.neutral import DepositBack, RefundNotified, RefundOrder
from payments.ports import ChannelTable, PaymentChannel
from payments.receiving import Receiving
from payments.records import RefundRecord
from payments.refunds import repository
from payments.states import RefundMove, RefundStatus, next_refund_question_at

log = structlog.get_logger()


class Refunding:
    """Pushes and follows refunds."""

    def __init__(self, channels: ChannelTable, receiving: Receiving) -> None:
        self._channels = channels
        self._receiving = receiving

    async def push(self, out_refund_no: str) -> None:
        """Take a refund one step further at the provider: ask about a try whose outcome is open, else try.

        Idempotent: yes, by `out_refund_no` at the provider and the status here.
        """
        refund = await repository.find_refund(out_refund_no)
        if refund is not None and refund.status in (RefundStatus.REQUESTED, RefundStatus.PROCESSING):
            await self.follow(refund)

    async def follow(self, refund: RefundRecord) -> None:
        """Do what `push` does for a refund at hand; whatever stays open is asked about again later."""
        if refund.is_waiting:
            return
        try:
            channel = self._channels.of_account(refund.payment.account_code)
        except NotFound as missing:
            await self._unknown(refund, None, missing.stable_code)
            return
        try:
            event = await self._next_step(refund, channel)
            if event is None:
                return
            outcome = await self._receiving.apply_refund(event)
            if event.move == RefundMove.ACCEPT or outcome == "quarantined":
                await self._ask_later(refund, channel)
        except ProviderRejected as error:
            await self._refused(refund, channel, error)
        except (ProviderUnavailable, ProviderProtocolError) as error:
            await self._unknown(refund, channel, error.stable_code)

    async def ask_bounced(self, payload: dict[str, Any]) -> None:
        """Ask how the bank took a refund of which the platform's message speaks; where the answer does not say, the
        message itself counts, for it is signed too. Raises what makes the job come again. Idempotent: yes, by status.
        """
        told = msgspec.convert(payload["told"], DepositBack)
        numbers = [told.out_refund_no] if told.out_refund_no else []
        meant = numbers or await repository.list_succeeded_refunds(told.out_trade_no)
        if not meant and not await repository.list_open_refunds(told.out_trade_no):
            await self._receiving.apply_refund(_said(told, "", payload))
        for number in meant:
            refund = await repository.find_refund(number)
            if refund is None:
                await self._receiving.apply_refund(_said(told, number, payload))
                continue
            channel = self._channels.of_account(refund.payment.account_code)
            try:
                answer = await channel.query_refund(_order(refund))
            except ProviderRejected as error:
                if error.retryable or not told.move or not numbers:
                    raise
                answer = None
            if answer is None or not answer.tells_of_bank:
                if not told.move or not numbers:
                    continue
                answer = _said(told, number, payload)
            await self._receiving.apply_refund(answer)

    async def _next_step(self, refund: RefundRecord, channel: PaymentChannel) -> RefundNotified | None:
        """Ask, or call when it is the order's turn; None when the refund must wait for it."""
        event = await self._asked(refund, channel) if refund.asked_count else None
        if event is not None:
            return event
        free_at = await repository.claim_turn(refund, now(), channel.refund_spacing)
        if free_at is not None:
            await repository.record_wait(refund.id, free_at)
            return None
        return await channel.refund(_order(refund))

    async def _asked(self, refund: RefundRecord, channel: PaymentChannel) -> RefundNotified | None:
        """Ask how a try went. A no to the question says nothing of the refund, which may be on its way: unknown."""
        try:
            return await channel.query_refund(_order(refund))
        except ProviderRejected as error:
            log.error("refund_question_refused", out_refund_no=refund.out_refund_no, provider_code=error.provider_code)
            raise ProviderUnavailable(provider=error.provider, reason="question_refused") from error

    async def _refused(self, refund: RefundRecord, channel: PaymentChannel, error: ProviderRejected) -> None:
        log.error("refund_refused", out_refund_no=refund.out_refund_no, provider_code=error.provider_code)
        if error.retryable:
            await self._ask_later(refund, channel)
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

    async def _unknown(self, refund: RefundRecord, channel: PaymentChannel | None, code: str) -> None:
        log.warning("refund_unknown", out_refund_no=refund.out_refund_no, code=code)
        await self._ask_later(refund, channel)

    async def _ask_later(self, refund: RefundRecord, channel: PaymentChannel | None) -> None:
        moment = now()
        if channel is None:
            await repository.record_wait(refund.id, next_refund_question_at(refund.asked_count, moment))
            return
        again_at = next_refund_question_at(refund.asked_count, moment, channel.refund_question_after)
        await repository.record_refund_question(refund, again_at)


def _order(refund: RefundRecord) -> RefundOrder:
    return RefundOrder(
        out_refund_no=refund.out_refund_no,
        amount_fen=refund.amount_fen,
        reason=refund.reason,
        order=refund.payment.order,
    )


def _said(told: DepositBack, out_refund_no: str, payload: dict[str, Any]) -> RefundNotified:
    return RefundNotified(
        provider=payload["provider"],
        event_key=payload["event_key"],
        occurred_at=datetime.fromisoformat(payload["occurred_at"]),
        out_trade_no=told.out_trade_no,
        out_refund_no=out_refund_no,
        provider_refund_no="",
        provider_status=f"dback:{told.move}"[:32],
        move=told.move or str(RefundMove.BOUNCE),
        amount_fen=told.amount_fen,
        tells_of_bank=True,
    )
