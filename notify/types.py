"""Commands and views that cross the door of the notify room, and the contacts it is given.

Moments are RFC 3339 with +08:00 in the views.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from notify.preferences import Preferences

NoticeId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]
TemplateId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Channel(StrEnum):
    """Ways to reach a person. INBOX is the notice's own row, which everybody can read in the mini-program."""

    WECHAT = "WECHAT"
    ALIPAY = "ALIPAY"
    SMS = "SMS"
    INBOX = "INBOX"


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a person's inbox."""

    id: str
    event: str
    title: str
    text: str
    subject_no: str
    occurred_at: str
    is_read: bool


class NoticePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the inbox, newest first; `unread_count` is of the whole inbox and stops at 999."""

    data: list[NoticeView]
    next_cursor: str | None
    unread_count: int


class ReadNotices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which notices were read: some by id, or all of them."""

    ids: Annotated[list[NoticeId], msgspec.Meta(max_length=100)] = []
    all: bool = False


class UnreadCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many notices are left unread."""

    unread_count: int


class SubscriptionReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the platform's permission panel told the phone, by template id."""

    results: Annotated[
        dict[TemplateId, Literal["accept", "reject", "ban", "filter"]], msgspec.Meta(min_length=1, max_length=20)
    ]


class SubscriptionView(msgspec.Struct, frozen=True, kw_only=True):
    """A permission worth asking for at the caller's platform, and how many are in stock."""

    template_id: str
    title: str
    kind: Literal["ONE_TIME", "LONG_TERM"]
    events: list[str]
    in_stock: int
    worth_asking: bool = True


class SubscriptionPanel(msgspec.Struct, frozen=True, kw_only=True):
    """One request of the platform's permission panel: templates of one kind, at most as many as it takes."""

    kind: Literal["ONE_TIME", "LONG_TERM"]
    template_ids: list[str]


class SubscriptionList(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask for, the most wanted first, and `panels` as the platform takes them: 5 templates at WeChat, 3 at
    Alipay, one-time and long-term ones never together."""

    data: list[SubscriptionView]
    panels: list[SubscriptionPanel] = []
    next_cursor: str | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a person was told about a case: for its timeline."""

    event: str
    text: str
    occurred_at: str
    channel: str
    status: str


@dataclass(frozen=True, slots=True)
class ContactIdentity:
    """How a platform knows the person: `subject` is the openid (WeChat) or open_id (Alipay) in the app `app_id`."""

    identity_id: uuid.UUID
    provider: str
    app_id: str
    subject: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Contacts:
    """Where a person can be reached and how they wish to be; `phone` is "" when none is bound."""

    identities: tuple[ContactIdentity, ...]
    phone: str = field(repr=False)
    preferences: Preferences = Preferences(quiet=False)
    """Of somebody of whom nothing is known: every channel, at any time."""


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """Who stands behind a platform's name for somebody."""

    identity_id: uuid.UUID
    citizen_id: uuid.UUID
