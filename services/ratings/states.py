"""Grades, tags and the course of a follow-up (差评整改) as data; and when each step is due. Pure.

Source: GB/T 39046-2020 满意度 (1 非常满意 … 5 非常不满意; ours counts stars); the day counts are settings because
Shanxi's "1-5-15" is known by name only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from app.errors import InvalidTransition

GRADE_TEXT: Mapping[int, str] = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}
LOW = frozenset({1, 2})
"""The grades that count as 差评 and are followed up."""
FEWEST = 5
"""With fewer ratings than this a sum would tell the officer what one person thinks."""
_GOOD = ("指南清楚", "流程便捷", "材料精简", "办理快捷", "态度热情", "一次办成")
_BAD = ("指南不清楚", "流程繁琐", "材料要求多", "超过承诺时限", "态度不好", "多次跑动", "系统不好用")
TAGS: Mapping[int, tuple[str, ...]] = {5: _GOOD, 4: _GOOD, 3: (*_GOOD[:3], *_BAD[:3]), 2: _BAD, 1: _BAD}
"""What may be ticked with each grade: one short page."""


class FollowUpStatus(StrEnum):
    """Where the follow-up of a low rating stands."""

    OPEN = "OPEN"
    CONTACTED = "CONTACTED"
    ANSWERED = "ANSWERED"
    APPEALED = "APPEALED"
    CLOSED = "CLOSED"
    EXCLUDED = "EXCLUDED"


class FollowUpAct(StrEnum):
    """What may happen to a follow-up."""

    CONTACT = "contact"
    ANSWER = "answer"
    APPEAL = "appeal"
    CALL_BACK = "call_back"
    EXCLUDE = "exclude"


class SumsBy(StrEnum):
    """What sums of ratings are made by."""

    DEPARTMENT = "department"
    ITEM = "item"


SUM_COLUMNS: Mapping[SumsBy, str] = {SumsBy.DEPARTMENT: "department_code", SumsBy.ITEM: "item_code"}
STATUS_TEXT: Mapping[str, str] = {
    FollowUpStatus.OPEN: "待核实",
    FollowUpStatus.CONTACTED: "整改中",
    FollowUpStatus.ANSWERED: "已反馈",
    FollowUpStatus.APPEALED: "申诉复核中",
    FollowUpStatus.CLOSED: "已回访",
    FollowUpStatus.EXCLUDED: "经核实不计入",
}
TRANSITIONS: Mapping[tuple[FollowUpStatus, FollowUpAct], FollowUpStatus] = {
    (FollowUpStatus.OPEN, FollowUpAct.CONTACT): FollowUpStatus.CONTACTED,
    (FollowUpStatus.OPEN, FollowUpAct.EXCLUDE): FollowUpStatus.EXCLUDED,
    (FollowUpStatus.CONTACTED, FollowUpAct.ANSWER): FollowUpStatus.ANSWERED,
    (FollowUpStatus.CONTACTED, FollowUpAct.EXCLUDE): FollowUpStatus.EXCLUDED,
    (FollowUpStatus.ANSWERED, FollowUpAct.APPEAL): FollowUpStatus.APPEALED,
    (FollowUpStatus.ANSWERED, FollowUpAct.CALL_BACK): FollowUpStatus.CLOSED,
    (FollowUpStatus.ANSWERED, FollowUpAct.EXCLUDE): FollowUpStatus.EXCLUDED,
    (FollowUpStatus.APPEALED, FollowUpAct.ANSWER): FollowUpStatus.ANSWERED,
    (FollowUpStatus.APPEALED, FollowUpAct.EXCLUDE): FollowUpStatus.EXCLUDED,
}
UNDER_WAY = frozenset(FollowUpStatus) - {FollowUpStatus.CLOSED, FollowUpStatus.EXCLUDED}


def after(status: str, act: FollowUpAct) -> FollowUpStatus:
    """Return what an act makes of a follow-up. Raises InvalidTransition."""
    found = TRANSITIONS.get((FollowUpStatus(status), act))
    if found is None:
        raise InvalidTransition(f"该差评当前为“{STATUS_TEXT[status]}”，不能进行此操作", status=status, act=act)
    return found


def first_month(today: date, months: int) -> str:
    """Return the first of so many months that end with today's, as 2026-03."""
    total_months = today.year * 12 + today.month - months
    return f"{total_months // 12:04d}-{total_months % 12 + 1:02d}"


def unknown_tags(grade: int, tags: list[str]) -> list[int]:
    """Return the positions of tags that do not belong to a grade."""
    return [position for position, tag in enumerate(tags) if tag not in TAGS[grade]]
