"""Rows of assistances as views. Pure; called by the two sides of an assistance only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app import clock
from app.db import Row
from app.errors import Conflict
from services.applications.assistance.consent import STATUS_TEXT, status_at
from services.applications.assistance.types import AssistanceView

Page = tuple[list[AssistanceView], uuid.UUID | None]


def page_of(rows: Sequence[Row], limit: int) -> Page:
    """Show a page of rows that were read one too many; return it with the id to continue after."""
    return [view_of(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None


def view_of(row: Row) -> AssistanceView:
    """Show an assistance."""
    status = status_at(row, clock.now())
    return AssistanceView(
        assistance_no=row["assistance_no"],
        status=status,
        status_text=STATUS_TEXT[status],
        staff_shown=row["staff_shown"],
        item_code=row["item_code"],
        item_name=row["item_name"],
        may_submit=row["may_submit"],
        application_no=row["application_no"],
        consented_at=clock.rfc3339_or_none(row["consented_at"]),
        expires_at=clock.rfc3339(row["expires_at"]),
        ended_at=clock.rfc3339_or_none(row["ended_at"] or row["declined_at"]),
    )


def over() -> Conflict:
    """Say that nothing can be done under an assistance now."""
    return Conflict("帮办已结束或尚未获得同意", code="assistance_over")
