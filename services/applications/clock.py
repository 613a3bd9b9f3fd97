"""Working days (工作日) and the due dates of a case: pure counting over the published holiday calendar.

Called by the use cases that start, pause and end a case's time; must not do I/O. A year that the calendar does not
know yet is counted by plain weekends and the answer says so (`provisional`), to be computed again when it is known.
Source: 行政许可法 第八十二条 (working days without holidays); 民法典 第二百零一条 (the first day is not counted).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import chinese_calendar
from chinese_calendar import constants

from app.clock import BEIJING, to_beijing

_FIRST_KNOWN_YEAR = min(constants.holidays).year
_LAST_KNOWN_YEAR = max(constants.holidays).year
_LONGEST_WORKING_DAYS = 1000
OFFICE_ENDS = time(18, 0)
"""What comes in later in the day is received on the next working day; the hour is the project's choice."""


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


@dataclass(slots=True)
class Calendar:
    """The public calendar with our own table read first, for days published after the package was made.

    One object per process; `learn` puts newly published days into it.

    Attributes:
        overrides: day → whether offices work, from our table.
        yellow_percent, yellow_days: a due day is near when so many percent of its working days are left, but not
            fewer than so many days.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict)
    yellow_percent: int = 20
    yellow_days: int = 1

    def learn(self, days: Mapping[date, bool]) -> bool:
        """Take over the whole table as it is now; tell whether anything has changed."""
        changed = dict(self.overrides) != dict(days)
        if changed:
            self.overrides = dict(days)
        return changed

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

    def days_back(self, end: date, count: int) -> date:
        """Return the last day from which `count` working days have passed by the end of `end`."""
        day = end
        while count > 0:
            count -= self.is_working_day(day)
            day -= timedelta(days=1)
        return day

    def next_working_day(self, day: date) -> date:
        """Return the first working day after this one."""
        return self.add_working_days(day, 1).on

    def receipt_day(self, moment: datetime) -> date:
        """Return the working day on which something counts as received: at night and on holidays the next one."""
        local = to_beijing(moment)
        day = local.date()
        is_open = self.is_working_day(day) and local.time() < OFFICE_ENDS
        return day if is_open else self.next_working_day(day)

    def received_at(self, moment: datetime) -> datetime:
        """Return the moment at which something counts as received; as `receipt_day`, from the beginning of that day."""
        day = self.receipt_day(moment)
        return moment if day == to_beijing(moment).date() else datetime.combine(day, time(), BEIJING)

    def yellow_left(self, total: int) -> int:
        """Return with how many working days left a period of `total` working days is near its end."""
        return max(self.yellow_days, total * self.yellow_percent // 100)

    def soon_on(self, start: date, due: date) -> date:
        """Return the first day on which a due day is near; not before `start`, from which its period runs."""
        day = self.days_back(due, self.yellow_left(self.working_days_between(start, due)))
        while not self.is_working_day(day) and day > start:
            day -= timedelta(days=1)
        return max(day, start)

    def working_days_between(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and including `end`; 0 when `end` is not later."""
        days = (end - start).days
        return sum(self.is_working_day(start + timedelta(days=step)) for step in range(1, days + 1))


def _ended(pauses: tuple[Pause, ...]) -> tuple[Pause, ...]:
    # A running pause would push the due day out for ever; the case shows as suspended meanwhile.
    return tuple(pause for pause in pauses if pause.ended_on is not None)
