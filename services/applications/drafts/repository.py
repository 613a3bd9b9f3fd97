"""Statements of drafts: begin, change, move to a newer version, remind, forget. One statement or one transaction each.

Called by the drafts' use cases and sweeps. A correction is changed in the same way as a draft.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app import clock, db
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.applications import repository
from services.applications.materials.types import KeptMaterial
from services.applications.repository import Answers
from services.applications.states import Status

_PARTS = """unnest({0}::uuid[], {1}::text[], {2}::text[], {3}::int[], {4}::text[], {5}::uuid[], {6}::text[],
        {7}::text[], {8}::timestamptz[], {9}::date[])
    AS part (id, code, name, page, source, upload_id, reference, reference_hash, seen_at, due_on)"""
_KEEP_PARTS = """INSERT INTO application_material (id, created_at, application_id, material_code, material_name, page,
        source, upload_id, reference, reference_hash, seen_at, due_on)
    SELECT part.id, $2, {case}, part.code, part.name, part.page, part.source, part.upload_id, part.reference,
        part.reference_hash, part.seen_at, part.due_on
    FROM {given}"""
_SIGNED = "unnest({0}::uuid[], {1}::text[], {2}::text[], {3}::text[], {4}::text[]) AS said (id, code, kind, text, sha)"
_KEEP_SIGNED = """INSERT INTO case_promise (id, created_at, application_id, material_code, kind, text, text_sha256,
        signed_by, signed_at)
    SELECT said.id, $2, {case}, said.code, said.kind, said.text, said.sha, {signer}, $2 FROM {given}"""
_NOT_SAID = """application_id = $1 AND NOT EXISTS (SELECT 1 FROM unnest($2::text[], $3::text[]) AS said (code, kind)
    WHERE said.code = case_promise.material_code AND said.kind = case_promise.kind)"""


@dataclass(frozen=True, slots=True, kw_only=True)
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
    signed_by: uuid.UUID
    package_no: str = ""
    enterprise_id: uuid.UUID | None = None
    agent_id: uuid.UUID | None = None
    mandate_id: uuid.UUID | None = None
    intake_division_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What to replace of a draft; None leaves it. `item` are the columns that name the item's version."""

    answers: Answers | None = None
    materials: Sequence[KeptMaterial] | None = None
    signed_by: uuid.UUID
    at: datetime
    item: tuple[int, str, str, str] | None = None


async def owned_uploads(citizen_ids: Sequence[uuid.UUID], upload_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return those of the uploads that one of these citizens sent, with their content types."""
    rows = await db.fetch_all(
        "SELECT id, content_type FROM upload WHERE id = ANY($1) AND citizen_id = ANY($2)", upload_ids, citizen_ids
    )
    return {row["id"]: row["content_type"] for row in rows}


async def add_draft(new: NewDraft, materials: Sequence[KeptMaterial]) -> Row:
    """Begin a case with its materials and promises, in one statement. The answer's `materials` are not read back."""
    parts = _PARTS.format(*(f"${place}" for place in range(18, 28)))
    signed = _SIGNED.format(*(f"${place}" for place in range(28, 33)))
    row = await db.fetch_row(
        f"""WITH a AS (
            INSERT INTO application (id, created_at, application_no, citizen_id, provider, item_code, item_version,
                item_name, division_code, department_code, status, outcome, version, form, form_cipher,
                applicant_shown, fee_fen, reason, due_is_provisional, updated_at, package_no, enterprise_id, agent_id,
                mandate_id, intake_division_code)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'DRAFT', '', 1, $11::jsonb, $12, '', 0, '', false, $2,
                $13, $14, $15, $16, $17)
            RETURNING *),
        kept AS ({_KEEP_PARTS.format(case="a.id", given=f"a, {parts}")}),
        promised AS ({_KEEP_SIGNED.format(case="a.id", signer="$33::uuid", given=f"a, {signed}")})
        SELECT {repository.COLUMNS}, NULL AS materials FROM a""",
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
        new.package_no,
        new.enterprise_id,
        new.agent_id,
        new.mandate_id,
        new.intake_division_code,
        *_columns(materials),
        *_signatures(materials),
        new.signed_by,
    )
    assert row is not None
    return row


async def change_draft(case: Row, statuses: Sequence[str], change: Change) -> Row | None:
    """Replace answers or materials of a case that is still as read; None where it has changed since."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            """UPDATE application SET form = COALESCE($4::jsonb, form),
                   form_cipher = CASE WHEN $4::jsonb IS NULL THEN form_cipher ELSE $5::bytea END,
                   item_version = COALESCE($7::int, item_version), item_name = COALESCE($8::text, item_name),
                   division_code = COALESCE($9::text, division_code),
                   department_code = COALESCE($10::text, department_code),
                   version = version + 1, updated_at = $6
               WHERE id = $1 AND version = $2 AND status = ANY($3) RETURNING id""",
            case["id"],
            case["version"],
            list(statuses),
            change.answers.form if change.answers else None,
            change.answers.form_cipher if change.answers else None,
            change.at,
            *(change.item or (None, None, None, None)),
        )
        if row is None:
            return None
        if change.materials is not None:
            await replace_materials(tx, case, change, change.materials)
        return await tx.fetch_row(repository.ANY, case["application_no"])


async def add_materials(tx: Transaction, case: Row, materials: Sequence[KeptMaterial], at: datetime) -> None:
    """Add materials to a case beside those it has, in the transaction of the move that they belong to."""
    parts = _PARTS.format(*(f"${place}" for place in range(3, 13)))
    await tx.execute(_KEEP_PARTS.format(case="$1", given=parts), case["id"], at, *_columns(materials))


async def replace_materials(tx: Transaction, case: Row, change: Change, materials: Sequence[KeptMaterial]) -> None:
    """Put these materials and promises in the place of a case's own, in the transaction of its change."""
    await tx.execute("DELETE FROM application_material WHERE application_id = $1", case["id"])
    parts = _PARTS.format(*(f"${place}" for place in range(3, 13)))
    await tx.execute(_KEEP_PARTS.format(case="$1", given=parts), case["id"], change.at, *_columns(materials))
    signatures = _signatures(materials)
    if case["status"] == Status.DRAFT:
        await tx.execute(f"DELETE FROM case_promise WHERE {_NOT_SAID}", case["id"], signatures[1], signatures[2])
    else:
        # What was promised with the last submission stays on record as withdrawn.
        await tx.execute(
            f"UPDATE case_promise SET withdrawn_at = $4 WHERE withdrawn_at IS NULL AND {_NOT_SAID}",
            case["id"],
            signatures[1],
            signatures[2],
            change.at,
        )
    signed = _SIGNED.format(*(f"${place}" for place in range(4, 9)))
    await tx.execute(
        _KEEP_SIGNED.format(case="$1", signer="$3::uuid", given=signed)
        + """ ON CONFLICT (application_id, material_code, kind) DO UPDATE SET text = excluded.text,
            text_sha256 = excluded.text_sha256, signed_by = excluded.signed_by, withdrawn_at = NULL,
            signed_at = CASE WHEN case_promise.text_sha256 = excluded.text_sha256
                AND case_promise.withdrawn_at IS NULL THEN case_promise.signed_at ELSE excluded.signed_at END""",
        case["id"],
        change.at,
        change.signed_by,
        *signatures,
    )


async def remind_drafts(touched_before: datetime, at: datetime, kept_days: int, limit: int) -> int:
    """Note that the owners of drafts untouched since then are told of their end, once each; return how many."""
    async with db.transaction() as tx:
        rows = await tx.fetch_all(
            """UPDATE application SET draft_reminded_at = $2 WHERE id IN (
                   SELECT id FROM application WHERE status = 'DRAFT' AND updated_at < $1
                     AND (draft_reminded_at IS NULL OR draft_reminded_at < updated_at) LIMIT $3
                   FOR UPDATE SKIP LOCKED)
               RETURNING application_no, citizen_id, agent_id, item_name, updated_at""",
            touched_before,
            at,
            limit,
        )
        tx.emit(*(_expiring(row, at, kept_days) for row in rows))
    return len(rows)


async def delete_drafts(untouched_since: datetime, reminded_before: datetime, limit: int) -> int:
    """Delete drafts that nobody has touched since, told in time, with their materials; uploads stay their owner's."""
    row = await db.fetch_row(
        """WITH old AS (
               DELETE FROM application WHERE id IN (
                   SELECT id FROM application WHERE status = 'DRAFT' AND updated_at < $1
                     AND draft_reminded_at >= updated_at AND draft_reminded_at <= $2 LIMIT $3
                   FOR UPDATE SKIP LOCKED) RETURNING id),
           parts AS (DELETE FROM application_material WHERE application_id IN (SELECT id FROM old)),
           words AS (DELETE FROM case_promise WHERE application_id IN (SELECT id FROM old))
           SELECT count(*) AS deleted FROM old""",
        untouched_since,
        reminded_before,
        limit,
    )
    return int(row["deleted"]) if row else 0


async def delete_unchanged(application_no: str) -> None:
    """Delete a draft in its first version, with what was named for its materials. Idempotent."""
    await db.execute(
        """WITH old AS (
               DELETE FROM application WHERE application_no = $1 AND status = 'DRAFT' AND version = 1 RETURNING id),
           parts AS (DELETE FROM application_material WHERE application_id IN (SELECT id FROM old))
           DELETE FROM case_promise WHERE application_id IN (SELECT id FROM old)""",
        application_no,
    )


def _expiring(row: Row, at: datetime, kept_days: int) -> DomainEvent:
    ends_on = clock.beijing_date(row["updated_at"] + timedelta(days=kept_days))
    return DomainEvent(
        name="application.draft_expiring",
        subject_no=row["application_no"],
        citizen_id=(row["agent_id"] or row["citizen_id"]).hex,
        occurred_at=at,
        facts={"item_name": row["item_name"], "expires_on": ends_on.isoformat()},
    )


def _columns(materials: Sequence[KeptMaterial]) -> tuple[list[Any], ...]:
    pages: dict[str, int] = {}
    rows = []
    for part in materials:
        page = pages[part.material_code] = pages.get(part.material_code, 0) + 1
        rows.append(
            (
                new_id(),
                part.material_code,
                part.material_name,
                page,
                part.source.value,
                part.upload_id,
                part.reference,
                part.reference_hash,
                part.seen_at,
                part.due_on,
            )
        )
    return tuple([row[place] for row in rows] for place in range(10))


def _signatures(materials: Sequence[KeptMaterial]) -> tuple[list[Any], ...]:
    rows = [
        (new_id(), part.material_code, part.signed.kind, part.signed.text, part.signed.sha256)
        for part in materials
        if part.signed is not None
    ]
    return tuple([row[place] for row in rows] for place in range(5))
