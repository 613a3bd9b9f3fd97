"""The working-day clock against the published vectors, pauses, and the years that nobody knows yet."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.applications.clock import Calendar, Due, Pause

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "identifiers.json").read_text("utf-8"))["working_days"]
calendar = Calendar()


@pytest.mark.parametrize("vector", VECTORS["is_workday"], ids=lambda vector: vector["date"])
def test_is_working_day_published_day_follows_the_plan(vector: dict[str, Any]) -> None:
    assert calendar.is_working_day(date.fromisoformat(vector["date"])) is vector["workday"]


@pytest.mark.parametrize("vector", VECTORS["add_working_days"], ids=lambda vector: f"{vector['start']}+{vector['n']}")
def test_add_working_days_across_holidays_gives_the_published_due_day(vector: dict[str, Any]) -> None:
    due = calendar.add_working_days(date.fromisoformat(vector["start"]), vector["n"])
    assert due == Due(date.fromisoformat(vector["due"]))


def test_add_working_days_zero_is_due_the_same_day() -> None:
    assert calendar.add_working_days(date(2026, 5, 1), 0) == Due(date(2026, 5, 1))


def test_add_working_days_beyond_the_known_years_is_provisional() -> None:
    due = calendar.add_working_days(date(2026, 12, 30), 5)
    assert due.provisional
    assert due.on == date(2027, 1, 6)


def test_override_table_is_read_before_the_package() -> None:
    published = Calendar({date(2027, 1, 1): False, date(2027, 1, 2): True})
    assert not published.is_working_day(date(2027, 1, 1))
    assert published.add_working_days(date(2026, 12, 31), 1) == Due(date(2027, 1, 2))


def test_pause_days_are_not_counted() -> None:
    pause = Pause(date(2026, 3, 3), date(2026, 3, 5))
    assert calendar.add_working_days(date(2026, 3, 2), 2, [pause]) == Due(date(2026, 3, 6))


def test_running_pause_does_not_move_the_due_day() -> None:
    assert calendar.add_working_days(date(2026, 3, 2), 2, [Pause(date(2026, 3, 3), None)]) == Due(date(2026, 3, 4))


@pytest.mark.parametrize(
    ("length", "unit", "due"),
    [
        (3, "calendar_days", date(2026, 5, 3)),
        (8, "hours", date(2026, 5, 6)),
        (9, "hours", date(2026, 5, 7)),
        (1, "working_days", date(2026, 5, 6)),
    ],
)
def test_due_counts_in_the_unit_of_the_item(length: int, unit: str, due: date) -> None:
    assert calendar.due(date(2026, 4, 30), length, unit).on == due


def test_calendar_days_skip_a_pause() -> None:
    pause = Pause(date(2026, 5, 1), date(2026, 5, 3))
    assert calendar.add_calendar_days(date(2026, 4, 30), 1, [pause]).on == date(2026, 5, 3)


def test_working_days_between_counts_the_last_day_not_the_first() -> None:
    assert calendar.working_days_between(date(2026, 4, 30), date(2026, 5, 6)) == 1
    assert calendar.working_days_between(date(2026, 5, 6), date(2026, 4, 30)) == 0


def test_add_working_days_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="range"):
        calendar.add_working_days(date(2026, 1, 5), -1)
