"""The course of one notice through its channels, as pure rules: what is left, and what an outcome leads to."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from notify.delivering.attempts_repository import Tried
from notify.neutral import Delivery, Outcome
from notify.notices_repository import Move, NoticeRecord
from notify.preferences import order, quiet_until
from notify.states import (
    MOST_TRIES,
    OVER,
    PATIENCE,
    NoticeStatus,
    Reason,
    next_try_at,
    sent_by,
)
from notify.templates import Binding, Template
from notify.types import Channel, ContactIdentity, Contacts

_SOON_SECONDS = 3.0
_MORNING_SECONDS = 600.0
_MIDNIGHT_SECONDS = 1800.0
"""What waited for one moment is spread over some minutes after it."""


_WEIGHTS = (
    *(Reason.NO_CHANNEL, Reason.MUTED, Reason.NO_PERMISSION, Reason.DAILY_CAP, Reason.REFUSED),
    *(Reason.OUTAGE, Reason.EXHAUSTED, Reason.UNKNOWN),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One channel to try for one notice."""

    channel: Channel
    app_id: str
    recipient: str = field(repr=False)
    binding: Binding
    identity: ContactIdentity | None = None


@dataclass(slots=True)
class Course:
    """A notice under way. `number` is that of its next try; `move` is set when it is at its end for this time.

    `left_behind`: a channel was tried this time and is done with, so that who comes next must ask what it came to.
    """

    notice: NoticeRecord
    template: Template
    steps: list[Step]
    tried: Mapping[str, Tried]
    number: int
    reason: Reason
    failed: bool = False
    left_behind: bool = False
    move: Move | None = None

    @property
    def step(self) -> Step:
        """The channel that is tried now."""
        return self.steps[0]

    @property
    def may_wait(self) -> bool:
        """It can wait for tomorrow rather than take a dearer channel."""
        return not (self.template.urgent or self.template.statutory) or len(self.steps) == 1

    def may_have_been_sent(self) -> bool:
        """An earlier try on this channel may have reached the person."""
        known = self.tried.get(self.step.channel)
        return known is not None and known.maybe_sent

    def pass_over(self, reason: Reason) -> None:
        """This channel cannot succeed: on to the next one, or to the end, with the weightiest reason."""
        self.reason = max(self.reason, reason, key=_WEIGHTS.index)
        del self.steps[0]
        if not self.steps:
            status = NoticeStatus.FAILED if self.failed else NoticeStatus.INBOX_ONLY
            self.move = Move(self.notice, status, Channel.INBOX, self.reason)

    def sent(self) -> Move:
        """This channel took it."""
        self.move = Move(self.notice, NoticeStatus.SENT, self.step.channel)
        return self.move

    def wait(self, until: datetime) -> None:
        """Try again then, as if this time had not been; what channels came to in it stays known."""
        self._again(until, max(self.number - 1, int(self.left_behind)))

    def wait_for_midnight(self, midnight: datetime) -> None:
        """The app's share of the day is used up: tomorrow, or the next channel where tomorrow is too late."""
        expires_at = self.notice.expires_at
        if self.may_wait and (expires_at is None or expires_at > midnight):
            self.wait(midnight + timedelta(seconds=random.uniform(1, _MIDNIGHT_SECONDS)))
        else:
            self.pass_over(Reason.OUTAGE)

    def is_at_its_end(self) -> bool:
        """This was the channel's last try."""
        return self.number % PATIENCE == 0

    def retry(self, now: datetime, reason: Reason) -> None:
        """Try this channel again by the schedule; when its tries are used up, the next one begins to count anew."""
        if not self.is_at_its_end():
            self._again(next_try_at(self.number, now), self.number)
            return
        self.failed = True
        self.number += 1
        self.pass_over(reason)

    def follow(self, delivery: Delivery, now: datetime) -> None:
        """Go on as an answered (or unanswered) try obliges; what rests and permissions ask for is the caller's."""
        match delivery.outcome:
            case Outcome.SENT:
                self.sent()
            case Outcome.NO_PERMISSION:
                self.pass_over(Reason.NO_PERMISSION)
            case Outcome.REFUSED:
                self.pass_over(Reason.REFUSED)
            case Outcome.LATER if delivery.is_soon:
                self._again(now + timedelta(seconds=random.uniform(1, _SOON_SECONDS)), self.number)
            case Outcome.LATER:
                self.retry(now, Reason.OUTAGE)
            case Outcome.UNKNOWN:
                self._follow_unknown(now)

    def _follow_unknown(self, now: datetime) -> None:
        if self.template.on_unknown == "STOP":
            self.move = Move(self.notice, NoticeStatus.FAILED, Channel.INBOX, Reason.UNKNOWN)
        elif self.template.on_unknown == "NEXT":
            self.failed = True
            self.pass_over(Reason.UNKNOWN)
        else:
            self.retry(now, Reason.EXHAUSTED)

    def _again(self, at: datetime, tries: int) -> None:
        expires_at = self.notice.expires_at
        self.move = Move(
            self.notice,
            NoticeStatus.QUEUED,
            next_try_at=at if expires_at is None else min(at, expires_at),
            tries=tries,
        )


def settled(notice: NoticeRecord, tried: Mapping[str, Tried], now: datetime) -> Move | None:
    """Return how a claimed notice ends before anything is tried; None when it goes on."""
    if (taken_by := sent_by({channel: each.outcome for channel, each in tried.items()})) is not None:
        return Move(notice, NoticeStatus.SENT, taken_by)
    if notice.tries > MOST_TRIES:
        return Move(notice, NoticeStatus.FAILED, Channel.INBOX, Reason.BROKEN)
    if notice.expires_at is not None and notice.expires_at <= now:
        return Move(notice, NoticeStatus.EXPIRED, Channel.INBOX, Reason.EXPIRED)
    return None


def begun(
    notice: NoticeRecord,
    template: Template | None,
    contacts: Contacts,
    tried: Mapping[str, Tried],
    channels: Collection[tuple[str, str]],
    now: datetime,
) -> Course | Move:
    """Return the course of a notice with its steps that are left, or how it ends or waits without any.

    Args:
        channels: those that are there, by name and app.
    """
    if template is None:
        return Move(notice, NoticeStatus.INBOX_ONLY, Channel.INBOX, Reason.NO_CHANNEL)
    if template.on_unknown == "STOP" and any(each.maybe_sent for each in tried.values()):
        return Move(notice, NoticeStatus.FAILED, Channel.INBOX, Reason.UNKNOWN)
    wished = order(template, contacts.preferences)
    if wished.muted and not wished.channels:
        return Move(notice, NoticeStatus.SUPPRESSED, Channel.INBOX, Reason.MUTED)
    left = [name for name in wished.channels if not _is_over(tried.get(name), template, notice.tries)]
    steps = [step for name in left for step in _steps(name, template, contacts) if (name, step.app_id) in channels]
    # Tries that wear patience out say so at the end, also when the last channel then refuses at once.
    failed = any(each.outcome not in OVER for name, each in tried.items() if name not in left)
    reason = _why_nothing(tried, bool(wished.muted), failed)
    if not steps:
        return Move(notice, NoticeStatus.FAILED if failed else NoticeStatus.INBOX_ONLY, Channel.INBOX, reason)
    course = Course(notice, template, steps, tried, notice.tries, reason, failed)
    if not (template.urgent or template.statutory) and (ends := quiet_until(contacts.preferences, now)) is not None:
        course.wait(ends + timedelta(seconds=random.uniform(0, _MORNING_SECONDS)))
        return course.move or course
    return course


def _is_over(tried: Tried | None, template: Template, number: int) -> bool:
    """Tell whether a channel has had its tries: refused, spent by policy, or worn out before this round of tries."""
    if tried is None:
        return False
    worn_out = tried.number <= (number - 1) // PATIENCE * PATIENCE
    return tried.outcome in OVER or worn_out or (tried.maybe_sent and template.on_unknown != "REPEAT")


def _why_nothing(tried: Mapping[str, Tried], muted: bool, failed: bool) -> Reason:
    if failed:
        return Reason.UNKNOWN if any(each.maybe_sent for each in tried.values()) else Reason.OUTAGE
    if any(each.outcome in OVER for each in tried.values()):
        return Reason.REFUSED
    return Reason.MUTED if muted else Reason.NO_CHANNEL


def _steps(name: str, template: Template, contacts: Contacts) -> list[Step]:
    binding = template.binding(name)
    if binding is None:
        return []
    if name == Channel.SMS:
        return [Step(Channel.SMS, "", contacts.phone, binding)] if contacts.phone else []
    return [
        Step(Channel(name), identity.app_id, identity.subject, binding, identity)
        for identity in contacts.identities
        if identity.provider == name
    ]
