"""Queries of cases for citizens and for every move of a case. A move is one transaction: compare-and-set, step, jobs.

Called by the room's use cases. Statements are plain SQL because reading and submitting an own case are hot.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

import msgspec

from app import db, jobs
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.applications.ports import Audit
from services.applications.types import Actor, MaterialRef
from services.staff.types import Act

_COLUMNS = """a.id, a.application_no, a.citizen_id, a.provider, a.item_code, a.item_version, a.item_name,
    a.division_code, a.department_code, a.status, a.outcome, a.version, a.form, a.form_cipher, a.applicant_shown,
    a.fee_fen, a.fee_paid_at, a.reason, a.created_at, a.submitted_at, a.received_at, a.correction_due_at,
    a.accepted_at, a.decided_at, a.closed_at, a.promised_due_on, a.legal_due_on, a.due_is_provisional, a.updated_at"""
_MATERIALS = """(SELECT json_agg(json_build_object('material_code', m.material_code, 'page', m.page,
        'upload_id', m.upload_id) ORDER BY m.material_code, m.page)::text
    FROM application_material m WHERE m.application_id = a.id) AS materials"""
_OWN = f"SELECT {_COLUMNS}, {_MATERIALS} FROM application a WHERE a.application_no = $1 AND a.citizen_id = $2"
_ANY = f"SELECT {_COLUMNS}, {_MATERIALS} FROM application a WHERE a.application_no = $1"
_LAST_ID = uuid.UUID(int=(1 << 128) - 1)
_INSERT_STEP = """INSERT INTO timeline_entry (id, occurred_at, application_id, event, from_status, to_status, title,
    told, actor_kind, actor_id, actor_shown, dedupe_key)"""


@dataclass(frozen=True, slots=True)
class NewDraft:
    """A case to be begun; `form` is JSON text with masked values, `form_cipher` holds the sensitive ones."""

    application_no: str
    citizen_id: uuid.UUID
    provider: str
    item_code: str
    item_version: int
    item_name: str
    division_code: str
    department_code: str
    form: str
    form_cipher: bytes | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Answers:
    """The parted answers of a form, ready to be stored."""

    form: str
    form_cipher: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move of a case along an edge.

    Attributes:
        case_id, from_status, version: what the case must still be.
        sets: further columns of the row; names come from the use cases, never from a request.
        stamps_applicant: copy the citizen's masked name, for the staff's lists.
        pause_begins: name of the special procedure that stops the clock.
        pause_ends: whether the running pause ends.
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
    pause_begins: str = ""
    pause_ends: bool = False


async def find_own(citizen_id: uuid.UUID, application_no: str) -> Row | None:
    """Return one case of this citizen with its materials as JSON text; somebody else's is not there."""
    return await db.fetch_row(_OWN, application_no, citizen_id)


async def find_case(application_no: str) -> Row | None:
    """Return any case; for staff in scope and for reactions."""
    return await db.fetch_row(_ANY, application_no)


async def list_own(citizen_id: uuid.UUID, statuses: Sequence[str], after: uuid.UUID | None, limit: int) -> list[Row]:
    """Return cases of this citizen, newest first, older than the row `after`."""
    return list(
        await db.fetch_all(
            "SELECT id, application_no, item_code, item_name, status, outcome, version, fee_fen, fee_paid_at,"
            " submitted_at, promised_due_on, updated_at FROM application"
            " WHERE citizen_id = $1 AND id < $2 AND status = ANY($3) ORDER BY id DESC LIMIT $4",
            citizen_id,
            after or _LAST_ID,
            list(statuses),
            limit,
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
        "SELECT name, begun_at, ended_at FROM application_pause WHERE application_id = $1 ORDER BY begun_at", case_id
    )


async def owned_uploads(citizen_id: uuid.UUID, upload_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    """Return those of the uploads that are this citizen's, with their content types."""
    rows = await db.fetch_all(
        "SELECT id, content_type FROM upload WHERE id = ANY($1) AND citizen_id = $2", upload_ids, citizen_id
    )
    return {row["id"]: row["content_type"] for row in rows}


async def add_draft(new: NewDraft, materials: Sequence[MaterialRef]) -> Row:
    """Begin a case with its materials, in one statement. The answer's `materials` are not read back."""
    row = await db.fetch_row(
        f"""WITH a AS (
            INSERT INTO application (id, created_at, application_no, citizen_id, provider, item_code, item_version,
                item_name, division_code, department_code, status, outcome, version, form, form_cipher,
                applicant_shown, fee_fen, reason, due_is_provisional, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'DRAFT', '', 1, $11::jsonb, $12, '', 0, '', false, $2)
            RETURNING *),
        kept AS (
            INSERT INTO application_material (id, created_at, application_id, material_code, page, upload_id)
            SELECT part.id, $2, a.id, part.code, part.page, part.upload_id
            FROM a, unnest($13::uuid[], $14::text[], $15::int[], $16::uuid[]) AS part (id, code, page, upload_id))
        SELECT {_COLUMNS}, NULL AS materials FROM a""",
        new_id(),
        new.at,
        new.application_no,
        new.citizen_id,
        new.provider,
        new.item_code,
        new.item_version,
        new.item_name,
        new.division_code,
        new.department_code,
        new.form,
        new.form_cipher,
        *_material_columns(materials),
    )
    assert row is not None
    return row


async def change_draft(
    case: Row,
    statuses: Sequence[str],
    answers: Answers | None,
    materials: Sequence[MaterialRef] | None,
    at: datetime,
) -> Row | None:
    """Replace answers or materials of a case that is still as read; None where it has changed since."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            """UPDATE application SET form = COALESCE($4::jsonb, form),
                   form_cipher = CASE WHEN $4::jsonb IS NULL THEN form_cipher ELSE $5::bytea END,
                   version = version + 1, updated_at = $6
               WHERE id = $1 AND version = $2 AND status = ANY($3) RETURNING id""",
            case["id"],
            case["version"],
            list(statuses),
            answers.form if answers else None,
            answers.form_cipher if answers else None,
            at,
        )
        if row is None:
            return None
        if materials is not None:
            await tx.execute("DELETE FROM application_material WHERE application_id = $1", case["id"])
            await tx.execute(
                "INSERT INTO application_material (id, created_at, application_id, material_code, page, upload_id)"
                " SELECT part.id, $2, $1, part.code, part.page, part.upload_id"
                " FROM unnest($3::uuid[], $4::text[], $5::int[], $6::uuid[]) AS part (id, code, page, upload_id)",
                case["id"],
                at,
                *_material_columns(materials),
            )
        return await tx.fetch_row(_ANY, case["application_no"])


async def advance(move: Move, *, act: Act | None = None, audit: Audit | None = None) -> Row | None:
    """Move a case along one edge, in one transaction with its step, its domain event and the audit of the act.

    Returns the row as it is now, or None where it is no longer what the move says: somebody was faster.
    """
    if act is None and not move.pause_begins and not move.pause_ends:
        return await db.write_row(*_statement(move))
    async with db.transaction() as tx:
        row = await tx.write_row(*_statement(move))
        if row is None:
            return None
        await _keep_pauses(tx, move)
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
        {_INSERT_STEP}
        SELECT $3, $5, a.id, 'bill.confirmed', a.status, a.status, '已缴费', $4, 'SYSTEM', '', '', 'bill.confirmed'
        FROM a RETURNING id""",
        application_no,
        paid_at,
        new_id(),
        told,
        noted_at,
    )
    return row is not None


async def set_due(case_id: uuid.UUID, promised_on: date, legal_on: date, provisional: bool) -> None:
    """Write newly computed due dates. Idempotent."""
    await db.execute(
        "UPDATE application SET promised_due_on = $2, legal_due_on = $3, due_is_provisional = $4 WHERE id = $1",
        case_id,
        promised_on,
        legal_on,
        provisional,
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
            "INSERT INTO application_pause (id, created_at, application_id, name, begun_at)"
            " VALUES ($1, $2, $3, $4, $2)",
            new_id(),
            at,
            move.case_id,
            move.pause_begins,
        )
    if move.pause_ends:
        await tx.execute(
            "UPDATE application_pause SET ended_at = $2 WHERE application_id = $1 AND ended_at IS NULL",
            move.case_id,
            at,
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
        sets += ", applicant_shown = COALESCE((SELECT c.name_masked FROM citizen c WHERE c.id = citizen_id), '')"
    return f"""WITH a AS (
        UPDATE application SET status = $4::text, version = version + 1, updated_at = $5::timestamptz{sets}
        WHERE id = $1 AND status = $2::text AND version = $3 RETURNING *),
    step AS (
        {_INSERT_STEP}
        SELECT $6, $5::timestamptz, a.id, $7::text, $2::text, $4::text, $8, $9, $10, $11, $12,
            $7::text || ':' || a.version FROM a),
    queued AS (
        {jobs.insert_of("SELECT 'event', $13::bytea FROM a")})
    SELECT {_COLUMNS}, {_MATERIALS} FROM a"""


def _material_columns(materials: Sequence[MaterialRef]) -> tuple[list[Any], ...]:
    pages: dict[str, int] = {}
    rows = []
    for part in materials:
        page = pages[part.material_code] = pages.get(part.material_code, 0) + 1
        rows.append((new_id(), part.material_code, page, part.upload_id))
    return tuple([row[place] for row in rows] for place in range(4))
