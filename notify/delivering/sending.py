"""One round of a batch: who may send now, the tries written before the calls, the calls, and what they came to.

Delivery calls `attempt` until no notice of its batch has a step left. No transaction is open during the calls.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app import clock, metrics
from app.clock import now
from notify import stock_repository
from notify.delivering import attempts_repository, outcome_repository
from notify.delivering.allowances import MOST_WAIT_SECONDS, Allowances, next_midnight
from notify.delivering.attempts_repository import Attempt, Finished
from notify.delivering.course import Course
from notify.delivering.outcome_repository import Outcomes
from notify.neutral import Delivery, Halt, Message, Outcome, UnfitValue
from notify.ports import NoticeChannel, NoticeTable
from notify.render import filled, filled_all
from notify.states import AttemptOutcome, Reason
from notify.stock_repository import Wish
from notify.types import Channel

_AT_ONCE = 50
_LONGEST_CALL_SECONDS = 15.0
"""More than any channel's time-out: whoever begins a call this long before the lease ends has its answer within it."""
_AWAY = Delivery(Outcome.LATER, "circuit_open")
_NO_TIME = Delivery(Outcome.LATER, "lease_over", is_soon=True)
log = structlog.get_logger()
_WRITTEN = {
    Outcome.SENT: AttemptOutcome.SENT,
    Outcome.NO_PERMISSION: AttemptOutcome.REFUSED,
    Outcome.REFUSED: AttemptOutcome.REFUSED,
    Outcome.LATER: AttemptOutcome.LATER,
    Outcome.UNKNOWN: AttemptOutcome.UNKNOWN,
}


_Words = dict[tuple[str, str, int, int], "tuple[Mapping[str, str], str] | Delivery"]
"""Messages of one round by channel, app, binding and variables; both of these live as long as the round."""


@dataclass(slots=True)
class Try:
    """One course's step in this round: the message to send, the permission it uses, when it may go, its end."""

    course: Course
    message: Message | None = None
    permission: uuid.UUID | None = None
    after_seconds: float = 0.0
    attempt: Attempt | None = None
    delivery: Delivery | None = None


class Sending:
    """Sends the present step of many courses."""

    def __init__(self, table: NoticeTable, allowances: Allowances) -> None:
        self._table = table
        self._allowances = allowances
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def attempt(self, courses: Sequence[Course], ends_seconds: float) -> None:
        """Try every course's step; afterwards each has a move (it is written) or another step.

        Args:
            ends_seconds: when the lease ends (monotonic); what cannot be sent well before it comes again.
        """
        tries = await self._admitted(courses)
        begun = [each for each in tries if each.delivery is None or each.message is None]
        if begun:
            numbered = [(each.course.notice.id, each.course.step.channel, each.course.number) for each in begun]
            for each, attempt in zip(begun, await attempts_repository.begin_attempts(numbered), strict=True):
                each.attempt = attempt
        try:
            await self._send([each for each in tries if each.delivery is None], ends_seconds - _LONGEST_CALL_SECONDS)
        finally:
            # Whatever ends the sending: what was answered is written, or it would go out again.
            await self._settle(courses, [each for each in tries if each.delivery is not None])

    async def _admitted(self, courses: Sequence[Course]) -> list[Try]:
        """Return the tries that are made: rests, permissions, outages, turns and daily shares decide, in this order."""
        open_ones = await self._with_permission(await self._not_resting(courses))
        tries: list[Try] = []
        words: _Words = {}
        by_app: dict[tuple[str, str], list[Try]] = defaultdict(list)
        for each in open_ones:
            if self._channel(each).pause_seconds() > 0:
                await self._provider_away(each, tries)
            else:
                by_app[each.course.step.channel, each.course.step.app_id].append(each)
        for (name, app_id), waiting in by_app.items():
            offset, apart = await self._allowances.turns(name, app_id, len(waiting))
            for at, each in enumerate(waiting):
                if offset > MOST_WAIT_SECONDS:
                    each.course.wait(now() + timedelta(seconds=offset))
                    continue
                if each.course.step.channel == Channel.SMS and not await self._has_share(each.course):
                    continue
                each.after_seconds = max(0.0, offset + at * apart)
                self._word(each, words)
                tries.append(each)
        return tries

    async def _not_resting(self, courses: Sequence[Course]) -> list[Course]:
        steps = {(step.channel, step.app_id, step.binding.template_id) for step in (each.step for each in courses)}
        keys = steps | {(channel, app_id, "") for channel, app_id, _ in steps}
        resting = await self._allowances.resting(sorted(keys))
        if not resting:
            return list(courses)
        left = []
        for course in courses:
            step = course.step
            if (step.channel, step.app_id, step.binding.template_id) in resting:
                course.pass_over(Reason.REFUSED)
            elif (step.channel, step.app_id, "") in resting:
                course.wait_for_midnight(resting[step.channel, step.app_id, ""])
            else:
                left.append(course)
        return left

    async def _with_permission(self, courses: Sequence[Course]) -> list[Try]:
        steps = [(course, course.step) for course in courses]
        wishes = [
            Wish(course.notice.id, step.identity.identity_id, step.binding.template_id)
            for course, step in steps
            if step.identity is not None
        ]
        held = await stock_repository.hold_permissions(wishes) if wishes else {}
        tries = []
        for course, step in steps:
            permission = held.get(course.notice.id)
            if step.identity is None or permission is not None:
                tries.append(Try(course, permission=permission))
            else:
                course.pass_over(Reason.NO_PERMISSION)
        return tries

    async def _provider_away(self, each: Try, tries: list[Try]) -> None:
        """No call and no row while the breaker is open; only the last of a channel's tries is written."""
        if each.course.is_at_its_end():
            each.delivery = _AWAY
            tries.append(each)
        else:
            each.course.follow(_AWAY, now())

    async def _has_share(self, course: Course) -> bool:
        """A notice counts once, however often it is tried."""
        free = course.template.urgent or course.template.statutory or Channel.SMS in course.tried
        if free or await self._allowances.take_sms(course.step.recipient):
            return True
        course.pass_over(Reason.DAILY_CAP)
        return False

    def _word(self, each: Try, known: _Words) -> None:
        """Fill the binding; what is told to many in the same words is filled once."""
        notice, step = each.course.notice, each.course.step
        key = (step.channel, step.app_id, id(step.binding), id(notice.variables))
        words = known.get(key)
        if words is None:
            words = known[key] = self._filled(each)
        if isinstance(words, Delivery):
            each.delivery = words
            return
        values, page = words
        each.message = Message(
            reference=notice.id.hex,
            recipient=step.recipient,
            template_id=step.binding.template_id,
            values=values,
            page=page,
            sign=step.binding.sign,
        )

    def _filled(self, each: Try) -> tuple[Mapping[str, str], str] | Delivery:
        """Return the values and the page of a message, or why there is none."""
        binding, variables = each.course.step.binding, each.course.notice.variables
        try:
            values = self._channel(each).fitted(filled_all(binding.fields, variables))
        except UnfitValue as error:
            return Delivery(Outcome.REFUSED, f"unfit {error.key}", is_fault=True)
        return values, filled(binding.page, variables) if binding.page else ""

    async def _send(self, tries: Sequence[Try], until_seconds: float) -> None:
        """Send them at once, but never two to one person: platforms refuse that, and order would be lost."""
        by_person: dict[str, list[Try]] = defaultdict(list)
        for each in tries:
            by_person[each.course.step.recipient].append(each)
        started = asyncio.get_running_loop().time()
        ends = await asyncio.gather(
            *(self._send_in_turn(group, started, until_seconds) for group in by_person.values()), return_exceptions=True
        )
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _send_in_turn(self, group: Sequence[Try], started: float, until_seconds: float) -> None:
        for each in group:
            if each.after_seconds:
                await asyncio.sleep(started + each.after_seconds - asyncio.get_running_loop().time())
            assert each.message is not None, "what is sent has its words"
            async with self._gate:
                is_late = clock.monotonic() > until_seconds
                each.delivery = _NO_TIME if is_late else await self._channel(each).send(each.message)

    def _channel(self, each: Try) -> NoticeChannel:
        return self._table.channels[each.course.step.channel, each.course.step.app_id]

    async def _settle(self, courses: Sequence[Course], tries: Sequence[Try]) -> None:
        outcomes = Outcomes()
        counts: Counter[tuple[str, str]] = Counter()
        for each in tries:
            await self._take(each, outcomes, counts)
        for (channel, outcome), count in counts.items():
            metrics.NOTICE_ATTEMPTS.labels(channel, outcome).inc(count)
        sent = {id(move) for move, _ in outcomes.sent}
        outcomes.moves += [each.move for each in courses if each.move is not None and id(each.move) not in sent]
        await outcome_repository.record(outcomes)

    async def _take(self, each: Try, outcomes: Outcomes, counts: Counter[tuple[str, str]]) -> None:
        """Let a course follow its answer, and note what is written of it."""
        course, step, delivery = each.course, each.course.step, each.delivery
        assert delivery is not None, "every try has an end"
        if delivery.outcome is Outcome.SENT and each.attempt is not None:
            counts[step.channel, Outcome.SENT] += 1
            move = course.sent()
            said = Finished(each.attempt, AttemptOutcome.SENT, delivery.provider_code, delivery.message_no)
            outcomes.sent.append((move, said))
            return
        if delivery.outcome is Outcome.NO_PERMISSION and course.may_have_been_sent():
            # The permission is spent and only our own earlier try, whose answer was lost, can have spent it.
            delivery = Delivery(Outcome.SENT, delivery.provider_code)
        if each.attempt is not None:
            outcomes.attempts.append(
                Finished(each.attempt, _WRITTEN[delivery.outcome], delivery.provider_code, delivery.message_no)
            )
            course.left_behind |= delivery.outcome is not Outcome.LATER
        if each.permission is not None and delivery.outcome is Outcome.REFUSED:
            outcomes.released.append(each.permission)
        if step.identity is not None and delivery.outcome is Outcome.NO_PERMISSION:
            outcomes.voided.append((step.identity.identity_id, step.binding.template_id))
        counts[step.channel, delivery.outcome] += 1
        _say(step.channel, delivery)
        if delivery.halt is Halt.TEMPLATE:
            await self._allowances.rest_of_template(step.channel, step.app_id, step.binding.template_id)
        if delivery.halt is Halt.DAY:
            await self._allowances.rest_of_day(step.channel, step.app_id)
            course.wait_for_midnight(next_midnight(now()))
        else:
            course.follow(delivery, now())
        if delivery.is_soon and course.move is not None:
            outcomes.soon.append(course.move)


def _say(channel: str, delivery: Delivery) -> None:
    if delivery.is_fault or delivery.halt is not Halt.NOTHING:
        metrics.NOTICE_FAULTS.labels(channel, delivery.provider_code).inc()
    if delivery.outcome in (Outcome.REFUSED, Outcome.UNKNOWN) or delivery.is_fault:
        log.warning("notice_not_sent", channel=channel, code=delivery.provider_code, outcome=str(delivery.outcome))
