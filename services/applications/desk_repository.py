"""Queries of the staff's queue and of the sweeps: many cases at once, by scope or by time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app import db
from app.db import Row
from services.applications.routing import repository as queues

_COLUMNS = """id, application_no, item_code, item_name, division_code, department_code, status, outcome, version,
    applicant_shown, provider, fee_fen, fee_paid_at, submitted_at, accepted_at, promised_due_on, legal_due_on,
    officer"""
_FIRST_ID, _LAST_ID = uuid.UUID(int=0), uuid.UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose cases: prefixes of division codes, departments (none = all of them)."""

    divisions: tuple[str, ...]
    departments: tuple[str, ...]


async def list_open(scope: Scope, statuses: Sequence[str], after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return open cases in scope, oldest first: a queue."""
    whose = queues.reach(scope.divisions, scope.departments, "")
    return await queues.list_open(whose, statuses, _COLUMNS, after, limit)


async def list_closed(scope: Scope, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return closed cases in scope, newest first: an archive."""
    return await db.fetch_all(
        f"""SELECT {_COLUMNS} FROM application
            WHERE status = 'CLOSED' AND submitted_at IS NOT NULL AND division_code LIKE ANY($1)
              AND (cardinality($2::text[]) = 0 OR department_code = ANY($2)) AND id < $3 ORDER BY id DESC LIMIT $4""",
        [f"{prefix}%" for prefix in scope.divisions],
        list(scope.departments),
        after or _LAST_ID,
        limit,
    )


async def count_open(scope: Scope, today: date) -> Sequence[Row]:
    """Count the open cases in scope by status, and those of them that are past their promised day."""
    return await db.fetch_all(
        """SELECT status, count(*) AS count,
               count(*) FILTER (WHERE status = 'ACCEPTED' AND promised_due_on < $3) AS overdue
           FROM application
           WHERE status NOT IN ('DRAFT', 'CLOSED') AND division_code LIKE ANY($1)
             AND (cardinality($2::text[]) = 0 OR department_code = ANY($2)) GROUP BY status""",
        [f"{prefix}%" for prefix in scope.divisions],
        list(scope.departments),
        today,
    )


async def list_received_before(moment: datetime, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return cases that wait for acceptance and whose materials came in before `moment`, in pages."""
    return await db.fetch_all(
        "SELECT id, application_no FROM application WHERE status IN ('SUBMITTED', 'RECEIVED') AND received_at < $1"
        " AND id > $2 ORDER BY id LIMIT $3",
        moment,
        after or _FIRST_ID,
        limit,
    )


async def list_corrections_due(moment: datetime, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return cases whose time for correction, or to mend a returned one, has run out, in pages."""
    return await db.fetch_all(
        "SELECT id, application_no FROM application WHERE status IN ('CORRECTION', 'RETURNED')"
        " AND correction_due_at < $1 AND id > $2 ORDER BY id LIMIT $3",
        moment,
        after or _FIRST_ID,
        limit,
    )


async def list_stalled(untouched_since: datetime, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return cases that should have gone on by themselves and have not for a while, in pages.

    A delivery that staff reopened is theirs to end.
    """
    return await db.fetch_all(
        """SELECT id, application_no FROM application a
           WHERE status NOT IN ('DRAFT', 'CLOSED') AND id > $2 AND updated_at < $1 AND (
               status IN ('APPROVED', 'CERTIFYING', 'DENIED')
               OR (status IN ('ACCEPTED', 'SUSPENDED') AND fee_fen > 0 AND fee_paid_at IS NULL)
               OR (status = 'DELIVERING' AND NOT EXISTS (SELECT 1 FROM timeline_entry t
                   WHERE t.application_id = a.id AND t.event = 'application.reopened' AND t.to_status = 'DELIVERING')))
           ORDER BY id LIMIT $3""",
        untouched_since,
        after or _FIRST_ID,
        limit,
    )


async def list_provisional(after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return cases whose due date was counted through days that were not published then."""
    return await db.fetch_all(
        "SELECT id, application_no FROM application WHERE due_is_provisional AND id > $1 ORDER BY id LIMIT $2",
        after or _FIRST_ID,
        limit,
    )


async def list_running(first: date, last: date, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return open cases whose time runs over some of these days, or may: the days have been published anew."""
    return await db.fetch_all(
        """SELECT id, application_no FROM application
           WHERE status IN ('ACCEPTED', 'SUSPENDED') AND id > $3 AND accepted_at < $2::date + 2
             AND (due_is_provisional OR greatest(promised_due_on, legal_due_on) >= $1) ORDER BY id LIMIT $4""",
        first,
        last,
        after or _FIRST_ID,
        limit,
    )
