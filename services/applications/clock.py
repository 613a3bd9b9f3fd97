"""Working days (工作日) and the due dates of a case: pure functions over the published holiday calendar.

Called by the use cases that start, pause and end a case's time; must not do I/O. A year that the calendar does not
know yet is counted by plain weekends and the answer says so (`provisional`), to be computed again when it is known.
Source: 行政许可法 第八十二条 (working days without holidays); 民法典 第二百零一条 (the first day is not counted).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import chinese_calendar
from chinese_calendar import constants

_FIRST_KNOWN_YEAR = min(constants.holidays).year
_LAST_KNOWN_YEAR = max(constants.holidays).year
_LONGEST_WORKING_DAYS = 1000


@dataclass(frozen=True, slots=True)
class Due:
    """A due date (inclusive); provisional when it was counted through days nobody has published yet."""

    on: date
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Days that are not counted (特别程序, 补正): from `begun_on`, before `ended_on`; None while it lasts."""

    begun_on: date
    ended_on: date | None

    def covers(self, day: date) -> bool:
        """Tell whether the day falls into the pause."""
        return self.begun_on <= day and (self.ended_on is None or day < self.ended_on)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The public calendar with our own table read first, for days published after the package was made."""

    overrides: Mapping[date, bool] = field(default_factory=dict)

    def is_known(self, day: date) -> bool:
        """Tell whether the State Council's plan for this day is known."""
        return day in self.overrides or _FIRST_KNOWN_YEAR <= day.year <= _LAST_KNOWN_YEAR

    def is_working_day(self, day: date) -> bool:
        """Tell whether offices work; beyond the known years Monday to Friday."""
        if day in self.overrides:
            return self.overrides[day]
        if not self.is_known(day):
            return day.weekday() < 5
        return bool(chinese_calendar.is_workday(day))

    def add_working_days(self, start: date, count: int, pauses: Iterable[Pause] = ()) -> Due:
        """Return the day on which `count` (0..1000) working days after `start` end; `start` is not counted.

        Paused days do not count. With 0 the due day is `start` itself. Raises ValueError when count is out of range.
        """
        if not 0 <= count <= _LONGEST_WORKING_DAYS:
            raise ValueError("working days out of range")
        listed = tuple(pauses)
        day, provisional = start, not self.is_known(start)
        while count > 0:
            day += timedelta(days=1)
            provisional = provisional or not self.is_known(day)
            if self.is_working_day(day) and not any(pause.covers(day) for pause in _ended(listed)):
                count -= 1
        return Due(day, provisional)

    def add_calendar_days(self, start: date, count: int, pauses: Iterable[Pause] = ()) -> Due:
        """Return the day on which `count` calendar days after `start` end, paused days not counted."""
        listed = _ended(tuple(pauses))
        day = start
        while count > 0:
            day += timedelta(days=1)
            count -= not any(pause.covers(day) for pause in listed)
        return Due(day)

    def due(self, start: date, length: int, unit: str, pauses: Iterable[Pause] = ()) -> Due:
        """Return the due day of a time limit of an item.

        Args:
            start: Beijing day of acceptance.
            length: number of units; 0 = at once.
            unit: working_days, calendar_days or hours (rounded up to whole working days of eight hours).
        """
        if unit == "calendar_days":
            return self.add_calendar_days(start, length, pauses)
        return self.add_working_days(start, -(-length // 8) if unit == "hours" else length, pauses)

    def working_days_between(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and including `end`; 0 when `end` is not later."""
        days = (end - start).days
        return sum(self.is_working_day(start + timedelta(days=step)) for step in range(1, days + 1))


def _ended(pauses: tuple[Pause, ...]) -> tuple[Pause, ...]:
    # A running pause would push the due day out for ever; the case shows as suspended meanwhile.
    return tuple(pause for pause in pauses if pause.ended_on is not None)
