"""How many working days of a case are used and left, with pauses that count for neither."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from app.clock import BEIJING
from services.applications.clock import Calendar
from services.applications.dues import days_spent

# 2026-03-02 is a Monday; March 2026 has no holidays and no shifted working days.
ACCEPTED = datetime(2026, 3, 2, 10, tzinfo=BEIJING)


def case(**changes: Any) -> dict[str, Any]:
    """An accepted case that is due on Friday of the same week."""
    return {"accepted_at": ACCEPTED, "promised_due_on": date(2026, 3, 6), "decided_at": None} | changes


def pause(first: int, last: int | None) -> dict[str, Any]:
    """A pause from one day of March to another."""
    ended = datetime(2026, 3, last, 9, tzinfo=BEIJING) if last else None
    return {"begun_at": datetime(2026, 3, first, 9, tzinfo=BEIJING), "ended_at": ended}


@pytest.mark.parametrize(
    ("today", "expected"),
    [(2, (0, 4)), (3, (1, 3)), (6, (4, 0)), (8, (4, 0)), (9, (5, -1)), (11, (7, -3))],
)
def test_days_run_from_the_day_after_acceptance(today: int, expected: tuple[int, int]) -> None:
    assert days_spent(Calendar(), case(), [], date(2026, 3, today)) == expected  # type: ignore[arg-type]


def test_running_pause_uses_nothing_up() -> None:
    found = days_spent(Calendar(), case(), [pause(4, None)], date(2026, 3, 20))  # type: ignore[arg-type,list-item]
    assert found == (1, 3)


def test_ended_pause_counts_for_neither() -> None:
    paused = case(promised_due_on=date(2026, 3, 10))
    found = days_spent(Calendar(), paused, [pause(4, 6)], date(2026, 3, 9))  # type: ignore[arg-type,list-item]
    assert found == (3, 1)


def test_decision_stops_the_count() -> None:
    decided = case(decided_at=datetime(2026, 3, 4, 15, tzinfo=BEIJING))
    assert days_spent(Calendar(), decided, [], date(2026, 3, 30)) == (2, 2)  # type: ignore[arg-type]


def test_case_that_is_not_accepted_has_no_clock() -> None:
    assert days_spent(Calendar(), case(accepted_at=None), [], date(2026, 3, 3)) is None  # type: ignore[arg-type]
