"""Queries of tasks for staff. A write is one transaction with the record of the act; opening is in opening.py."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app import clock, db
from app.db import Row, Transaction
from services.delivery.tasks.states import COMPLAINT_TIME, LIGHT
from services.delivery.tasks.types import TaskList

Record = Callable[[Transaction], Awaitable[None]]
_COLUMNS = """id, shipment_id, shipment_no, subject_no, division_code, department_code, kind, reason, opened_at,
    opened_by, officer, closed_at, closed_by, outcome, note"""
_IN_SCOPE = "division_code LIKE ANY($1) AND (cardinality($2::text[]) = 0 OR department_code = ANY($2))"
_WHICH = {
    TaskList.OPEN: "closed_at IS NULL",
    TaskList.OVERDUE: "closed_at IS NULL AND opened_at < $4",
    TaskList.MINE: "closed_at IS NULL AND officer = $3",
    TaskList.CLOSED: "closed_at IS NOT NULL",
}
_LIGHT = [kind.value for kind in LIGHT]
_FIRST_ID, _LAST_ID = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
_MOST_OF_A_CASE = 50


@dataclass(frozen=True, slots=True)
class Bounds:
    """Whose tasks: of which bodies, and who asks."""

    divisions: Sequence[str]
    departments: Sequence[str]
    username: str

    def arguments(self) -> tuple[object, ...]:
        """Return them in the order of the statements, with the moment before which a task is overdue."""
        prefixes = [f"{prefix}%" for prefix in self.divisions]
        return (prefixes, list(self.departments), self.username, clock.now() - COMPLAINT_TIME)


async def count(bounds: Bounds) -> tuple[int, int]:
    """Count open tasks, and the overdue of them."""
    row = await db.fetch_row(
        f"""SELECT count(*) AS open, count(*) FILTER (WHERE opened_at < $4 AND kind <> ALL($5)) AS overdue
            FROM shipment_task WHERE {_IN_SCOPE} AND closed_at IS NULL AND $3::text IS NOT NULL""",
        *bounds.arguments(),
        _LIGHT,
    )
    assert row is not None, "a count"
    return row["open"], row["overdue"]


async def list_page(bounds: Bounds, which: TaskList, kind: str, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return tasks of a list from behind an id: open ones oldest first, settled ones newest first."""
    is_closed = which is TaskList.CLOSED
    sign, direction, start = ("<", "DESC", _LAST_ID) if is_closed else (">", "ASC", _FIRST_ID)
    return await db.fetch_all(
        f"""SELECT {_COLUMNS} FROM shipment_task
            WHERE {_IN_SCOPE} AND {_WHICH[which]} AND ($5 = '' OR kind = $5) AND id {sign} $6
                AND $3::text IS NOT NULL AND $4::timestamptz IS NOT NULL
            ORDER BY id {direction} LIMIT $7""",
        *bounds.arguments(),
        kind,
        after or start,
        limit,
    )


async def find(task_id: uuid.UUID) -> Row | None:
    """Return a task."""
    return await db.fetch_row(f"SELECT {_COLUMNS} FROM shipment_task WHERE id = $1", task_id)


async def list_of_subject(subject_no: str) -> Sequence[Row]:
    """Return the tasks of a case, also those of the shared parcel that its result went in, newest first."""
    return await db.fetch_all(
        f"""SELECT {_COLUMNS} FROM shipment_task
            WHERE subject_no = $1 OR shipment_no IN (SELECT shipment_no FROM piece WHERE subject_no = $1)
            ORDER BY id DESC LIMIT {_MOST_OF_A_CASE}""",
        subject_no,
    )


async def list_of_parcel(shipment_no: str) -> Sequence[Row]:
    """Return the tasks of a parcel, newest first."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM shipment_task WHERE shipment_no = $1 ORDER BY id DESC LIMIT {_MOST_OF_A_CASE}",
        shipment_no,
    )


async def take_up(task_id: uuid.UUID, officer: str, record: Record) -> bool:
    """Give an open task that nobody has to somebody; False where it is taken or settled."""
    async with db.transaction() as tx:
        done = await tx.execute(
            "UPDATE shipment_task SET officer = $2 WHERE id = $1 AND officer = '' AND closed_at IS NULL",
            task_id,
            officer,
        )
        if done:
            await record(tx)
        return bool(done)


async def note(task_id: uuid.UUID, officer: str, words: str, record: Record) -> bool:
    """Write a note into an open task of one's own, or of nobody; False where it is somebody else's or settled."""
    async with db.transaction() as tx:
        done = await tx.execute(
            "UPDATE shipment_task SET note = $3 WHERE id = $1 AND officer IN ('', $2) AND closed_at IS NULL",
            task_id,
            officer,
            words,
        )
        if done:
            await record(tx)
        return bool(done)


async def settle(task_id: uuid.UUID, officer: str, outcome: str, words: str, at: datetime, record: Record) -> bool:
    """Close an open task of one's own, or of nobody; False where it is somebody else's or settled."""
    async with db.transaction() as tx:
        done = await tx.execute(
            """UPDATE shipment_task SET closed_at = $5, closed_by = $2, outcome = $3,
                   officer = $2, note = CASE WHEN $4 = '' THEN note ELSE $4 END
               WHERE id = $1 AND officer IN ('', $2) AND closed_at IS NULL""",
            task_id,
            officer,
            outcome,
            words,
            at,
        )
        if done:
            await record(tx)
        return bool(done)


async def find_parcel(tx: Transaction, shipment_no: str) -> Row | None:
    """Return what a task needs of a parcel, locked."""
    return await tx.fetch_row(
        "SELECT id, shipment_no, subject_no, division_code, department_code, leg, status FROM shipment"
        " WHERE shipment_no = $1 FOR UPDATE",
        shipment_no,
    )
