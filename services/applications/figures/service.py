"""Use cases of figures: cases by day within the caller's scope, for the chart of the day's page."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from msgspec import Struct

from app import clock
from app.clock import BEIJING
from services.applications.figures import repository
from services.applications.finding.service import READERS
from services.staff.types import StaffCaller


class DayFigure(Struct, frozen=True, kw_only=True):
    """How many cases were handed in and decided on one day."""

    day: str
    submitted: int
    decided: int


class CaseFigures:
    """Use cases that count cases. They change nothing."""

    async def by_day(self, staff: StaffCaller, days: int = 14) -> list[DayFigure]:
        """Return the last days, today the last of them, those without any case too. Raises: Forbidden."""
        staff.require_role(*READERS)
        first = clock.beijing_date() - timedelta(days=days - 1)
        since = datetime.combine(first, time(), BEIJING)
        rows = await repository.count_days(staff.divisions, staff.departments, since)
        counts = {(row["what"], row["day"]): row["count"] for row in rows}
        listed = [first + timedelta(days=step) for step in range(days)]
        return [
            DayFigure(
                day=day.isoformat(),
                submitted=counts.get(("submitted", day), 0),
                decided=counts.get(("decided", day), 0),
            )
            for day in listed
        ]
