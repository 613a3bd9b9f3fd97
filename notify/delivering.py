"""Delivery of one notice: the channels that are left, in order, each try written before the call and after it."""

from __future__ import annotations

import uuid
from datetime import timedelta

import structlog

from app import metrics
from app.clock import now
from notify import repository, stock_repository
from notify.neutral import Delivery, Message, Outcome, UnfitValue
from notify.ports import NoticeChannel, NoticeTable, Recipients
from notify.render import filled, filled_all
from notify.repository import NoticeRecord
from notify.states import (
    LEASE_SECONDS,
    MOST_TRIES,
    AttemptOutcome,
    NoticeStatus,
    Step,
    may_have_been_sent,
    next_try_at,
    sent_by,
    steps,
)
from notify.templates import Shelf
from notify.types import Channel

log = structlog.get_logger()
_WRITTEN = {
    Outcome.SENT: AttemptOutcome.SENT,
    Outcome.NO_PERMISSION: AttemptOutcome.REFUSED,
    Outcome.REFUSED: AttemptOutcome.REFUSED,
    Outcome.LATER: AttemptOutcome.LATER,
    Outcome.UNKNOWN: AttemptOutcome.UNKNOWN,
}


class Delivering:
    """Sends notices."""

    def __init__(self, table: NoticeTable, recipients: Recipients, shelf: Shelf) -> None:
        self._table = table
        self._recipients = recipients
        self._shelf = shelf

    async def deliver(self, notice: NoticeRecord) -> None:
        """Try what is left for a claimed notice, until one channel took it, or until a later time.

        The claim's lease keeps everybody else away; whoever dies in here leaves a try STARTED and the notice queued.
        """
        tried = await repository.last_outcomes(notice.id)
        if (taken_by := sent_by(tried)) is not None:
            await repository.finish_notice(notice, NoticeStatus.SENT, taken_by)
            return
        if notice.tries > MOST_TRIES:
            log.error("notice_given_up", notice_id=notice.id.hex, tries=notice.tries)
            await repository.finish_notice(notice, NoticeStatus.FAILED, Channel.INBOX)
            return
        template = await self._shelf.exact(notice.template_code, notice.template_version)
        contacts = await self._recipients.contacts(notice.citizen_id)
        waiting = False
        for step in steps(template, contacts, tried) if template is not None else ():
            outcome = await self._try(notice, step, may_have_been_sent(tried.get(step.channel)))
            if outcome is Outcome.SENT:
                await repository.finish_notice(notice, NoticeStatus.SENT, step.channel)
                return
            if outcome in (Outcome.LATER, Outcome.UNKNOWN):
                again_at = next_try_at(notice.tries, now())
                if again_at is not None:
                    await repository.postpone_notice(notice, again_at)
                    return
                waiting = True
        status = NoticeStatus.FAILED if waiting else NoticeStatus.INBOX_ONLY
        await repository.finish_notice(notice, status, Channel.INBOX)

    async def _try(self, notice: NoticeRecord, step: Step, maybe_sent: bool) -> Outcome:
        """Make one try; REFUSED without a trace where the channel is not there or no permission is in stock."""
        channel = self._table.channels.get((step.channel, step.app_id))
        if channel is None:
            return Outcome.REFUSED
        permission = None
        if step.identity is not None:
            permission = await stock_repository.hold_permission(
                step.identity.identity_id, step.binding.template_id, notice.id
            )
            if permission is None:
                return Outcome.NO_PERMISSION
        attempt = await repository.begin_attempt(notice, step.channel)
        try:
            message = self._message(notice, step, channel)
        except UnfitValue as error:
            delivery = Delivery(Outcome.REFUSED, f"unfit {error.key}", is_fault=True)
        else:
            delivery = await channel.send(message)
        if delivery.outcome is Outcome.NO_PERMISSION and maybe_sent:
            # The permission is spent and only our own earlier try, whose answer was lost, can have spent it.
            delivery = Delivery(Outcome.SENT, delivery.provider_code)
        await repository.finish_attempt(
            attempt, _WRITTEN[delivery.outcome], delivery.provider_code, delivery.message_no
        )
        metrics.NOTICE_ATTEMPTS.labels(step.channel, str(delivery.outcome)).inc()
        if delivery.outcome in (Outcome.REFUSED, Outcome.UNKNOWN):
            log.warning("notice_not_sent", channel=step.channel, code=delivery.provider_code, outcome=delivery.outcome)
        if permission is not None:
            await _account_for(permission, step, delivery.outcome)
        return delivery.outcome

    @staticmethod
    def _message(notice: NoticeRecord, step: Step, channel: NoticeChannel) -> Message:
        return Message(
            reference=notice.id.hex,
            recipient=step.recipient,
            template_id=step.binding.template_id,
            values=channel.fitted(filled_all(step.binding.fields, notice.variables)),
            page=filled(step.binding.page, notice.variables) if step.binding.page else "",
        )


async def _account_for(permission: uuid.UUID, step: Step, outcome: Outcome) -> None:
    """Consume, void or give back the permission of a try; it stays aside while the outcome is open."""
    if outcome is Outcome.SENT:
        await stock_repository.consume_permission(permission)
    elif outcome is Outcome.NO_PERMISSION and step.identity is not None:
        await stock_repository.void_permissions(step.identity.identity_id, step.binding.template_id)
    elif outcome is Outcome.REFUSED:
        await stock_repository.release_permission(permission)


def lease() -> timedelta:
    """Return how long a claimed notice is left to its claimer."""
    return timedelta(seconds=LEASE_SECONDS)
