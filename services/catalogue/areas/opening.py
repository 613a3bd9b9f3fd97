"""Whether a service point is open at a moment, from its structured hours and the working days; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import chinese_calendar
from chinese_calendar import constants

from app import clock
from services.catalogue.codes import OpeningDays
from services.catalogue.places import Opening

_FIRST_KNOWN_YEAR = min(constants.holidays).year
_LAST_KNOWN_YEAR = max(constants.holidays).year


def is_working_day(day: date) -> bool:
    """Tell whether offices work by the published holidays; beyond the known years Monday to Friday."""
    if _FIRST_KNOWN_YEAR <= day.year <= _LAST_KNOWN_YEAR:
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5


def open_at(openings: Sequence[Opening], moment: datetime, working: bool) -> bool | None:
    """Tell whether one may come now; None where the hours are only told in words.

    Args:
        moment: aware UTC.
        working: whether the Beijing day of the moment is a working day.
    """
    if not openings:
        return None
    time = clock.to_beijing(moment).strftime("%H:%M")
    today = OpeningDays.WORKING if working else OpeningDays.REST
    return any(
        opening.opens <= time < opening.closes and opening.days in (today, OpeningDays.DAILY) and not opening.booking
        for opening in openings
    )
