"""Pure rules of telling: statuses, when a try is repeated, and which channels are left."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from notify.types import Channel, ContactIdentity, Contacts

if TYPE_CHECKING:
    from notify.templates import Binding, Template


class NoticeStatus(StrEnum):
    """Where a notice stands; the inbox has it in every state.

    INBOX_ONLY: no channel could. FAILED: providers stayed away. SUPPRESSED: it was not to be sent, by the person's
    wish or by staff. EXPIRED: it was not worth telling any more.
    """

    QUEUED = "QUEUED"
    SENT = "SENT"
    INBOX_ONLY = "INBOX_ONLY"
    FAILED = "FAILED"
    SUPPRESSED = "SUPPRESSED"
    EXPIRED = "EXPIRED"


class Reason(StrEnum):
    """Why a notice was not sent: the code in `notice.reason`, and `REASON_WORDS` for people."""

    MUTED = "muted"
    NO_PERMISSION = "no_permission"
    NO_CHANNEL = "no_channel"
    REFUSED = "refused"
    DAILY_CAP = "daily_cap"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    OUTAGE = "outage"
    UNKNOWN = "unknown"
    BROKEN = "broken"


REASON_WORDS = {
    Reason.MUTED: "用户已关闭此类提醒",
    Reason.NO_PERMISSION: "用户未授权订阅消息",
    Reason.NO_CHANNEL: "没有可用的触达渠道",
    Reason.REFUSED: "渠道拒绝发送",
    Reason.DAILY_CAP: "已达当日短信上限",
    Reason.CANCELLED: "发送任务已取消",
    Reason.EXPIRED: "已过时效",
    Reason.EXHAUSTED: "多次重试仍未成功",
    Reason.OUTAGE: "渠道服务长时间不可用",
    Reason.UNKNOWN: "发送结果不明，按模板策略不再重发",
    Reason.BROKEN: "投递过程反复异常",
}


class AttemptOutcome(StrEnum):
    """What became of a try; STARTED is written before the call and stays when the process dies in it."""

    STARTED = "STARTED"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    LATER = "LATER"


RETRY_SECONDS = (30, 120, 600, 1800, 7200)
"""Distances between tries while a provider is unavailable; after the last the notice counts as failed."""
LEASE_SECONDS = 120
MOST_TRIES = 12
"""More than the distances above need: only a notice whose delivery breaks every time is claimed more often."""
_OVER = (AttemptOutcome.REFUSED, AttemptOutcome.FAILED)
_MAYBE_SENT = (AttemptOutcome.STARTED, AttemptOutcome.UNKNOWN)
_GONE = (AttemptOutcome.SENT, AttemptOutcome.DELIVERED)


@dataclass(frozen=True, slots=True)
class Step:
    """One channel to try for one notice."""

    channel: Channel
    app_id: str
    recipient: str
    binding: Binding
    identity: ContactIdentity | None = None


def steps(template: Template, contacts: Contacts, tried: Mapping[str, str]) -> Iterator[Step]:
    """Yield the tries that are left, in the template's order.

    Args:
        tried: channel → outcome of its last try; a channel that refused or failed is not asked again.
    """
    for name in template.channels:
        binding = template.binding(name)
        if binding is None or tried.get(name) in _OVER:
            continue
        if name == Channel.SMS:
            if contacts.phone:
                yield Step(Channel.SMS, "", contacts.phone, binding)
            continue
        for identity in contacts.identities:
            if identity.provider == name:
                yield Step(Channel(name), identity.app_id, identity.subject, binding, identity)


def sent_by(tried: Mapping[str, str]) -> str | None:
    """Return the channel that took the notice already: whoever sent it died before the notice knew."""
    return next((channel for channel, outcome in tried.items() if outcome in _GONE), None)


def may_have_been_sent(outcome: str | None) -> bool:
    """Tell whether an earlier try on a channel may have reached the person."""
    return outcome in _MAYBE_SENT


def next_try_at(tries: int, now: datetime) -> datetime | None:
    """Return when to try again after so many tries, spread by a quarter; None when patience is at its end."""
    if tries > len(RETRY_SECONDS):
        return None
    return now + timedelta(seconds=RETRY_SECONDS[tries - 1] * random.uniform(0.75, 1.25))
