"""Due dates of a case from the item's times and the stored pauses. Pure; called when a case's clock starts or moves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app import clock
from app.db import Row
from services.applications.clock import Calendar, Due, Pause
from services.catalogue.types import ItemRecord


def accepted_columns(calendar: Calendar, record: ItemRecord, accepted_at: datetime) -> tuple[dict[str, Any], Due]:
    """Return the columns of a case accepted at this moment, and the promised due day."""
    columns, promised = computed(calendar, record, accepted_at, ())
    return columns | {"accepted_at": accepted_at, "reason": ""}, promised


def resumed_columns(
    calendar: Calendar, record: ItemRecord, case: Row, pauses: Iterable[Row], ended_at: datetime
) -> tuple[dict[str, Any], Due]:
    """Return the due columns of a case whose running pause ends at this moment, and the promised due day."""
    return computed(calendar, record, case["accepted_at"], stored_pauses(pauses, ended_at))


def computed(
    calendar: Calendar, record: ItemRecord, accepted_at: datetime, pauses: Iterable[Pause]
) -> tuple[dict[str, Any], Due]:
    """Compute promised and legal due days from acceptance and pauses; the two run together."""
    start, listed = clock.beijing_date(accepted_at), tuple(pauses)
    promised = calendar.due(start, record.promised_time.length, record.promised_time.unit.value, listed)
    legal = calendar.due(start, record.legal_time.length, record.legal_time.unit.value, listed)
    columns = {
        "promised_due_on": promised.on,
        "legal_due_on": legal.on,
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
