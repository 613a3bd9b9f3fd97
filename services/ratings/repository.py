"""Every query of the ratings room. A rating, its figures and its follow-up are one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec

from app import clock, db
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.ratings.ports import Audit
from services.ratings.types import RatedFact
from services.staff.types import Act

_FIRST_ID = uuid.UUID(int=0)
_LINE = """f.id AS follow_up_id, f.status, f.version, f.handler, f.is_complex, f.contact_due_on, f.correct_due_on,
    f.answer, f.answered_at, f.was_content, f.appealed_at, r.subject_no, r.citizen_id, r.item_code, r.item_name,
    r.division_code, r.department_code, r.officer, r.grade, r.tags, r.comment_cipher, r.supplement_cipher,
    r.created_at AS rated_at, r.id AS rating_id"""
_IN_SCOPE = """r.division_code LIKE ANY($2) AND (cardinality($3::text[]) = 0 OR r.department_code = ANY($3))
    AND r.officer <> $4"""
_LATE = """(f.status = 'OPEN' AND f.contact_due_on < {0}
    OR f.status IN ('CONTACTED', 'APPEALED') AND f.correct_due_on < {0})"""
_LAST_NAME = "(SELECT r.item_name FROM rating r WHERE r.item_code = t.item_code ORDER BY r.id DESC LIMIT 1)"
_TALLY = """INSERT INTO rating_tally AS t (id, created_at, department_code, division_code, item_code, month, grade,
        total)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (department_code, item_code, month, grade) DO UPDATE SET total = t.total + EXCLUDED.total"""


@dataclass(frozen=True, slots=True)
class FollowUpDue:
    """The days of a follow-up."""

    contact_on: date
    correct_on: date


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a follow-up: from which status and version to which, and the columns it sets."""

    follow_up_id: uuid.UUID
    from_status: str
    version: int
    to_status: str
    sets: Mapping[str, Any] = field(default_factory=dict)


async def add(fact: RatedFact, due: FollowUpDue | None, event: DomainEvent) -> bool:
    """Write a rating with its figures and its follow-up; False where the subject was rated before."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            """INSERT INTO rating (id, created_at, subject_no, citizen_id, item_code, item_name, division_code,
                   department_code, officer, grade, tags, comment_cipher, provider, excluded_by, excluded_reason)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13, '', '')
               ON CONFLICT (subject_no) DO NOTHING RETURNING id""",
            fact.rating_id,
            fact.at,
            fact.subject.subject_no,
            fact.citizen_id,
            fact.subject.item_code,
            fact.subject.item_name,
            fact.subject.division_code,
            fact.subject.department_code,
            fact.subject.officer,
            fact.grade,
            msgspec.json.encode(fact.tags).decode(),
            fact.comment_cipher,
            fact.provider,
        )
        if row is None:
            return False
        subject = fact.subject
        await _count(tx, subject.department_code, subject.division_code, subject.item_code, fact.at, fact.grade, 1)
        if due is not None:
            await tx.execute(
                "INSERT INTO rating_follow_up (id, created_at, rating_id, status, version, handler, is_complex,"
                " contact_due_on, correct_due_on, answer) VALUES ($1, $2, $3, 'OPEN', 1, '', false, $4, $5, '')",
                new_id(),
                fact.at,
                fact.rating_id,
                due.contact_on,
                due.correct_on,
            )
        tx.emit(event)
    return True


async def find_own(citizen_id: uuid.UUID, subject_no: str) -> Row | None:
    """Return an own rating with its follow-up, where there is one."""
    return await db.fetch_row(
        """SELECT r.id, r.subject_no, r.item_name, r.grade, r.tags, r.comment_cipher, r.supplement_cipher, r.created_at,
               r.supplemented_at, f.id AS follow_up_id, f.status, f.version, f.contact_due_on, f.correct_due_on,
               f.answer, f.answered_at, f.appealed_at
           FROM rating r LEFT JOIN rating_follow_up f ON f.rating_id = r.id
           WHERE r.subject_no = $1 AND r.citizen_id = $2""",
        subject_no,
        citizen_id,
    )


async def supplement(rating_id: uuid.UUID, words: bytes, at: datetime) -> bool:
    """Add words to a rating, once."""
    touched = await db.execute(
        "UPDATE rating SET supplement_cipher = $2, supplemented_at = $3 WHERE id = $1 AND supplemented_at IS NULL",
        rating_id,
        words,
        at,
    )
    return touched == 1


async def figures(division: str, department_code: str, item_code: str, since_month: str) -> Mapping[int, int]:
    """Sum the ratings of each grade from a month on; empty strings leave a bound out."""
    rows = await db.fetch_all(
        """SELECT grade, sum(total)::bigint AS total FROM rating_tally
           WHERE ($1 = '' OR division_code LIKE $1 || '%') AND ($2 = '' OR department_code = $2)
             AND ($3 = '' OR item_code = $3) AND month >= $4 GROUP BY grade""",
        division,
        department_code,
        item_code,
        since_month,
    )
    return {row["grade"]: row["total"] for row in rows}


async def list_follow_ups(
    divisions: Sequence[str],
    departments: Sequence[str],
    not_of_officer: str,
    statuses: Sequence[str],
    after: uuid.UUID | None,
    limit: int,
    late_on: date | None = None,
) -> Sequence[Row]:
    """Return follow-ups in scope, oldest first, without those of cases that this officer handled.

    Args:
        late_on: leaves out those whose next step is not late on this day.
    """
    return await db.fetch_all(
        f"""SELECT {_LINE} FROM rating_follow_up f JOIN rating r ON r.id = f.rating_id
            WHERE f.status = ANY($1) AND {_IN_SCOPE} AND f.id > $5
              AND ($7::date IS NULL OR {_LATE.format("$7")}) ORDER BY f.id LIMIT $6""",
        list(statuses),
        [f"{prefix}%" for prefix in divisions],
        list(departments),
        not_of_officer,
        after or _FIRST_ID,
        limit,
        late_on,
    )


async def tally_follow_ups(
    divisions: Sequence[str], departments: Sequence[str], not_of_officer: str, statuses: Sequence[str], today: date
) -> Sequence[Row]:
    """Count follow-ups in scope by status, and those whose next step is late."""
    return await db.fetch_all(
        f"""SELECT f.status, count(*) AS total, count(*) FILTER (WHERE {_LATE.format("$5")}) AS overdue
            FROM rating_follow_up f JOIN rating r ON r.id = f.rating_id
            WHERE f.status = ANY($1) AND {_IN_SCOPE} GROUP BY f.status""",
        list(statuses),
        [f"{prefix}%" for prefix in divisions],
        list(departments),
        not_of_officer,
        today,
    )


async def sums_by(
    column: str, divisions: Sequence[str], departments: Sequence[str], since_month: str, limit: int
) -> Sequence[Row]:
    """Sum the ratings in scope by `department_code` or `item_code` from a month on: all, and those of each grade.

    The most rated come first; an item comes with the name under which it was rated last.
    """
    name = _LAST_NAME if column == "item_code" else "''"
    return await db.fetch_all(
        f"""SELECT t.{column} AS code, {name} AS name, sum(t.total)::bigint AS total,
                sum(t.total) FILTER (WHERE t.grade <= 2)::bigint AS low
            FROM rating_tally t
            WHERE t.division_code LIKE ANY($1) AND (cardinality($2::text[]) = 0 OR t.department_code = ANY($2))
              AND t.month >= $3 GROUP BY t.{column} HAVING sum(t.total) > 0
            ORDER BY total DESC, code LIMIT $4""",
        [f"{prefix}%" for prefix in divisions],
        list(departments),
        since_month,
        limit,
    )


async def find_follow_up(follow_up_id: uuid.UUID) -> Row | None:
    """Return one follow-up with its rating."""
    return await db.fetch_row(
        f"SELECT {_LINE} FROM rating_follow_up f JOIN rating r ON r.id = f.rating_id WHERE f.id = $1", follow_up_id
    )


async def advance(
    step: Step, *, event: DomainEvent | None = None, act: Act | None = None, audit: Audit | None = None
) -> bool:
    """Take one step of a follow-up, in one transaction with its event and audit; False where somebody was faster."""
    async with db.transaction() as tx:
        if not await _step(tx, step):
            return False
        if event is not None:
            tx.emit(event)
        if act is not None and audit is not None:
            await audit.record(act, tx)
    return True


async def exclude(step: Step, row: Row, reason: str, by: str, at: datetime, act: Act, audit: Audit) -> bool:
    """Take a rating out of the figures after a check; it is not deleted. False where somebody was faster."""
    async with db.transaction() as tx:
        if not await _step(tx, step):
            return False
        await tx.execute(
            "UPDATE rating SET excluded_at = $2, excluded_by = $3, excluded_reason = $4 WHERE id = $1",
            row["rating_id"],
            at,
            by,
            reason,
        )
        codes = (row["department_code"], row["division_code"], row["item_code"])
        await _count(tx, *codes, row["rated_at"], row["grade"], -1)
        await audit.record(act, tx)
    return True


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Move ratings to the surviving citizen. Idempotent."""
    await db.execute("UPDATE rating SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id)


async def count_overdue(today: date) -> int:
    """Count the follow-ups whose next step is late."""
    row = await db.fetch_row(
        """SELECT count(*) AS overdue FROM rating_follow_up
           WHERE (status = 'OPEN' AND contact_due_on < $1)
              OR (status IN ('CONTACTED', 'APPEALED') AND correct_due_on < $1)""",
        today,
    )
    return int(row["overdue"]) if row else 0


async def _step(tx: Transaction, step: Step) -> bool:
    sets = "".join(f", {column} = ${place}" for place, column in enumerate(step.sets, 5))
    row = await tx.fetch_row(
        f"UPDATE rating_follow_up SET status = $4, version = version + 1{sets}"
        " WHERE id = $1 AND status = $2 AND version = $3 RETURNING id",
        step.follow_up_id,
        step.from_status,
        step.version,
        step.to_status,
        *step.sets.values(),
    )
    return row is not None


async def _count(
    tx: Transaction, department: str, division: str, item_code: str, at: datetime, grade: int, by: int
) -> None:
    month = clock.beijing_date(at).isoformat()[:7]
    await tx.execute(_TALLY, new_id(), at, department, division, item_code, month, grade, by)
