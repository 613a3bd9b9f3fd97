"""What crosses the door of campaigns: drafts, views with their counters, and the member of staff who acts.

Moments are RFC 3339 with +08:00 in the views.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

Prefix = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2,12}$")]
Age = Annotated[int, msgspec.Meta(ge=0, le=150)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Value = Annotated[str, msgspec.Meta(max_length=500)]
Version = Annotated[int, msgspec.Meta(ge=1, le=2_147_483_647)]
CaseState = Literal[
    "SUBMITTED",
    "RECEIVED",
    "CORRECTION",
    "ACCEPTED",
    "SUSPENDED",
    "APPROVED",
    "DENIED",
    "CERTIFYING",
    "DELIVERING",
    "CLOSED",
]


@dataclass(frozen=True, slots=True)
class Officer:
    """The member of staff who acts, in the words of this room; `divisions` are prefixes."""

    username: str
    divisions: tuple[str, ...]
    address: str
    may_look: bool
    may_compose: bool
    may_approve: bool
    may_stop: bool


class Audience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is meant: everybody to whom all of it applies; an empty field asks for nothing. `divisions` are prefixes."""

    divisions: Annotated[list[Prefix], msgspec.Meta(max_length=200)] = []
    item_code: Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Z]{31})?$")] = ""
    case_states: Annotated[list[CaseState], msgspec.Meta(max_length=10)] = []
    age_from: Age | None = None
    age_to: Age | None = None
    level: Literal["", "L1", "L2", "L3"] = ""
    tag: Annotated[str, msgspec.Meta(pattern=r"^[\w·（）()-]{0,32}$")] = ""
    list_id: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{32})?$")] = ""


class CampaignDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign as its author writes it. `scheduled_at` is RFC 3339 with offset; "" is by hand."""

    title: Title
    template_code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    variables: Annotated[dict[Annotated[str, msgspec.Meta(max_length=32)], Value], msgspec.Meta(max_length=32)] = {}
    audience: Audience = Audience()
    scheduled_at: Annotated[str, msgspec.Meta(max_length=40)] = ""
    rate_per_second: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 100


class CampaignEdit(CampaignDraft, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A changed draft; `version` is the one that its author has read."""

    version: Version


class Acting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An act on a campaign; `version`, where given, must be the present one."""

    version: Version | None = None
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Resending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which failed notices are tried again: those that ended for this reason."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many notices of a campaign stand where; their sum is everybody who has got one."""

    total: int = 0
    queued: int = 0
    sent: int = 0
    inbox_only: int = 0
    failed: int = 0
    suppressed: int = 0
    expired: int = 0


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Notices of one status and channel."""

    status: str
    status_text: str
    channel: str
    channel_text: str
    notices: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Notices that did not go out for one reason, and whether trying again may help."""

    reason: str
    reason_text: str
    notices: int
    may_resend: bool


class CampaignView(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign with its counters. `acts` are what the caller may do next; `warnings` what to think of before."""

    campaign_no: str
    title: str
    status: str
    status_text: str
    version: int
    template_code: str
    template_version: int
    variables: dict[str, str]
    audience: Audience
    divisions: list[str]
    scheduled_at: str | None
    rate_per_second: int
    estimated: int | None
    is_estimate_exact: bool
    estimated_at: str | None
    needs_approval: bool
    has_grown: bool
    reason: str
    created_by: str
    submitted_at: str | None
    approved_by: str
    approved_at: str | None
    started_at: str | None
    finished_at: str | None
    is_expanded: bool
    counts: Counts
    shares: list[Share]
    failures: list[Failure]
    acts: list[str]
    warnings: list[str]


class CampaignPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of campaigns, newest first."""

    data: list[CampaignView]
    next_cursor: str | None = None


class AudienceSize(msgspec.Struct, frozen=True, kw_only=True):
    """How many people are meant; not exact where counting would take too long."""

    people: int
    is_exact: bool


class PreviewLine(msgspec.Struct, frozen=True):
    """One line on the phone; the name is empty where the text stands alone."""

    name: str
    text: str


class ChannelPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a person would see on one channel."""

    channel: str
    channel_text: str
    title: str
    lines: list[PreviewLine] = []


@dataclass(frozen=True, slots=True)
class People:
    """A page of people in the order of their ids, and who was merged into one of them: (who stays, who has gone)."""

    ids: Sequence[uuid.UUID]
    former: Sequence[tuple[uuid.UUID, uuid.UUID]] = ()


class Blank(msgspec.Struct, frozen=True):
    """Something to be filled into a template."""

    name: str
    title: str
    sample: str


class Choice(msgspec.Struct, frozen=True):
    """A template that may be pushed, with what is to be filled in."""

    code: str
    title: str
    blanks: list[Blank]
