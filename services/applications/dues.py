"""Due dates of a case from the item's times, its pauses and its extension. Pure; called when a case's clock moves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from app import clock
from app.db import Row
from services.applications.clock import Calendar, Due, Pause
from services.catalogue.types import ItemRecord

RECEIPT_WORKING_DAYS = 5
"""Within so many working days a case is accepted, refused or sent back; else it counts as accepted.

Source: 行政许可法 第三十二条.
"""
DELIVERY_WORKING_DAYS = 10
"""Within so many working days of the decision its result is made and delivered. Source: 行政许可法 第四十四条."""
DUE_SOON, OVERDUE = "即将到期", "已超期"
LONGEST_EXTENSION = 10
"""So many working days may be added with the head's approval. Source: 行政许可法 第四十二条."""


def receipt_due(calendar: Calendar, received_at: datetime) -> Due:
    """Return the last day on which a case that came in at this moment can be answered."""
    return calendar.add_working_days(calendar.receipt_day(received_at), RECEIPT_WORKING_DAYS)


def accepted_columns(calendar: Calendar, record: ItemRecord, accepted_at: datetime) -> tuple[dict[str, Any], Due]:
    """Return the columns of a case accepted at this moment, and the promised due day."""
    columns, promised = computed(calendar, record, accepted_at, ())
    return columns | {"accepted_at": accepted_at, "reason": ""}, promised


def resumed_columns(
    calendar: Calendar, record: ItemRecord, case: Row, pauses: Iterable[Row], ended_at: datetime
) -> tuple[dict[str, Any], Due]:
    """Return the due columns of a case whose running pause ends at this moment, and the promised due day."""
    return computed(calendar, record, case["accepted_at"], stored_pauses(pauses, ended_at), case["extension_days"])


def computed(
    calendar: Calendar, record: ItemRecord, accepted_at: datetime, pauses: Iterable[Pause], extension_days: int = 0
) -> tuple[dict[str, Any], Due]:
    """Compute promised and legal due days from acceptance, pauses and extension; the two run together."""
    start, listed = clock.beijing_date(accepted_at), tuple(pauses)
    promised, legal = (
        _extended(calendar, calendar.due(start, limit.length, limit.unit.value, listed), extension_days, listed)
        for limit in (record.promised_time, record.legal_time)
    )
    columns = {
        "promised_due_on": promised.on,
        "legal_due_on": legal.on,
        "due_soon_on": calendar.soon_on(start, promised.on),
        "due_is_provisional": promised.provisional or legal.provisional,
    }
    return columns, promised


def stored_pauses(rows: Iterable[Row], ended_at: datetime | None = None) -> tuple[Pause, ...]:
    """Read stored pauses as days; `ended_at` ends the one that still runs."""
    return tuple(
        Pause(
            clock.beijing_date(row["begun_at"]),
            clock.beijing_date(end) if (end := row["ended_at"] or ended_at) is not None else None,
        )
        for row in rows
    )


def days_spent(calendar: Calendar, case: Row, pauses: Iterable[Row], today: date) -> tuple[int, int] | None:
    """Count the working days of an accepted case that are used and left (negative once past); None before acceptance.

    Days of pauses count for neither; while one runs, nothing is used up.
    """
    if case["accepted_at"] is None or case["promised_due_on"] is None:
        return None
    start, listed = clock.beijing_date(case["accepted_at"]), stored_pauses(pauses)
    ended = tuple(pause for pause in listed if pause.ended_on is not None)
    until = clock.beijing_date(case["decided_at"]) if case["decided_at"] else today
    used = _working_days(calendar, start, until, listed)
    return used, _working_days(calendar, start, case["promised_due_on"], ended) - used


def due_text(row: Row, today: date) -> str:
    """Say in a word how near the promised day of a running case is: 即将到期, 已超期, or nothing."""
    due, soon_on = row["promised_due_on"], row["due_soon_on"]
    if row["status"] != "ACCEPTED" or due is None:
        return ""
    if due < today:
        return OVERDUE
    return DUE_SOON if soon_on is not None and soon_on <= today else ""


def _working_days(calendar: Calendar, start: date, end: date, pauses: tuple[Pause, ...]) -> int:
    days = (start + timedelta(days=step) for step in range(1, (end - start).days + 1))
    return sum(calendar.is_working_day(day) and not any(pause.covers(day) for pause in pauses) for day in days)


def _extended(calendar: Calendar, due: Due, extension_days: int, pauses: tuple[Pause, ...]) -> Due:
    if not extension_days:
        return due
    later = calendar.add_working_days(due.on, extension_days, pauses)
    return Due(later.on, due.provisional or later.provisional)
