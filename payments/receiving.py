"""What providers tell us, by callback or in answer to our question: checked against our records, then booked once.

The service's door and the asking of silent orders come here. It answers nothing in HTTP and calls no provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import structlog

from app import metrics
from app.clock import now, rfc3339
from app.errors import CallbackQuarantined, CallbackRejected, ServiceUnavailable
from app.events import DomainEvent
from payments import settlement_repository as repository
from payments.checks import payment_mismatch, refund_mismatch, shown_expected, shown_payment
from payments.neutral import (
    Acknowledgement,
    OrderHint,
    PaymentNotified,
    PlatformMessage,
    ProviderEvent,
    RefundNotified,
    Unreadable,
)
from payments.ports import ChannelTable
from payments.records import ASK_BOUNCED, ASK_ORDER, RefundRecord
from payments.refunds import repository as refund_repository
from payments.states import (
    CLOSED_THERE,
    MOST_AUTOMATIC_TRIES,
    OPEN_REFUND,
    REFUND,
    SETTLED_ELSEWHERE,
    PaymentStatus,
    RefundMove,
    RefundStatus,
    next_refund_question_at,
)

log = structlog.get_logger()


class Receiving:
    """Books provider events. Every way through it ends with the event stored, or with an error that brings it back."""

    def __init__(self, channels: ChannelTable) -> None:
        self._channels = channels

    async def receive(self, channel: str, address: str, headers: Mapping[str, str], body: bytes) -> Acknowledgement:
        """Take one callback; return the provider's own acknowledgement once its effect is committed.

        Raises: CallbackRejected (not genuine, nothing stored), NotFound (no such merchant account),
        ProviderProtocolError (our key does not open it), and what a database that is away raises.
        Idempotent: yes, by the inbox row.
        """
        adapter = self._channels.of_address(channel, address)
        try:
            event = adapter.parse_callback(headers, body)
        except CallbackRejected as refusal:
            metrics.CALLBACKS.labels(channel, "rejected").inc()
            log.warning("callback_rejected", channel=channel, reason=refusal.details.get("reason", ""))
            raise
        outcome = "ignored" if event is None else await self.apply(event)
        metrics.CALLBACKS.labels(channel, outcome).inc()
        return adapter.acknowledgement()

    async def receive_message(self, app_id: str, body: bytes) -> Acknowledgement | None:
        """Take one message at a platform's second address; None means that `success` is the whole answer.

        Raises: CallbackRejected, NotFound, and what a database that is away raises. Idempotent: yes, by the inbox row.
        """
        gateway = self._channels.gateway_of(app_id)
        if (answer := gateway.answer_check(body)) is not None:
            return answer
        try:
            message = gateway.parse_message(body)
        except CallbackQuarantined as unreadable:
            key = str(unreadable.details.get("notify_id", ""))
            await self._quarantine(
                Unreadable(provider="alipay", event_key=key, reason="unreadable_content"),
                "unreadable_content",
                key,
                {},
                {},
            )
            return None
        metrics.PLATFORM_MESSAGES.labels(message.provider, message.kind if message.is_known else "other").inc()
        if message.is_alarm:
            log.error("platform_alarm", provider=message.provider, kind=message.kind, app_id=message.app_id)
        await repository.record_inbox(
            message.provider,
            message.event_key,
            message.occurred_at,
            message.kind,
            "STORED",
            _following(message),
            _withdrawal(message),
        )
        return None

    async def apply(self, event: ProviderEvent) -> str:
        """Book one verified event; return what became of it: applied, duplicate, quarantined or noted."""
        if isinstance(event, PaymentNotified):
            return await self.apply_payment(event)
        if isinstance(event, RefundNotified):
            return await self.apply_refund(event)
        if isinstance(event, OrderHint):
            return await self._note(event)
        return await self._quarantine(event, event.reason, event.event_key, {}, {})

    async def apply_payment(self, event: PaymentNotified) -> str:
        """Check and book a success. A repeat costs one read."""
        known = await repository.find_expected(event)
        reason = payment_mismatch(event, known)
        if reason or known is None:
            return await self._quarantine(
                event, reason, event.out_trade_no, shown_expected(known), shown_payment(event)
            )
        if known.status == PaymentStatus.SUCCEEDED:
            return "duplicate"
        return "applied" if await repository.record_success(event, known) else "duplicate"

    async def apply_refund(self, event: RefundNotified) -> str:
        """Check and book the progress or the end of a refund; where another word on it came between, look again."""
        for _ in range(len(RefundStatus)):
            outcome = await self._apply_refund(event)
            if outcome:
                return outcome
        raise ServiceUnavailable(retry_after_seconds=1)

    async def report_paid_after(self, subject_no: str, ended_at: datetime) -> None:
        """Keep for staff what was paid for a case after its end: for nothing, unless they say otherwise.

        Idempotent: yes, by the order.
        """
        for row in await repository.list_paid_after(subject_no, ended_at):
            number, expected = row["out_trade_no"], {"bill_no": row["bill_no"], "ended_at": rfc3339(ended_at)}
            received = {"out_trade_no": number, "amount_fen": row["amount_fen"], "paid_at": rfc3339(row["paid_at"])}
            event = Unreadable(provider="payments", event_key=number, reason="case_ended")
            await self._quarantine(event, event.reason, number, expected, received)

    async def _apply_refund(self, event: RefundNotified) -> str:
        known = await refund_repository.find_refund(event.out_refund_no)
        reason = refund_mismatch(event, known)
        if known is not None and not reason and _contradicts(event, known):
            reason = "refund_finished"
        if known is not None:
            event = _in_our_place(event, known)
        if reason or known is None:
            received = {"out_trade_no": event.out_trade_no, "amount_fen": event.amount_fen, "status": event.move}
            expected = {} if known is None else {"amount_fen": known.amount_fen, "status": known.status}
            number = event.out_refund_no or event.out_trade_no
            return await self._quarantine(event, reason, number, expected, received)
        if (known.status, event.move) not in REFUND or _is_outdated(event, known):
            return "duplicate"
        ask_after = next_refund_question_at(known.asked_count, now())
        again = event.move == RefundMove.CLOSE and known.cause != "STAFF"
        booked = await refund_repository.record_refund_move(known, event, ask_after, again=again)
        return "applied" if booked else ""

    async def _note(self, hint: OrderHint) -> str:
        job = (ASK_ORDER, [{"out_trade_no": hint.out_trade_no}])
        new = await repository.record_inbox(
            hint.provider, hint.event_key, hint.occurred_at, hint.out_trade_no, "NOTED", job
        )
        return "noted" if new else "duplicate"

    async def _quarantine(
        self,
        event: PaymentNotified | RefundNotified | Unreadable,
        reason: str,
        reference_no: str,
        expected: dict[str, Any],
        received: dict[str, Any],
    ) -> str:
        new = await repository.record_quarantined(
            event.provider, event.event_key, reason, reference_no, expected, received
        )
        if new:
            metrics.QUARANTINED.labels(event.provider, reason).inc()
            log.error("callback_quarantined", provider=event.provider, reason=reason, reference_no=reference_no)
        return "quarantined"


def _contradicts(event: RefundNotified, known: RefundRecord) -> bool:
    """Money that went back although the refund had been given up or paid back elsewhere: a person must look."""
    is_settled = known.status == RefundStatus.SUCCEEDED and known.provider_status == SETTLED_ELSEWHERE
    gone = known.status == RefundStatus.CLOSED or (is_settled and (event.tells_of_bank or not known.has_bounced))
    return event.move == RefundMove.SUCCEED and gone


def _in_our_place(event: RefundNotified, known: RefundRecord) -> RefundNotified:
    """Return what an event means where the refund stands: a bank that gives back what nobody counted yet is a failure,
    and a refund of the room's own that is closed once too often waits for a person."""
    if event.move == RefundMove.BOUNCE and known.status in OPEN_REFUND:
        return replace(event, move=str(RefundMove.FAIL))
    is_own = known.cause != "STAFF" and known.tries >= MOST_AUTOMATIC_TRIES
    if event.move == RefundMove.CLOSE and is_own:
        return replace(event, move=str(RefundMove.FAIL), provider_status=CLOSED_THERE)
    return event


def _is_outdated(event: RefundNotified, known: RefundRecord) -> bool:
    """Tell whether an event is older than what is known: a success from before the bank gave the money back, or a
    bounce of what was paid back in another way since."""
    if event.move == RefundMove.SUCCEED:
        return known.has_bounced and not event.tells_of_bank
    return event.move == RefundMove.BOUNCE and known.provider_status == SETTLED_ELSEWHERE


def _withdrawal(message: PlatformMessage) -> DomainEvent | None:
    """Return the event by which other rooms hear that somebody has withdrawn their consent at the platform."""
    if not message.withdrawn_by:
        return None
    return DomainEvent(
        name="platform.user_auth_cancelled",
        subject_no=message.event_key[:64],
        occurred_at=message.withdrawn_at or message.occurred_at,
        facts={"provider": message.provider.upper(), "app_id": message.app_id, "subject": message.withdrawn_by},
    )


def _following(message: PlatformMessage) -> tuple[str, list[dict[str, Any]]] | None:
    """Return the job that a bank's word on a refund leads to."""
    if message.deposit_back is None:
        return None
    told = {
        "told": msgspec.to_builtins(message.deposit_back),
        "provider": message.provider,
        "event_key": message.event_key,
        "occurred_at": message.occurred_at.isoformat(),
    }
    return ASK_BOUNCED, [told]
