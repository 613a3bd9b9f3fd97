"""What crosses the ratings' door; frozen. Of what staff get only the audited contact says who has rated."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from services.ratings.states import FEWEST, STATUS_TEXT, SumsBy

__all__ = ["FEWEST", "STATUS_TEXT", "SumsBy"]

Comment = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
Tag = Annotated[str, Meta(min_length=1, max_length=20)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedSubject:
    """A case or package that has ended, as far as a rating needs it.

    Attributes:
        officer: username of who handled it, "" where no person did; never shown.
        closed_at: aware UTC.
    """

    subject_no: str
    item_code: str
    item_name: str
    division_code: str
    department_code: str
    officer: str
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The clock of low ratings, in working days, and the periods of citizens, in calendar days."""

    contact: int = 1
    correct: int = 5
    correct_complex: int = 15
    rate: int = 180
    supplement: int = 30


class NewRating(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rating: stars, what is ticked, and words if somebody wants to."""

    subject_no: Annotated[str, Meta(min_length=1, max_length=50)]
    grade: Annotated[int, Meta(ge=1, le=5)]
    tags: Annotated[list[Tag], Meta(max_length=8)] = []
    comment: Comment | None = None


class FollowUpView(Struct, frozen=True, kw_only=True):
    """What is done about an own low rating."""

    status: str
    status_text: str
    contact_due_on: str
    correct_due_on: str
    answer: str
    answered_at: str | None
    may_appeal: bool


class RatingView(Struct, frozen=True, kw_only=True):
    """An own rating."""

    subject_no: str
    item_name: str
    grade: int
    grade_text: str
    tags: list[str]
    comment: str
    supplement: str
    rated_at: str
    may_supplement_until: str | None
    follow_up: FollowUpView | None


class GradeTags(Struct, frozen=True, kw_only=True):
    """What may be ticked with a grade."""

    grade: int
    grade_text: str
    tags: list[str]


class TagList(Struct, frozen=True, kw_only=True):
    """All grades, best first; there is never a next page."""

    data: list[GradeTags]
    next_cursor: None = None


class GradeCount(Struct, frozen=True, kw_only=True):
    """How many ratings of one grade."""

    grade: int
    grade_text: str
    count: int


class RatingFigures(Struct, frozen=True, kw_only=True):
    """Public figures (公开) of a department, an item, an area, or of all.

    `grades` and `content_permille` (share of 基本满意 and better, in thousandths) are left out while so few have rated
    that a single person could be told by them.
    """

    total: int
    too_few: bool
    grades: list[GradeCount]
    content_permille: int | None


class FollowUpLine(Struct, frozen=True, kw_only=True):
    """A low rating as staff see it: what was said, not by whom."""

    follow_up_id: str
    version: int
    status: str
    status_text: str
    item_code: str
    item_name: str
    division_code: str
    department_code: str
    grade: int
    grade_text: str
    tags: list[str]
    comment: str
    supplement: str
    rated_at: str
    handler: str
    is_complex: bool
    contact_due_on: str
    correct_due_on: str
    is_overdue: bool
    answer: str
    was_content: bool | None
    acts: list[str]


class FollowUpPage(Struct, frozen=True, kw_only=True):
    """A page of low ratings."""

    data: list[FollowUpLine]
    next_cursor: str | None


class StatusCount(Struct, frozen=True, kw_only=True):
    """How many low ratings stand at one step."""

    status: str
    status_text: str
    count: int


class FollowUpTally(Struct, frozen=True, kw_only=True):
    """The low ratings under way by step, and how many of them are late; there is never a next page."""

    data: list[StatusCount]
    overdue: int
    next_cursor: None = None


class RatingSum(Struct, frozen=True, kw_only=True):
    """The ratings of one department or item; `content_permille` is left out while few have rated."""

    code: str
    name: str
    total: int
    content_permille: int | None


class RaterContact(Struct, frozen=True, kw_only=True):
    """How the rater is reached, for the handler's call; every look is audited."""

    name: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedFact:
    """A rating ready to be stored, with the follow-up that a low one opens."""

    rating_id: uuid.UUID
    subject: RatedSubject
    citizen_id: uuid.UUID
    provider: str
    grade: int
    tags: tuple[str, ...]
    comment_cipher: bytes | None
    at: datetime
