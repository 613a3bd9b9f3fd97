"""Queries of cases for citizens and for every move of a case. A move is one transaction: compare-and-set, step, jobs.

Called by the room's use cases. Statements are plain SQL because reading and submitting an own case are hot.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from app import db, jobs
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.applications.documents import repository as document_repository
from services.applications.documents.types import NewDocument
from services.applications.ports import Audit
from services.applications.types import Actor
from services.staff.types import Act

COLUMNS = """a.id, a.application_no, a.citizen_id, a.provider, a.item_code, a.item_version, a.item_name,
    a.division_code, a.department_code, a.status, a.outcome, a.version, a.form, a.form_cipher, a.applicant_shown,
    a.fee_fen, a.fee_paid_at, a.reason, a.created_at, a.submitted_at, a.received_at, a.correction_due_at,
    a.accepted_at, a.decided_at, a.closed_at, a.promised_due_on, a.legal_due_on, a.due_is_provisional, a.updated_at,
    a.enterprise_id, a.agent_id, a.mandate_id, a.intake_division_code, a.officer, a.due_soon_on, a.extension_days,
    a.overdue_reason, a.corrections, a.correction_points"""
MATERIALS = """(SELECT array_to_json(array(SELECT m FROM (SELECT material_code, page, material_name, upload_id, source,
        CASE source WHEN 'PROMISE' THEN 'PROMISED' WHEN 'LATER' THEN 'AWAITED' ELSE 'PROVIDED' END AS state,
        reference, due_on FROM application_material WHERE application_id = a.id ORDER BY material_code, page) m))::text
    ) AS materials"""
_OWN = f"SELECT {COLUMNS}, {MATERIALS} FROM application a WHERE a.application_no = $1 AND a.citizen_id = $2"
ANY = f"SELECT {COLUMNS}, {MATERIALS} FROM application a WHERE a.application_no = $1"
_LAST_ID = uuid.UUID(int=(1 << 128) - 1)
INSERT_STEP = """INSERT INTO timeline_entry (id, occurred_at, application_id, event, from_status, to_status, title,
    told, actor_kind, actor_id, actor_shown, dedupe_key)"""

_APPLICANT = """COALESCE((SELECT left(e.name, 64) FROM enterprise e WHERE e.id = enterprise_id),
    (SELECT c.name_masked FROM citizen c WHERE c.id = citizen_id), '')"""


@dataclass(frozen=True, slots=True)
class Answers:
    """The parted answers of a form, ready to be stored."""

    form: str
    form_cipher: bytes | None


@dataclass(frozen=True, slots=True)
class NewPause:
    """A special procedure (特别程序) that stops the clock; `expected_days` are working days, as told in writing."""

    name: str
    reason: str = ""
    expected_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move of a case along an edge.

    Attributes:
        case_id, from_status, version: what the case must still be.
        sets: further columns of the row; names come from the use cases, never from a request.
        stamps_applicant: copy the citizen's masked name, for the staff's lists.
        pause_begins: the special procedure that stops the clock.
        pause_ends: whether the running pause ends; `pause_result` is what the procedure found.
        document: the written document (文书) of the move; it gets its number in the same transaction.
        also: what else commits with the move.
    """

    case_id: uuid.UUID
    from_status: str
    version: int
    to_status: str
    event: DomainEvent
    title: str
    told: str
    actor: Actor
    sets: Mapping[str, Any] = field(default_factory=dict)
    stamps_applicant: bool = False
    pause_begins: NewPause | None = None
    pause_ends: bool = False
    pause_result: str = ""
    document: NewDocument | None = None
    also: Callable[[Transaction], Awaitable[None]] | None = None

    @property
    def is_alone(self) -> bool:
        """Tell whether nothing but the case, its step and its event is written."""
        return not (self.pause_begins or self.pause_ends or self.document or self.also)


async def find_own(citizen_id: uuid.UUID, application_no: str) -> Row | None:
    """Return one case of this citizen with its materials as JSON text; somebody else's is not there."""
    return await db.fetch_row(_OWN, application_no, citizen_id)


async def find_case(application_no: str) -> Row | None:
    """Return any case; for staff in scope and for reactions."""
    return await db.fetch_row(ANY, application_no)


async def list_own(
    citizen_id: uuid.UUID, statuses: Sequence[str], after: uuid.UUID | None, limit: int, *, unrated: bool = False
) -> list[Row]:
    """Return cases of this citizen, newest first, older than the row `after`; not what they file for enterprises.

    Args:
        unrated: only what has no rating yet; parts of a package are rated with it.
    """
    return list(
        await db.fetch_all(
            "SELECT id, application_no, item_code, item_name, status, outcome, version, fee_fen, fee_paid_at,"
            " submitted_at, promised_due_on, updated_at, provider FROM application"
            " WHERE citizen_id = $1 AND id < $2 AND status = ANY($3) AND enterprise_id IS NULL"
            " AND (NOT $5 OR (rated_at IS NULL AND package_no = ''))"
            " ORDER BY id DESC LIMIT $4",
            citizen_id,
            after or _LAST_ID,
            list(statuses),
            limit,
            unrated,
        )
    )


async def list_steps(case_id: uuid.UUID) -> Sequence[Row]:
    """Return the steps of a case, oldest first."""
    return await db.fetch_all(
        "SELECT occurred_at, event, from_status, to_status, title, told, actor_kind, actor_shown FROM timeline_entry"
        " WHERE application_id = $1 ORDER BY occurred_at, id",
        case_id,
    )


async def list_pauses(case_id: uuid.UUID) -> Sequence[Row]:
    """Return the pauses of a case, oldest first."""
    return await db.fetch_all(
        "SELECT name, reason, expected_days, result, begun_at, ended_at FROM application_pause"
        " WHERE application_id = $1 ORDER BY begun_at",
        case_id,
    )


async def advance(move: Move, *, act: Act | None = None, audit: Audit | None = None) -> Row | None:
    """Move a case along one edge, in one transaction with its step, its domain event and the audit of the act.

    Returns the row as it is now, or None where it is no longer what the move says: somebody was faster.
    """
    if act is None and move.is_alone:
        return await db.write_row(*_statement(move))
    async with db.transaction() as tx:
        row = await tx.write_row(*_statement(move))
        if row is None:
            return None
        await _keep_pauses(tx, move)
        if move.document is not None:
            await document_repository.add(tx, row, move.document, move.event.occurred_at)
        if move.also is not None:
            await move.also(tx)
        if act is not None and audit is not None:
            await audit.record(act, tx)
    return row


async def note_fee_paid(application_no: str, paid_at: datetime, noted_at: datetime, told: str) -> bool:
    """Note that the fee of a case was paid at the provider's moment, once; the step stands where it was noted, for
    providers tell whole seconds only. Idempotent: yes, by the empty column."""
    row = await db.fetch_row(
        f"""WITH a AS (
            UPDATE application SET fee_paid_at = $2, updated_at = $5
            WHERE application_no = $1 AND fee_paid_at IS NULL RETURNING id, status)
        {INSERT_STEP}
        SELECT $3, $5, a.id, 'bill.confirmed', a.status, a.status, '已缴费', $4, 'SYSTEM', '', '', 'bill.confirmed'
        FROM a RETURNING id""",
        application_no,
        paid_at,
        new_id(),
        told,
        noted_at,
    )
    return row is not None


async def set_due(case: Row, columns: Mapping[str, Any]) -> None:
    """Write newly computed due dates, unless the case has moved since it was read. Idempotent."""
    await db.execute(
        "UPDATE application SET promised_due_on = $3, legal_due_on = $4, due_soon_on = $5, due_is_provisional = $6"
        " WHERE id = $1 AND version = $2",
        case["id"],
        case["version"],
        columns["promised_due_on"],
        columns["legal_due_on"],
        columns["due_soon_on"],
        columns["due_is_provisional"],
    )


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Move cases and uploads to the surviving citizen. Idempotent."""
    async with db.transaction() as tx:
        for table in ("application", "upload"):
            await tx.execute(
                f"UPDATE {table} SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id
            )


async def _keep_pauses(tx: Transaction, move: Move) -> None:
    at = move.event.occurred_at
    if move.pause_begins:
        await tx.execute(
            "INSERT INTO application_pause (id, created_at, application_id, name, reason, expected_days, begun_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $2)",
            new_id(),
            at,
            move.case_id,
            move.pause_begins.name,
            move.pause_begins.reason,
            move.pause_begins.expected_days,
        )
    if move.pause_ends:
        await tx.execute(
            "UPDATE application_pause SET ended_at = $2, result = $3 WHERE application_id = $1 AND ended_at IS NULL",
            move.case_id,
            at,
            move.pause_result,
        )


def _statement(move: Move) -> tuple[Any, ...]:
    """Return the statement of a move and its values."""
    return (
        _advance_sql(tuple(move.sets), move.stamps_applicant),
        move.case_id,
        move.from_status,
        move.version,
        move.to_status,
        move.event.occurred_at,
        new_id(),
        move.event.name,
        move.title,
        move.told[:500],
        move.actor.kind.value,
        move.actor.id,
        move.actor.shown,
        msgspec.json.encode(move.event),
        *move.sets.values(),
    )


@cache
def _advance_sql(columns: tuple[str, ...], stamps_applicant: bool) -> str:
    sets = "".join(f", {column} = ${place}" for place, column in enumerate(columns, 14))
    if stamps_applicant:
        sets += f", applicant_shown = {_APPLICANT}"
    return f"""WITH a AS (
        UPDATE application SET status = $4::text, version = version + 1, updated_at = $5::timestamptz{sets}
        WHERE id = $1 AND status = $2::text AND version = $3 RETURNING *),
    step AS (
        {INSERT_STEP}
        SELECT $6, $5::timestamptz, a.id, $7::text, $2::text, $4::text, $8, $9, $10, $11, $12,
            $7::text || ':' || a.version FROM a),
    queued AS (
        {jobs.insert_of("SELECT 'event', $13::bytea FROM a")})
    SELECT {COLUMNS}, {MATERIALS} FROM a"""
