"""What the staff's use cases take and show besides the case itself. Frozen."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from services.applications.documents.types import DocumentView

CORRECTION_DAYS = 30
"""So many calendar days the citizen has for a correction; the law names none, so this is the project's choice."""
MOST_POINTS = 30
_SAYING = r"^[^\x00]*[^\x00\s][^\x00]*$"
Text = Annotated[str, Meta(min_length=1, max_length=300, pattern=_SAYING)]
OptionalText = Annotated[str, Meta(max_length=300, pattern=r"^[^\x00]*$")]


class ReviewAction(StrEnum):
    """What an officer concludes from one step of the examination."""

    PASS = "PASS"
    RETURN = "RETURN"
    OTHER = "OTHER"


class CorrectionPoint(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing to correct: at `materials.<code>`, `form.<field>`, or the case as a whole."""

    target: Annotated[str, Meta(max_length=128, pattern=r"^(|(materials|form)\.[0-9A-Za-z_-]+)$")] = ""
    text: Text


class PointView(Struct, frozen=True, kw_only=True):
    """One point of the correction notice, with the name of what it is about."""

    target: str
    title: str
    text: str


class ReviewView(Struct, frozen=True, kw_only=True):
    """One step of the examination (审查, 审核, 现场勘验)."""

    step: str
    action: ReviewAction
    opinion: str
    officer: str
    begun_at: str
    ended_at: str


class PauseView(Struct, frozen=True, kw_only=True):
    """One special procedure; its days are not counted."""

    name: str
    reason: str
    expected_days: int | None
    result: str
    begun_at: str
    ended_at: str | None


class CourseView(Struct, frozen=True, kw_only=True):
    """What the examination of a case has brought so far, for the officer in charge."""

    officer: str
    corrections: int
    correction_points: list[PointView]
    extension_days: int
    overdue_reason: str
    due_text: str
    receipt_due_on: str | None
    reviews: list[ReviewView]
    pauses: list[PauseView]
    documents: list[DocumentView]
