"""Queries of the queues and of who has a case. Every page reads an index in order, whatever the number of cases.

Called by routing only. A queue is a set of narrow index ranges (place × officer), merged by age: the ranges are found
by jumping from one distinct value to the next, so that nothing depends on how many cases stand in between.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app import db
from app.db import Row, Transaction
from app.ids import new_id
from services.applications.routing.types import MOST_COUNTED, AssignmentKind, QueueFilter, QueueName

_LINE = """a.id, a.application_no, a.item_code, a.item_name, a.division_code, a.department_code,
    a.intake_division_code, a.status, a.version, a.applicant_shown, a.officer, a.claimed_at, a.submitted_at,
    a.promised_due_on, a.person_asked_at"""
_OPEN = "a.status NOT IN ('DRAFT', 'CLOSED')"
_FIRST_ID = uuid.UUID(int=0)
_UNMET = "coalesce(a.decided_at < a.person_asked_at, a.status <> 'CLOSED')"
"""Who asks before the decision waits for it; who asks after it, for the answer."""
_REVIEWED = "EXISTS (SELECT 1 FROM case_review r WHERE r.application_id = a.id AND r.step = 'INSTANT_REVIEW')"


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose cases somebody sees: ranges of division codes [low, high), departments (none = all), and who is asking."""

    lows: tuple[str, ...]
    highs: tuple[str, ...]
    departments: tuple[str, ...]
    username: str


def reach(divisions: Sequence[str], departments: Sequence[str], username: str) -> Reach:
    """Turn the prefixes of a scope into ranges; a prefix within another one counts once."""
    wide = sorted(
        {code for code in divisions if not any(code != other and code.startswith(other) for other in divisions)}
    )
    return Reach(tuple(wide), tuple(str(int(code) + 1).zfill(len(code)) for code in wide), tuple(departments), username)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of who has a case; `columns` are the row's new values, names come from the use cases."""

    kind: AssignmentKind
    columns: Mapping[str, Any]
    to_officer: str = ""
    reason: str = ""


async def list_queue(
    name: QueueName, whose: Reach, wanted: QueueFilter, today: date, after: uuid.UUID | None, limit: int
) -> Sequence[Row]:
    """Return a page of a queue, oldest first."""
    values: list[Any] = [list(whose.lows), list(whose.highs), list(whose.departments), whose.username, today]
    values += [after or _FIRST_ID, limit]
    return await db.fetch_all(_SOURCES[name].page(bool(whose.departments), _filters(wanted, values)), *values)


async def list_open(
    whose: Reach, statuses: Sequence[str], columns: str, after: uuid.UUID | None, limit: int
) -> Sequence[Row]:
    """Return a page of all open cases of these statuses, oldest first, with the columns of another list."""
    values: list[Any] = [list(whose.lows), list(whose.highs), list(whose.departments), whose.username, None]
    values += [after or _FIRST_ID, limit, list(statuses)]
    sql = _EVERYBODY.page(bool(whose.departments), " AND a.status = ANY($8::text[])", columns)
    return await db.fetch_all(sql, *values)


async def count_queues(whose: Reach, today: date) -> Mapping[str, int]:
    """Count every queue up to one more than MOST_COUNTED."""
    counts = ", ".join(f"({_SOURCES[name].count(bool(whose.departments))}) AS {name.value}" for name in QueueName)
    values = [list(whose.lows), list(whose.highs), list(whose.departments), whose.username, today]
    row = await db.fetch_row(f"SELECT {counts}", *values)
    assert row is not None
    return dict(row)


async def change_hands(tx: Transaction, case: Row, change: Change, by_staff: str, at: datetime) -> Row | None:
    """Change who has a case that is still as read, with its line of history; None where somebody was faster."""
    sets = "".join(f", {column} = ${place}" for place, column in enumerate(change.columns, 5))
    row = await tx.fetch_row(
        f"""UPDATE application a SET version = version + 1, updated_at = $4{sets}
            WHERE id = $1 AND version = $2 AND status = $3 RETURNING {_LINE}""",
        case["id"],
        case["version"],
        case["status"],
        at,
        *change.columns.values(),
    )
    if row is not None:
        await add_assignment(tx, case, change, by_staff, at)
    return row


async def add_assignment(
    tx: Transaction, case: Row, change: Change, by_staff: str, at: datetime, from_body: str = "", to_body: str = ""
) -> None:
    """Append a line of history."""
    await tx.execute(
        "INSERT INTO case_assignment (id, created_at, application_id, kind, from_officer, to_officer, from_body,"
        " to_body, reason, by_staff) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new_id(),
        at,
        case["id"],
        change.kind.value,
        case["officer"],
        change.to_officer,
        from_body,
        to_body,
        change.reason,
        by_staff,
    )


async def find_line(application_no: str) -> Row | None:
    """Return the line of one case."""
    return await db.fetch_row(f"SELECT {_LINE} FROM application a WHERE a.application_no = $1", application_no)


async def list_assignments(case_id: uuid.UUID) -> Sequence[Row]:
    """Return every change of who has a case, oldest first."""
    return await db.fetch_all(
        "SELECT created_at, kind, from_officer, to_officer, from_body, to_body, reason, by_staff FROM case_assignment"
        " WHERE application_id = $1 ORDER BY id",
        case_id,
    )


_GIVEN = "given AS (SELECT $1::text[], $2::text[], $3::text[], $4::text, $5::date)"
"""Names the parameters of every queue, so that each statement may leave out those it does not need."""


@dataclass(frozen=True, slots=True)
class _Ranged:
    """A queue of open cases by place and officer. `officers`: an SQL value, or empty for everybody's."""

    officers: str
    only: str = ""

    def page(self, by_department: bool, filters: str, columns: str = _LINE) -> str:
        """Return the statement of a page."""
        place = "department_code" if by_department else "division_code"
        return f"""{self._ranges(by_department)}
            SELECT x.* FROM held h CROSS JOIN LATERAL (
                SELECT {columns} FROM application a WHERE a.{place} = h.code AND a.officer = h.officer AND {_OPEN}
                    AND a.id > $6{self.only}{_in_division(by_department)}{filters} ORDER BY a.id LIMIT $7) x
            ORDER BY x.id LIMIT $7"""

    def count(self, by_department: bool) -> str:
        """Return the statement that counts."""
        place = "department_code" if by_department else "division_code"
        return f"""{self._ranges(by_department)}
            SELECT count(*) FROM (SELECT 1 FROM held h CROSS JOIN LATERAL (
                SELECT 1 FROM application a WHERE a.{place} = h.code AND a.officer = h.officer AND {_OPEN}
                {self.only}{_in_division(by_department)} LIMIT {MOST_COUNTED + 1}) x LIMIT {MOST_COUNTED + 1}) y"""

    def _ranges(self, by_department: bool) -> str:
        places = _DEPARTMENTS if by_department else _DIVISIONS
        place = "department_code" if by_department else "division_code"
        if self.officers:
            return f"WITH RECURSIVE {_GIVEN}, {places}, held AS (SELECT code, {self.officers} AS officer FROM places)"
        least = f"(SELECT min(a.officer) FROM application a WHERE {_OPEN} AND a.{place}"
        return f"""WITH RECURSIVE {_GIVEN}, {places}, each_officer AS (
                SELECT code, {least} = code) AS officer FROM places
                UNION ALL
                SELECT code, {least} = code AND a.officer > e.officer) FROM each_officer e WHERE e.officer IS NOT NULL),
            held AS (SELECT code, officer FROM each_officer WHERE officer IS NOT NULL)"""


@dataclass(frozen=True, slots=True)
class _Filtered:
    """A queue that is a small part of all cases, with an index of its own. `of` stands between FROM and ORDER."""

    of: str
    key: str = "a.id"
    of_any_department: bool = False

    def page(self, by_department: bool, filters: str) -> str:
        """Return the statement of a page."""
        return f"""WITH {_GIVEN} SELECT {_LINE} FROM {self.of}{self._in(by_department)} AND {self.key} > $6{filters}
            ORDER BY {self.key} LIMIT $7"""

    def count(self, by_department: bool) -> str:
        """Return the statement that counts."""
        rows = f"SELECT 1 FROM {self.of}{self._in(by_department)} LIMIT {MOST_COUNTED + 1}"
        return f"WITH {_GIVEN} SELECT count(*) FROM ({rows}) y"

    def _in(self, by_department: bool) -> str:
        return " AND a.department_code = ANY($3::text[])" if by_department and not self.of_any_department else ""


@dataclass(frozen=True, slots=True)
class _ByDue(_Filtered):
    """A queue in the order of due days, the longest overdue first; a page goes on behind the row of its cursor."""

    def page(self, by_department: bool, filters: str) -> str:
        """Return the statement of a page."""
        return f"""WITH RECURSIVE {_GIVEN}, {_DIVISIONS}, reached AS (
                SELECT coalesce((SELECT promised_due_on FROM application WHERE id = $6), '-infinity'::date) AS due)
            SELECT x.* FROM places h CROSS JOIN reached CROSS JOIN LATERAL (
                SELECT {_LINE} FROM application a WHERE a.division_code = h.code AND a.status = 'ACCEPTED'
                    AND a.promised_due_on < $5::date AND (a.promised_due_on, a.id) > (reached.due, $6)
                    {self._in(by_department)}{filters} ORDER BY a.promised_due_on, a.id LIMIT $7) x
            ORDER BY x.promised_due_on, x.id LIMIT $7"""


_DIVISIONS = f"""places AS (
        SELECT code FROM (
            WITH RECURSIVE found AS (
                SELECT r.high, (SELECT min(a.division_code) FROM application a
                    WHERE {_OPEN} AND a.division_code >= r.low AND a.division_code < r.high) AS code
                FROM unnest($1::text[], $2::text[]) AS r (low, high)
                UNION ALL
                SELECT f.high, (SELECT min(a.division_code) FROM application a
                    WHERE {_OPEN} AND a.division_code > f.code AND a.division_code < f.high)
                FROM found f WHERE f.code IS NOT NULL)
            SELECT code FROM found WHERE code IS NOT NULL) of_scope)"""
_DEPARTMENTS = "places AS (SELECT unnest($3::text[]) AS code)"
_RANGE = (
    "FROM unnest($1::text[], $2::text[]) AS r (low, high) WHERE a.division_code >= r.low AND a.division_code < r.high"
)


def _in_division(by_department: bool) -> str:
    return f" AND EXISTS (SELECT 1 {_RANGE})" if by_department else ""


def _cards(colour: str) -> _Filtered:
    return _Filtered(
        "unnest($1::text[], $2::text[]) AS r (low, high) JOIN due_card c ON c.division_code >= r.low"
        " AND c.division_code < r.high JOIN application a ON a.id = c.application_id"
        f" WHERE c.settled_at IS NULL AND c.colour = '{colour}' AND {_OPEN}",
        "c.application_id",
    )


_JOINED = (
    "unnest($1::text[], $2::text[]) AS r (low, high) JOIN application a ON a.{place} >= r.low AND a.{place} < r.high"
)
_BY_DIVISION, _BY_INTAKE = _JOINED.format(place="division_code"), _JOINED.format(place="intake_division_code")
_EVERYBODY = _Ranged("")
_SOURCES: Mapping[QueueName, _Ranged | _Filtered] = {
    QueueName.UNCLAIMED: _Ranged("''::text", " AND a.status IN ('SUBMITTED', 'RECEIVED', 'ACCEPTED', 'SUSPENDED')"),
    QueueName.MINE: _Ranged("$4::text"),
    QueueName.DEPARTMENT: _EVERYBODY,
    QueueName.OVERDUE: _ByDue(f"{_BY_DIVISION} WHERE a.status = 'ACCEPTED' AND a.promised_due_on < $5::date"),
    QueueName.YELLOW: _cards("YELLOW"),
    QueueName.RED: _cards("RED"),
    QueueName.INTAKE: _Filtered(
        f"{_BY_INTAKE} WHERE a.intake_division_code <> '' AND a.intake_division_code <> a.division_code AND {_OPEN}",
        of_any_department=True,
    ),
    QueueName.ASKED: _Filtered(f"{_BY_DIVISION} WHERE a.person_asked_at IS NOT NULL AND {_UNMET} AND NOT {_REVIEWED}"),
}


def _filters(wanted: QueueFilter, values: list[Any]) -> str:
    """Return further conditions and append their values."""
    sql = ""
    for column, value in (("status", wanted.status), ("item_code", wanted.item_code)):
        if value:
            values.append(value)
            sql += f" AND a.{column} = ${len(values)}"
    if wanted.words:
        values.append(wanted.words)
        is_number = wanted.words.isascii() and wanted.words.isalnum()
        sql += (
            f" AND a.application_no = ${len(values)}" if is_number else f" AND strpos(a.item_name, ${len(values)}) > 0"
        )
    return sql
