"""The queries of statements: taking one in, its sums and differences, settling one. Each write is one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app import db
from app.db import Row, Transaction
from app.ids import new_id
from services.delivery.statements import comparison_repository
from services.delivery.statements.columns import Line
from services.delivery.statements.comparison_repository import LONG_SECONDS, Month
from services.delivery.tasks.opening import close_task
from services.delivery.tasks.states import Outcome, TaskKind

Record = Callable[[Transaction], Awaitable[None]]
"""Writes what follows from the act and its audit row, in its transaction."""
WORK = "delivery.work_on_statement"
_BATCH = 5_000
_LINE_COLUMNS = (
    "id", "created_at", "statement_id", "line", "waybill_no", "shipment_no", "carried_on", "weight_grams",
    "charged_fen", "difference", "settled_by", "note",
)  # fmt: skip
_VIEW = """
SELECT s.*, (SELECT count(*) FROM courier_statement_line l
             WHERE l.statement_id = s.id AND l.difference <> '' AND l.settled_at IS NULL) AS open
FROM courier_statement s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStatement:
    """A statement to be taken in; `month` bounds what of ours it is compared with."""

    statement_no: str
    month: Month
    sha256: str
    uploaded_by: str
    at: datetime


async def find_same(courier: str, first_on: date, sha256: str) -> Row | None:
    """Return the statement that this very file has become, if it was taken in before and could be read."""
    return await db.fetch_row(
        f"{_VIEW} WHERE s.courier = $1 AND s.month = $2 AND s.sha256 = $3 AND s.status <> 'FAULTY'",
        courier,
        first_on,
        sha256,
    )


async def begin(new: NewStatement, record: Record) -> bool:
    """Note a statement that a job reads. False: this very file was taken in meanwhile."""
    async with db.transaction() as tx:
        if not await _insert(tx, new):
            return False
        _have_worked_on(tx, new.statement_no)
        await record(tx)
    return True


async def note_read(statement_id: uuid.UUID, lines: int) -> None:
    """Note how far the reading is."""
    await db.execute(
        "UPDATE courier_statement SET lines = $2 WHERE id = $1 AND status = 'READING'", statement_id, lines
    )


async def end_faulty(statement_id: uuid.UUID, fault: str) -> None:
    """Note that a file turned out to be no statement; an earlier one of its month goes on counting. Idempotent."""
    await db.execute(
        "UPDATE courier_statement SET status = 'FAULTY', fault = $2, lines = 0 WHERE id = $1 AND status = 'READING'",
        statement_id,
        fault,
    )


async def take_in(new: NewStatement, lines: Sequence[Line], record: Record) -> bool:
    """Keep the lines of a statement and compare them; an earlier file of the month gives way. All of it or nothing.

    False: this very file was taken in meanwhile.
    """
    async with db.transaction() as tx:
        await _in_turn(tx, new.month)
        if not await _insert(tx, new):
            return False
        await _keep(tx, new.month, lines, new.at, record)
    return True


async def finish(month: Month, lines: Sequence[Line], at: datetime, record: Record) -> None:
    """Keep the lines of a statement that was begun, and compare them. Idempotent: yes, by its status."""
    async with db.transaction() as tx:
        await _in_turn(tx, month)
        if await _is(tx, month.statement_id, "READING"):
            await _keep(tx, month, lines, at, record)


async def _in_turn(tx: Transaction, month: Month) -> None:
    """Have statements of one month written one after the other: the one that was sent last counts."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"statement:{month.courier}:{month.first_on}")


async def _insert(tx: Transaction, new: NewStatement) -> bool:
    # A machine under load, or a file that was lost, is no fault of the file: sent again, it is read again.
    await tx.execute(
        "DELETE FROM courier_statement WHERE courier = $1 AND month = $2 AND sha256 = $3 AND status = 'FAULTY'",
        new.month.courier,
        new.month.first_on,
        new.sha256,
    )
    made = await tx.fetch_row(
        """INSERT INTO courier_statement (id, created_at, statement_no, courier, month, sha256, uploaded_by, status,
               fault, lines, charged_fen, matched, differing)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 'READING', '', 0, 0, 0, 0)
           ON CONFLICT (courier, month, sha256) DO NOTHING RETURNING id""",
        new.month.statement_id,
        new.at,
        new.statement_no,
        new.month.courier,
        new.month.first_on,
        new.sha256,
        new.uploaded_by,
    )
    return made is not None


async def _keep(tx: Transaction, month: Month, lines: Sequence[Line], at: datetime, record: Record) -> None:
    if await _is_overtaken(tx, month):
        await tx.execute("UPDATE courier_statement SET status = 'REPLACED' WHERE id = $1", month.statement_id)
        return
    await _replace_earlier(tx, month)
    for start in range(0, len(lines), _BATCH):
        await tx.connection.copy_records_to_table(
            "courier_statement_line",
            columns=_LINE_COLUMNS,
            records=(
                (new_id(), at, month.statement_id, each.line, each.waybill_no, "", each.carried_on, each.weight_grams,
                 each.charged_fen, "", "", "")
                for each in lines[start : start + _BATCH]
            ),
            timeout=LONG_SECONDS,
        )  # fmt: skip
    await comparison_repository.compare(tx, month, at)
    await record(tx)


async def _is_overtaken(tx: Transaction, month: Month) -> bool:
    """Tell whether a file of the month that was sent later is compared already."""
    row = await tx.fetch_row(
        "SELECT 1 FROM courier_statement WHERE courier = $1 AND month = $2 AND id > $3"
        " AND status IN ('COMPARED', 'COMPARING')",
        month.courier,
        month.first_on,
        month.statement_id,
    )
    return row is not None


async def _replace_earlier(tx: Transaction, month: Month) -> None:
    replaced = await tx.fetch_all(
        "UPDATE courier_statement SET status = 'REPLACED'"
        " WHERE courier = $1 AND month = $2 AND id < $3 AND status NOT IN ('REPLACED', 'FAULTY') RETURNING id",
        month.courier,
        month.first_on,
        month.statement_id,
    )
    for row in replaced:
        note = "对账单已被新文件替代"
        await close_task(tx, row["id"], [TaskKind.STATEMENT], Outcome.ANSWERED, note=note)


async def ask_again(statement_id: uuid.UUID, statement_no: str, record: Record) -> bool:
    """Have a job judge the lines of a statement anew. False: it is not compared at all, or about to be."""
    async with db.transaction() as tx:
        asked = await tx.execute(
            "UPDATE courier_statement SET status = 'COMPARING' WHERE id = $1 AND status = 'COMPARED'", statement_id
        )
        if asked:
            _have_worked_on(tx, statement_no)
            await record(tx)
    return bool(asked)


async def compare_again(month: Month, at: datetime, record: Record) -> None:
    """Judge the lines of a statement anew; what was settled stays. Idempotent: yes, by its status."""
    async with db.transaction() as tx:
        if await _is(tx, month.statement_id, "COMPARING"):
            await comparison_repository.compare(tx, month, at)
            await record(tx)


async def enqueue_forsaken(before: datetime, limit: int) -> None:
    """Have statements worked on again whose job was lost or given up. Idempotent: a waiting job is not doubled."""
    async with db.transaction() as tx:
        for row in await tx.fetch_all(
            "SELECT statement_no FROM courier_statement WHERE status IN ('READING', 'COMPARING')"
            " AND COALESCE(compared_at, created_at) < $1 ORDER BY id LIMIT $2",
            before,
            limit,
        ):
            _have_worked_on(tx, row["statement_no"])


async def _is(tx: Transaction, statement_id: uuid.UUID, status: str) -> bool:
    row = await tx.fetch_row("SELECT status FROM courier_statement WHERE id = $1 FOR UPDATE", statement_id)
    return row is not None and row["status"] == status


def _have_worked_on(tx: Transaction, statement_no: str) -> None:
    tx.enqueue(WORK, {"statement_no": statement_no}, dedupe_key=f"{WORK}:{statement_no}")


async def find(statement_no: str) -> Row | None:
    """Return a statement with the number of its open differences."""
    return await db.fetch_row(f"{_VIEW} WHERE s.statement_no = $1", statement_no)


async def list_page(after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return statements, newest first, from behind an id."""
    return await db.fetch_all(
        f"{_VIEW} WHERE s.id < $1 ORDER BY s.id DESC LIMIT $2", after or uuid.UUID(int=2**128 - 1), limit
    )


async def sums(statement_id: uuid.UUID) -> Sequence[Row]:
    """Return counts and sums of the lines by what they turned out to be, "" for those that match."""
    return await db.fetch_all(
        """SELECT difference, count(*) AS lines, count(*) FILTER (WHERE settled_at IS NULL) AS open,
               count(*) FILTER (WHERE expected_fen IS NULL) AS unpriced,
               coalesce(sum(charged_fen), 0)::bigint AS charged_fen,
               coalesce(sum(expected_fen), 0)::bigint AS expected_fen
           FROM courier_statement_line WHERE statement_id = $1 GROUP BY difference""",
        statement_id,
    )


async def list_differences(
    statement_id: uuid.UUID, difference: str, *, only_open: bool, after: uuid.UUID | None, limit: int
) -> Sequence[Row]:
    """Return lines that differ, in the order of the file, from behind an id."""
    return await db.fetch_all(
        """SELECT * FROM courier_statement_line WHERE statement_id = $1 AND difference <> ''
           AND ($2 = '' OR difference = $2) AND (NOT $3 OR settled_at IS NULL) AND id > $4 ORDER BY id LIMIT $5""",
        statement_id,
        difference,
        only_open,
        after or uuid.UUID(int=0),
        limit,
    )


async def settle(statement_id: uuid.UUID, line_id: uuid.UUID, note: str, by: str, at: datetime, record: Record) -> bool:
    """Note how a difference was settled; `record` runs after it. False: there is none that is open."""
    async with db.transaction() as tx:
        await tx.fetch_row("SELECT 1 FROM courier_statement WHERE id = $1 FOR UPDATE", statement_id)
        settled = await tx.execute(
            """UPDATE courier_statement_line SET settled_at = $3, settled_by = $4, note = $5
               WHERE statement_id = $1 AND id = $2 AND difference <> '' AND settled_at IS NULL""",
            statement_id,
            line_id,
            at,
            by,
            note,
        )
        if settled:
            await record(tx)
    return bool(settled)


async def count_open(tx: Transaction, statement_id: uuid.UUID) -> int:
    """Count the differences of a statement that are not settled."""
    row = await tx.fetch_row(
        "SELECT count(*) AS open FROM courier_statement_line"
        " WHERE statement_id = $1 AND difference <> '' AND settled_at IS NULL",
        statement_id,
    )
    assert row is not None, "a count"
    return int(row["open"])
