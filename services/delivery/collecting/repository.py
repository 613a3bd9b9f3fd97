"""Queries of self-collection: places, results that wait, one-time codes; each write is one transaction.

A result changes hands by compare-and-set on its locked row, with the documents' holder, the event and the record of
the act in the same transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from app import db
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.delivery.collecting.types import Collector, NewCollection, PlaceRecord
from services.delivery.custody import moves
from services.delivery.custody.states import Holder, PieceKind
from services.delivery.tasks.opening import close_task
from services.delivery.tasks.states import Outcome, TaskKind

Record = Callable[[Transaction], Awaitable[None]]
MOST_TRIES = 5
_COLUMNS = """c.id, c.subject_no, c.citizen_id, c.division_code, c.department_code, c.place_code, c.box, c.status,
    c.code_hash, c.code_until, c.code_tries, c.code_for, c.ready_at, c.keep_until, c.collected_at, c.collected_by,
    c.given_by, c.version"""
_PLACE = """p.kind AS place_kind, p.name AS place_name, p.division_code AS place_division, p.address AS place_address,
    p.phone AS place_phone, p.hours AS place_hours, p.boxes AS place_boxes"""
_JOINED = f"SELECT {_COLUMNS}, {_PLACE} FROM collection c LEFT JOIN collection_point p ON p.code = c.place_code"
_POINT = f"SELECT p.code AS place_code, p.department_code AS place_department, {_PLACE} FROM collection_point p"
_IN_SCOPE = "c.division_code LIKE ANY($1) AND (cardinality($2::text[]) = 0 OR c.department_code = ANY($2))"
_FIRST_ID = uuid.UUID(int=0)


async def save_places(places: Sequence[PlaceRecord]) -> None:
    """Make these the current places; others take nothing new. Idempotent."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE collection_point SET enabled = false WHERE code <> ALL($1)", [p.code for p in places])
        await tx.execute_many(
            """INSERT INTO collection_point (code, kind, name, division_code, department_code, address, phone, hours,
                                             boxes, enabled)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
               ON CONFLICT (code) DO UPDATE SET kind = EXCLUDED.kind, name = EXCLUDED.name,
                   division_code = EXCLUDED.division_code, department_code = EXCLUDED.department_code,
                   address = EXCLUDED.address, phone = EXCLUDED.phone, hours = EXCLUDED.hours,
                   boxes = EXCLUDED.boxes, enabled = EXCLUDED.enabled""",
            [
                (p.code, p.kind.value, p.name, p.division_code, p.department_code, p.address, p.phone, p.hours, p.boxes,
                 p.enabled)
                for p in places
            ],
        )  # fmt: skip


async def list_places(division_prefix: str) -> Sequence[Row]:
    """Return the places of a division and of those in it."""
    return await db.fetch_all(
        f"{_POINT} WHERE p.enabled AND p.division_code LIKE $1 ORDER BY p.division_code, p.code LIMIT 200",
        f"{division_prefix}%",
    )


async def list_places_of(division_code: str, department_code: str) -> Sequence[Row]:
    """Return the places that take results of a body, its own before those of its division."""
    return await db.fetch_all(
        f"""{_POINT} WHERE p.enabled AND p.division_code = $1 AND p.department_code IN ('', $2)
            ORDER BY p.department_code DESC, p.kind DESC, p.code LIMIT 50""",
        division_code,
        department_code,
    )


async def prepare(new: NewCollection, usual_place: str, at: datetime) -> bool:
    """Begin the collection of a result at the place of its choice, or at the usual one; tell whether it is new.

    Idempotent: yes, while one is open or was fetched.
    """
    made = await db.fetch_row(
        """INSERT INTO collection (id, created_at, subject_no, citizen_id, division_code, department_code, place_code,
                                   box, status, code_hash, code_tries, code_for, collected_by, given_by, version,
                                   updated_at)
           SELECT $1, $2, $3::text, $4, $5, $6, COALESCE(NULLIF((SELECT place_code FROM delivery_choice
               WHERE subject_no = $3::text), ''), $7), '', 'PREPARING', '', 0, '', '', '', 1, $2
           WHERE NOT EXISTS (SELECT 1 FROM collection WHERE subject_no = $3::text AND status <> 'ENDED')
           ON CONFLICT DO NOTHING RETURNING id""",
        new_id(),
        at,
        new.subject_no,
        new.citizen_id,
        new.division_code,
        new.department_code,
        usual_place,
    )
    return made is not None


async def find(subject_no: str) -> Row | None:
    """Return the newest collection of a case with its place."""
    return await db.fetch_row(f"{_JOINED} WHERE c.subject_no = $1 ORDER BY c.id DESC LIMIT 1", subject_no)


async def list_page(
    divisions: Sequence[str],
    departments: Sequence[str],
    statuses: Sequence[str],
    place_code: str,
    after: uuid.UUID | None,
    limit: int,
) -> Sequence[Row]:
    """Return collections in scope, oldest first."""
    return await db.fetch_all(
        f"""{_JOINED} WHERE {_IN_SCOPE} AND c.status = ANY($3) AND ($4 = '' OR c.place_code = $4) AND c.id > $5
            ORDER BY c.id LIMIT $6""",
        [f"{prefix}%" for prefix in divisions],
        list(departments),
        list(statuses),
        place_code,
        after or _FIRST_ID,
        limit,
    )


async def deposit(
    row: Row, place_code: str, box: str, at: datetime, keep_until: datetime, event: DomainEvent, record: Record
) -> bool:
    """Note that a result lies ready; False where it moved meanwhile, or the box holds something else."""
    async with db.transaction() as tx:
        # One after the other at each place: of two that want one box the second finds it taken.
        place = await tx.fetch_row("SELECT name FROM collection_point WHERE code = $1 FOR UPDATE", place_code)
        done = await tx.fetch_row(
            """UPDATE collection SET status = 'READY', place_code = $3, box = $4, ready_at = $5, keep_until = $6,
                   reminded_at = NULL, version = version + 1, updated_at = $5
               WHERE id = $1 AND version = $2 AND status = 'PREPARING' AND NOT EXISTS (
                   SELECT 1 FROM collection o
                   WHERE o.place_code = $3 AND o.box = $4 AND $4 <> '' AND o.status = 'READY')
               RETURNING id""",
            row["id"],
            row["version"],
            place_code,
            box,
            at,
            keep_until,
        )
        if done is None:
            return False
        await close_task(tx, row["id"], (TaskKind.UNCOLLECTED,), Outcome.WENT_ON)
        await _hand(tx, row["subject_no"], Holder.POINT, at, reason=_laid(place, box))
        tx.emit(event)
        await record(tx)
    return True


def _laid(place: Row | None, box: str) -> str:
    return f"放入{place['name'] if place else '出件窗口'}" + (f"{box}号格口" if box else "")


async def set_code(subject_no: str, code_hash: str, until: datetime, code_for: Collector, at: datetime) -> Row | None:
    """Replace the code of a result that lies ready; None where none does."""
    return await db.fetch_row(
        """UPDATE collection SET code_hash = $2, code_until = $3, code_tries = 0, code_for = $4, updated_at = $5
           WHERE subject_no = $1 AND status = 'READY' RETURNING id""",
        subject_no,
        code_hash,
        until,
        code_for.value,
        at,
    )


async def lock_ready(tx: Transaction, subject_no: str) -> Row | None:
    """Return the collection of a case that lies ready, and hold it until the transaction ends."""
    return await tx.fetch_row(
        f"SELECT {_COLUMNS} FROM collection c WHERE c.subject_no = $1 AND c.status = 'READY' FOR UPDATE", subject_no
    )


async def lock_by_code(tx: Transaction, place_code: str, code_hash: str) -> Row | None:
    """Return the newest collection at a place whose code this is, also one that was fetched with it; held."""
    return await tx.fetch_row(
        f"""SELECT {_COLUMNS} FROM collection c WHERE c.place_code = $1 AND c.code_hash = $2
            ORDER BY c.id DESC LIMIT 1 FOR UPDATE""",
        place_code,
        code_hash,
    )


async def count_wrong_try(tx: Transaction, row: Row) -> int:
    """Note a wrong code against a result; return how many tries are left. The last one ends the code."""
    used = int(row["code_tries"]) + 1
    await tx.execute(
        """UPDATE collection SET code_tries = $2::int, code_hash = CASE WHEN $2::int >= $3 THEN '' ELSE code_hash END
           WHERE id = $1""",
        row["id"],
        used,
        MOST_TRIES,
    )
    return max(0, MOST_TRIES - used)


async def is_box_in_use(tx: Transaction, row: Row) -> bool:
    """Tell whether the box of a collection holds something else by now."""
    found = await tx.fetch_row(
        "SELECT 1 FROM collection WHERE place_code = $1 AND box = $2 AND status = 'READY' AND id <> $3",
        row["place_code"],
        row["box"],
        row["id"],
    )
    return found is not None


async def give(
    tx: Transaction, row: Row, collector: Collector, given_by: str, at: datetime, event: DomainEvent
) -> None:
    """Hand a locked result over: it is the citizen's from this moment. The caller records the act afterwards."""
    await tx.execute(
        """UPDATE collection SET status = 'COLLECTED', collected_at = $2, collected_by = $3, given_by = $4,
               version = version + 1, updated_at = $2 WHERE id = $1""",
        row["id"],
        at,
        collector.value,
        given_by,
    )
    await _hand(tx, row["subject_no"], Holder.CITIZEN, at, reason="自取点领取", actor=given_by)
    tx.emit(event)


async def settle(subject_no: str, *, is_given: bool, at: datetime) -> None:
    """End what is open of a case that ended otherwise: handed over at its window, or not wanted. Idempotent."""
    async with db.transaction() as tx:
        rows = await tx.fetch_all(
            """UPDATE collection SET status = $2, collected_at = $3, code_hash = '', version = version + 1,
                   updated_at = now() WHERE subject_no = $1 AND status IN ('PREPARING', 'READY') RETURNING id""",
            subject_no,
            "COLLECTED" if is_given else "ENDED",
            at if is_given else None,
        )
        if is_given and rows:
            await _hand(tx, subject_no, Holder.CITIZEN, at, reason="窗口领取")


async def cancel(tx: Transaction, subject_no: str, at: datetime) -> None:
    """End a collection that has not been made ready, because the result goes another way."""
    await tx.execute(
        """UPDATE collection SET status = 'ENDED', version = version + 1, updated_at = $2
           WHERE subject_no = $1 AND status = 'PREPARING'""",
        subject_no,
        at,
    )


async def remind(ready_before: datetime, at: datetime, limit: int, told: Callable[[Row], DomainEvent]) -> None:
    """Take results that have waited for long and of which nobody was reminded yet, and tell of each. Idempotent."""
    async with db.transaction() as tx:
        rows = await tx.fetch_all(
            f"""{_JOINED} WHERE c.status = 'READY' AND c.reminded_at IS NULL AND c.ready_at < $1
                ORDER BY c.id LIMIT $2 FOR UPDATE OF c SKIP LOCKED""",
            ready_before,
            limit,
        )
        await tx.execute("UPDATE collection SET reminded_at = $2 WHERE id = ANY($1)", [row["id"] for row in rows], at)
        tx.emit(*(told(row) for row in rows))


async def list_overdue(at: datetime, limit: int) -> Sequence[Row]:
    """Return results that were not fetched in time."""
    return await db.fetch_all(
        f"{_JOINED} WHERE c.status = 'READY' AND c.keep_until < $1 ORDER BY c.keep_until LIMIT $2", at, limit
    )


async def recall(row: Row, place_code: str, at: datetime, event: DomainEvent, opens: Record) -> bool:
    """Have a result brought back to its window; False where it was fetched meanwhile."""
    async with db.transaction() as tx:
        done = await tx.fetch_row(
            """UPDATE collection SET status = 'PREPARING', place_code = $3, box = '', code_hash = '', ready_at = NULL,
                   keep_until = NULL, version = version + 1, updated_at = $4
               WHERE id = $1 AND version = $2 AND status = 'READY' RETURNING id""",
            row["id"],
            row["version"],
            place_code,
            at,
        )
        if done is None:
            return False
        await _hand(tx, row["subject_no"], Holder.WINDOW, at, reason="逾期未领取，取回窗口")
        tx.emit(event)
        await opens(tx)
    return True


async def _hand(tx: Transaction, subject_no: str, to: Holder, at: datetime, *, reason: str, actor: str = "") -> None:
    await moves.move_case(tx, subject_no, PieceKind.RESULT, to, at, reason=reason, actor=actor)
    # Originals go along where we have them, also if they came back; those that were never sent stay with the citizen.
    here = await tx.fetch_row(
        "SELECT 1 FROM piece WHERE subject_no = $1 AND kind = 'ORIGINAL' AND holder IN ('WINDOW', 'POINT', 'RETURNED')",
        subject_no,
    )
    if here is not None:
        await moves.move_case(tx, subject_no, PieceKind.ORIGINAL, to, at, reason=reason, actor=actor)
