"""Figures of notices for the console: failures, tries by channel and outcome, and what a case's person was told.

Handlers of staff call it after their own check of the role. It reads only.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from app import clock
from notify import figures_repository
from notify.states import REASON_WORDS, AttemptOutcome, NoticeStatus
from notify.types import Channel

_KEPT_SECONDS = 60.0
_MOST_SHOWN = 50
CHANNEL_WORDS = {
    Channel.WECHAT: "微信订阅消息",
    Channel.ALIPAY: "支付宝消息",
    Channel.SMS: "短信",
    Channel.INBOX: "站内消息",
}
STATUS_WORDS = {
    NoticeStatus.QUEUED: "待发送",
    NoticeStatus.SENT: "已发送",
    NoticeStatus.INBOX_ONLY: "仅站内",
    NoticeStatus.FAILED: "发送失败",
    NoticeStatus.SUPPRESSED: "未发送",
    NoticeStatus.EXPIRED: "已过时效",
}
OUTCOME_WORDS = {
    AttemptOutcome.STARTED: "发送中",
    AttemptOutcome.SENT: "已发送",
    AttemptOutcome.DELIVERED: "已送达",
    AttemptOutcome.REFUSED: "被拒绝",
    AttemptOutcome.FAILED: "失败",
    AttemptOutcome.UNKNOWN: "结果不明",
    AttemptOutcome.LATER: "稍后再试",
}
_GONE = frozenset((AttemptOutcome.SENT, AttemptOutcome.DELIVERED))


class ToldTry(Struct, frozen=True, kw_only=True):
    """What became of the last try on one channel."""

    channel: str
    channel_text: str
    outcome: str
    outcome_text: str


class ToldNotice(Struct, frozen=True, kw_only=True):
    """One notice about a case, without its text; `reason_text` says why it was not sent."""

    title: str
    told_at: str
    status: str
    status_text: str
    reason_text: str
    read_at: str | None
    pushed_by: str
    tries: list[ToldTry]


class ChannelFigure(Struct, frozen=True, kw_only=True):
    """Tries of one channel: how many there were, and how many of them went out."""

    channel: str
    channel_text: str
    tries: int
    gone: int


class NoticeFigures:
    """Use cases that count. The tries of days are counted once a minute in each process, whoever asks."""

    def __init__(self) -> None:
        self._by_channel: tuple[float, list[ChannelFigure]] | None = None

    async def failures(self, since: datetime) -> int:
        """Count the notices that failed visibly since a moment."""
        return await figures_repository.count_failed(since)

    async def by_channel(self, days: int = 7) -> list[ChannelFigure]:
        """Count the tries of the last days by channel, each with how many of them went out."""
        kept = self._by_channel
        if kept is None or time.monotonic() - kept[0] > _KEPT_SECONDS:
            kept = self._by_channel = (time.monotonic(), await _counted(clock.now() - timedelta(days=days)))
        return kept[1]

    async def of_case(self, application_no: str) -> list[ToldNotice]:
        """Return what the person was told about a case, newest first. Scope is the caller's business."""
        rows = await figures_repository.list_of_subject(application_no, _MOST_SHOWN)
        return [
            ToldNotice(
                title=row["title"],
                told_at=clock.rfc3339(row["created_at"]),
                status=row["status"],
                status_text=_word(STATUS_WORDS, row["status"]),
                reason_text=_word(REASON_WORDS, row["reason"]),
                read_at=clock.rfc3339_or_none(row["read_at"]),
                pushed_by=row["pushed_by"],
                tries=[_try(each) for each in msgspec.json.decode(row["tries"] or "[]")],
            )
            for row in rows
        ]


async def _counted(since: datetime) -> list[ChannelFigure]:
    rows = await figures_repository.count_attempts(since)
    counts = {(row["channel"], row["outcome"]): row["count"] for row in rows}
    return [
        ChannelFigure(
            channel=channel,
            channel_text=text,
            tries=sum(count for (name, _), count in counts.items() if name == channel),
            gone=sum(count for (name, outcome), count in counts.items() if name == channel and outcome in _GONE),
        )
        for channel, text in CHANNEL_WORDS.items()
        if channel is not Channel.INBOX
    ]


def _try(found: dict[str, str]) -> ToldTry:
    return ToldTry(
        channel=found["channel"],
        channel_text=_word(CHANNEL_WORDS, found["channel"]),
        outcome=found["outcome"],
        outcome_text=_word(OUTCOME_WORDS, found["outcome"]),
    )


def _word(words: Mapping[Any, str], code: str) -> str:
    return words.get(code, code)
