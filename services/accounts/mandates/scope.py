"""What a mandate allows and where it stands, as pure rules over its terms; everything that runs out is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

_BODY_AND_LEVEL, _BASIC_LENGTH = 19, 12
"""An item code is 18 characters of the body, one of its level, then the twelve digits of the basic code."""


class MandateStatus(StrEnum):
    """Where a mandate stands."""

    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


STATUS_TEXT = {
    MandateStatus.OFFERED: "待受托人确认",
    MandateStatus.ACCEPTED: "已生效",
    MandateStatus.DECLINED: "受托人已拒绝",
    MandateStatus.REVOKED: "已撤销",
    MandateStatus.EXPIRED: "已到期",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of a mandate. Both days count; they are days of Beijing. No codes means every item."""

    item_codes: Sequence[str]
    from_on: date
    until_on: date
    accepted_at: datetime | None = None
    declined_at: datetime | None = None
    revoked_at: datetime | None = None


def status_on(terms: Terms, today: date) -> MandateStatus:
    """Tell where a mandate stands; a word of either side counts before the calendar's."""
    if terms.revoked_at is not None:
        return MandateStatus.REVOKED
    if terms.declined_at is not None:
        return MandateStatus.DECLINED
    if today > terms.until_on:
        return MandateStatus.EXPIRED
    return MandateStatus.OFFERED if terms.accepted_at is None else MandateStatus.ACCEPTED


def is_live(terms: Terms, today: date) -> bool:
    """Tell whether the agent may act today: taken up, begun, neither ended nor run out."""
    return status_on(terms, today) is MandateStatus.ACCEPTED and terms.from_on <= today


def names_item(item_codes: Sequence[str], item_code: str) -> bool:
    """Tell whether an item is within the scope: by its whole code, by its basic code at any body, or all are."""
    basic = item_code[_BODY_AND_LEVEL : _BODY_AND_LEVEL + _BASIC_LENGTH]
    return not item_codes or item_code in item_codes or (len(basic) == _BASIC_LENGTH and basic in item_codes)


def covers(terms: Terms, item_code: str, today: date) -> bool:
    """Tell whether the agent may act today in this item."""
    return is_live(terms, today) and names_item(terms.item_codes, item_code)


def terms_of(row: Mapping[str, Any]) -> Terms:
    """Read the terms of a stored mandate."""
    return Terms(
        item_codes=tuple(msgspec.json.decode(row["item_codes"])),
        from_on=row["from_on"],
        until_on=row["until_on"],
        accepted_at=row["accepted_at"],
        declined_at=row["declined_at"],
        revoked_at=row["revoked_at"],
    )
