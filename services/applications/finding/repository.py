"""Queries of lists of cases by filters. Every page merges index ranges (place × status), each read in order.

Called by finding only. The places of a scope are found by jumping from one division to the next.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from app import clock, db
from app.clock import BEIJING
from app.db import Row
from services.applications.finding.types import CaseFilter, Reach, Urgency
from services.applications.routing import repository as queues

_COLUMNS = """a.id, a.application_no, a.item_code, a.item_name, a.division_code, a.department_code, a.status,
    a.outcome, a.version, a.applicant_shown, a.provider, a.fee_fen, a.fee_paid_at, a.submitted_at, a.accepted_at,
    a.promised_due_on, a.legal_due_on, a.officer, a.citizen_id"""
_PLACES = """places AS (
    SELECT code FROM (
        WITH RECURSIVE found AS (
            SELECT r.high, (SELECT min(a.division_code) FROM application a
                WHERE a.division_code >= r.low AND a.division_code < r.high) AS code
            FROM unnest($1::text[], $2::text[]) AS r (low, high)
            UNION ALL
            SELECT f.high, (SELECT min(a.division_code) FROM application a
                WHERE a.division_code > f.code AND a.division_code < f.high)
            FROM found f WHERE f.code IS NOT NULL)
        SELECT code FROM found WHERE code IS NOT NULL) of_scope)"""
_HELD = {"mine": "a.officer = {}", "unclaimed": "a.officer = ''"}
_PAID = {
    "paid": "a.fee_paid_at IS NOT NULL",
    "unpaid": "a.fee_fen > 0 AND a.fee_paid_at IS NULL",
    "free": "a.fee_fen = 0",
}
_CARD = """EXISTS (SELECT 1 FROM due_card c
    WHERE c.application_id = a.id AND c.settled_at IS NULL AND c.colour = {})"""
_FIRST_ID, _LAST_ID = uuid.UUID(int=0), uuid.UUID(int=(1 << 128) - 1)


async def list_cases(
    reach: Reach, wanted: CaseFilter, username: str, after: uuid.UUID | None, limit: int
) -> Sequence[Row]:
    """Return a page of cases in the order of their making: open ones oldest first, an archive newest first."""
    of_scope = queues.reach(reach.divisions, reach.departments, username)
    beyond, order = ("<", "DESC") if wanted.newest_first else (">", "ASC")
    start = _LAST_ID if wanted.newest_first else _FIRST_ID
    values: list[Any] = [list(of_scope.lows), list(of_scope.highs), list(wanted.statuses), after or start, limit]
    conditions = _conditions(reach, wanted, username, values)
    return await db.fetch_all(
        f"""WITH {_PLACES}
            SELECT x.* FROM places h CROSS JOIN unnest($3::text[]) AS s (status) CROSS JOIN LATERAL (
                SELECT {_COLUMNS} FROM application a
                WHERE a.division_code = h.code AND a.status = s.status AND a.id {beyond} $4{conditions}
                ORDER BY a.id {order} LIMIT $5) x
            ORDER BY x.id {order} LIMIT $5""",
        *values,
    )


async def list_of_citizens(reach: Reach, citizen_ids: Sequence[uuid.UUID], limit: int) -> Sequence[Row]:
    """Return the cases of some citizens within a scope, newest first."""
    return await db.fetch_all(
        f"""SELECT {_COLUMNS} FROM application a
            WHERE a.citizen_id = ANY($1::uuid[]) AND a.status <> 'DRAFT' AND a.division_code LIKE ANY($2)
              AND (cardinality($3::text[]) = 0 OR a.department_code = ANY($3)) ORDER BY a.id DESC LIMIT $4""",
        list(citizen_ids),
        [f"{prefix}%" for prefix in reach.divisions],
        list(reach.departments),
        limit,
    )


def _conditions(reach: Reach, wanted: CaseFilter, username: str, values: list[Any]) -> str:
    """Return what else a row must be, and append the values of it."""

    def place(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    found: list[str] = []
    if reach.departments:
        found.append(f"a.department_code = ANY({place(list(reach.departments))}::text[])")
    if wanted.item_code:
        found.append(f"a.item_code = {place(wanted.item_code)}")
    if wanted.words:
        found.append(f"strpos(a.item_name, {place(wanted.words)}) > 0")
    if wanted.platform:
        found.append(f"a.provider = {place(wanted.platform)}")
    if wanted.submitted_from:
        found.append(f"a.submitted_at >= {place(_midnight(wanted.submitted_from))}")
    if wanted.submitted_until:
        found.append(f"a.submitted_at < {place(_midnight(wanted.submitted_until + timedelta(days=1)))}")
    if wanted.held:
        found.append(_HELD[wanted.held].format(place(username) if wanted.held == "mine" else ""))
    if wanted.paid:
        found.append(_PAID[wanted.paid])
    if wanted.urgency == Urgency.OVERDUE:
        found.append(f"a.status = 'ACCEPTED' AND a.promised_due_on < {place(clock.beijing_date())}")
    elif wanted.urgency:
        found.append(_CARD.format(place(wanted.urgency.upper())))
    return "".join(f" AND {condition}" for condition in found)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), BEIJING)
