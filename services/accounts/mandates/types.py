"""What crosses the door about mandates: the offer, and the view that both sides have of it."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Annotated, Literal

import msgspec

from services.accounts.types import IdNumberText, PersonName

Side = Literal["principal", "agent"]


class MandateOffer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to authorise for what and how long; for an enterprise where `enterprise_id` names one.

    `item_codes`: whole codes, or basic codes (12 digits) for the same matter at any body; an empty list is every item.
    """

    agent_name: PersonName
    agent_id_number: IdNumberText
    item_codes: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=12, max_length=33, pattern=r"^[0-9A-Z]+$(?!\n)")]],
        msgspec.Meta(max_length=50),
    ]
    from_on: date
    until_on: date
    enterprise_id: uuid.UUID | None = None

    def __repr__(self) -> str:
        return "MandateOffer(…)"


class MandateView(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate as principal and agent see it; persons are masked, an enterprise is public."""

    mandate_no: str
    role: Side
    status: str
    status_text: str
    is_live: bool
    principal_shown: str
    enterprise_uscc: str
    agent_shown: str
    item_codes: list[str]
    from_on: str
    until_on: str
    offered_at: str
    accepted_at: str | None
    ended_at: str | None


class MandatePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of mandates, newest first."""

    data: list[MandateView]
    next_cursor: str | None
