"""The life of a thread and of an answer on its way, as data; pure rules beside them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

PROVINCE = "140000"
"""Whose staff answers what names neither a case nor an item."""
CHAT_WINDOW = timedelta(hours=48)
"""How long after the person's newest message the platform takes an answer."""
WINDOW_MARGIN = timedelta(seconds=30)
SENDING_LEASE = timedelta(minutes=2)
"""A try that is older than this died with its process: nobody knows whether the message has left."""
LOST_AFTER = timedelta(minutes=1)
KEEP_TRYING = timedelta(minutes=10)
"""For how long an answer that has certainly not left is tried again, before a notice takes its place."""


class Status(StrEnum):
    """Whose turn it is."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    CLOSED = "CLOSED"


STATUS_TEXT = {Status.OPEN: "待回复", Status.ANSWERED: "已回复", Status.CLOSED: "已结束"}


class Act(StrEnum):
    """What happens to a thread."""

    ASK = "ask"
    CLAIM = "claim"
    ANSWER = "answer"
    ROUTE = "route"
    CLOSE = "close"


TRANSITIONS: dict[tuple[Status, Act], Status] = {
    (Status.OPEN, Act.ASK): Status.OPEN,
    (Status.ANSWERED, Act.ASK): Status.OPEN,
    (Status.OPEN, Act.CLAIM): Status.OPEN,
    (Status.ANSWERED, Act.CLAIM): Status.ANSWERED,
    (Status.OPEN, Act.ANSWER): Status.ANSWERED,
    (Status.ANSWERED, Act.ANSWER): Status.ANSWERED,
    (Status.OPEN, Act.ROUTE): Status.OPEN,
    (Status.ANSWERED, Act.ROUTE): Status.OPEN,
    (Status.OPEN, Act.CLOSE): Status.CLOSED,
    (Status.ANSWERED, Act.CLOSE): Status.CLOSED,
}
"""(from, act) → to; what is not here is refused."""


class Author(StrEnum):
    """Who has written a message."""

    CITIZEN = "CITIZEN"
    STAFF = "STAFF"
    SYSTEM = "SYSTEM"


class Sent(StrEnum):
    """What has become of an answer.

    QUEUED waits for its try; SENDING is being tried; SENT by customer message; NOTICED told by a notice instead;
    UNKNOWN may have been sent, and a notice says so as well.
    """

    QUEUED = "QUEUED"
    SENDING = "SENDING"
    SENT = "SENT"
    NOTICED = "NOTICED"
    UNKNOWN = "UNKNOWN"


SENT_TEXT = {
    Sent.QUEUED: "正在发送",
    Sent.SENDING: "正在发送",
    Sent.SENT: "已发送客服消息",
    Sent.NOTICED: "已改用通知告知",
    Sent.UNKNOWN: "客服消息结果不明，已另发通知",
}


class Told(StrEnum):
    """What a platform said to an answer: LATER certainly took nothing, UNKNOWN may have, REFUSED never will."""

    TAKEN = "TAKEN"
    REFUSED = "REFUSED"
    LATER = "LATER"
    UNKNOWN = "UNKNOWN"


def may_chat(wrote_at: datetime | None, now: datetime) -> bool:
    """Tell whether the platform still takes an answer to what was written there at that moment (aware UTC)."""
    return wrote_at is not None and now < wrote_at + CHAT_WINDOW - WINDOW_MARGIN


def outcome(told: Told, queued_at: datetime, now: datetime) -> Sent:
    """Say what an answer's try came to; QUEUED: it is tried again."""
    if told is Told.TAKEN:
        return Sent.SENT
    if told is Told.UNKNOWN:
        return Sent.UNKNOWN
    return Sent.QUEUED if told is Told.LATER and now < queued_at + KEEP_TRYING else Sent.NOTICED
