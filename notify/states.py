"""Statuses of notices and their tries, why one was not sent, and when a try is repeated. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum


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
"""Distances between the tries of one channel while its provider is unavailable."""
PATIENCE = len(RETRY_SECONDS) + 1
"""Tries that one channel gets; the numbers 1–6 belong to the first that is worn out, 7–12 to the next, and so on."""
LEASE_SECONDS = 120
MOST_TRIES = 4 * PATIENCE
"""More than the channels together need: only a notice whose delivery breaks every time is claimed more often."""
OVER = (AttemptOutcome.REFUSED, AttemptOutcome.FAILED)
"""Outcomes after which a channel is not asked again."""
_GONE = (AttemptOutcome.SENT, AttemptOutcome.DELIVERED)


def sent_by(tried: Mapping[str, str]) -> str | None:
    """Return the channel that took the notice already: whoever sent it died before the notice knew."""
    return next((channel for channel, outcome in tried.items() if outcome in _GONE), None)


def next_try_at(number: int, now: datetime) -> datetime:
    """Return when to try again after the try of a number, spread by a quarter."""
    seconds = RETRY_SECONDS[min((number - 1) % PATIENCE, len(RETRY_SECONDS) - 1)]
    return now + timedelta(seconds=seconds * random.uniform(0.75, 1.25))


def lease() -> timedelta:
    """Return how long a claimed notice is left to its claimer."""
    return timedelta(seconds=LEASE_SECONDS)
