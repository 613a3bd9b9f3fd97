"""Statements of materials: earlier ones that may be used again, promises, later supply. Moves stand elsewhere."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from app import db, jobs
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.applications import repository
from services.applications.materials.owner import Owner
from services.applications.ports import Audit
from services.applications.types import Actor
from services.staff.types import Act

_FIRST_ID = uuid.UUID(int=0)
_EARLIER = """SELECT a.application_no, a.item_code, a.item_version, a.item_name, a.accepted_at, m.material_code,
        m.material_name, m.page, m.upload_id, u.content_type, u.sha256, u.created_at AS uploaded_at
    FROM application a JOIN application_material m ON m.application_id = a.id JOIN upload u ON u.id = m.upload_id
    WHERE a.citizen_id = $1 AND a.enterprise_id IS NOT DISTINCT FROM $2 AND a.accepted_at IS NOT NULL
      AND a.outcome NOT IN ('NOT_ACCEPTED', 'TERMINATED')"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a case that leaves its status as it is; `subject` is the row of the case as it was read."""

    subject: Row
    event: DomainEvent
    title: str
    told: str
    actor: Actor


async def list_earlier_of(citizen_id: uuid.UUID, enterprise_id: uuid.UUID | None, application_no: str) -> Sequence[Row]:
    """Return the files of one accepted case of this owner, by material and page."""
    return await db.fetch_all(
        f"{_EARLIER} AND a.application_no = $3 ORDER BY m.material_code, m.page",
        citizen_id,
        enterprise_id,
        application_no,
    )


async def list_earlier(owner: Owner, uploaded_since: datetime, limit: int) -> Sequence[Row]:
    """Return the files of this owner's accepted cases that came in since then, the newest case first.

    Whoever acts for a person is told of those cases only that they filed themselves.
    """
    return await db.fetch_all(
        f"{_EARLIER} AND u.created_at >= $3 AND ($5::uuid IS NULL OR a.agent_id = $5)"
        " ORDER BY a.id DESC, m.material_code, m.page LIMIT $4",
        owner.citizen_id,
        owner.enterprise_id,
        uploaded_since,
        limit,
        None if owner.caller_id == owner.citizen_id else owner.caller_id,
    )


async def has_broken_promise(signed_by: Sequence[uuid.UUID]) -> bool:
    """Tell whether one of these people once promised what was not true."""
    row = await db.fetch_row(
        "SELECT 1 FROM case_promise WHERE signed_by = ANY($1) AND was_false LIMIT 1", list(signed_by)
    )
    return row is not None


async def list_described(case_id: uuid.UUID) -> Sequence[Row]:
    """Return everything that is known of a case's materials, in order of material and page."""
    return await db.fetch_all(
        """SELECT m.material_code, m.material_name, m.page, m.source, m.upload_id, m.reference, m.reference_hash,
               m.seen_at, m.due_on, m.supplied_at, u.content_type, u.size_bytes, u.sha256, p.text_sha256
           FROM application_material m LEFT JOIN upload u ON u.id = m.upload_id
           LEFT JOIN case_promise p ON p.application_id = m.application_id AND p.material_code = m.material_code
               AND p.kind = m.source
           WHERE m.application_id = $1 ORDER BY m.material_code, m.page""",
        case_id,
    )


async def supply(step: Step, material: tuple[str, str], upload_ids: Sequence[uuid.UUID]) -> Row | None:
    """Put files in the place of a material that was awaited; None where the case has changed since.

    Args:
        material: code and name.
    """
    code, name = material
    async with db.transaction() as tx:
        if not await _note(tx, step):
            return None
        at = step.event.occurred_at
        await tx.execute(
            "DELETE FROM application_material WHERE application_id = $1 AND material_code = $2",
            step.subject["id"],
            code,
        )
        await tx.execute(
            "INSERT INTO application_material (id, created_at, application_id, material_code, material_name, page,"
            " upload_id, supplied_at) SELECT part.id, $2, $1, $3, $4, part.page, part.upload_id, $2"
            " FROM unnest($5::uuid[], $6::uuid[]) WITH ORDINALITY AS part (id, upload_id, page)",
            step.subject["id"],
            at,
            code,
            name,
            [new_id() for _ in upload_ids],
            list(upload_ids),
        )
        return await tx.fetch_row(repository.ANY, step.subject["application_no"])


async def withdraw_promise(step: Step, code: str, due_on: date | None) -> Row | None:
    """Take a promise back: its material is awaited from now on; None where the case has changed since."""
    async with db.transaction() as tx:
        if not await _note(tx, step):
            return None
        await tx.execute(
            "UPDATE case_promise SET withdrawn_at = $3 WHERE application_id = $1 AND material_code = $2"
            " AND kind = 'PROMISE'",
            step.subject["id"],
            code,
            step.event.occurred_at,
        )
        await tx.execute(
            "UPDATE application_material SET source = 'LATER', due_on = $3 WHERE application_id = $1"
            " AND material_code = $2",
            step.subject["id"],
            code,
            due_on,
        )
        return await tx.fetch_row(repository.ANY, step.subject["application_no"])


async def set_due(case_id: uuid.UUID, due_on: date) -> int:
    """Note by when the awaited materials of an accepted case are due, once. Idempotent."""
    return await db.execute(
        "UPDATE application_material SET due_on = $2 WHERE application_id = $1 AND source = 'LATER' AND due_on IS NULL",
        case_id,
        due_on,
    )


async def list_awaited(today: date, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return a page of the cases in hand whose awaited materials are overdue, or were never given a day."""
    return await db.fetch_all(
        """SELECT DISTINCT a.id, a.application_no FROM application_material m
           JOIN application a ON a.id = m.application_id
           WHERE m.source = 'LATER' AND (m.due_on < $1 OR m.due_on IS NULL) AND a.status IN ('ACCEPTED', 'SUSPENDED')
               AND a.id > $2 ORDER BY a.id LIMIT $3""",
        today,
        after or _FIRST_ID,
        limit,
    )


async def note_check(
    case_id: uuid.UUID, material_code: str, was_false: bool, at: datetime, act: Act, audit: Audit
) -> bool:
    """Note whether a promise was kept, with the audit of the check; False where there is none that still stands."""
    async with db.transaction() as tx:
        noted = await tx.execute(
            "UPDATE case_promise SET checked_at = $3, was_false = $4 WHERE application_id = $1 AND material_code = $2"
            " AND kind = 'PROMISE' AND withdrawn_at IS NULL",
            case_id,
            material_code,
            at,
            was_false,
        )
        if noted:
            await audit.record(act, tx)
        return bool(noted)


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Give the promises of a merged citizen to the surviving one. Idempotent."""
    await db.execute("UPDATE case_promise SET signed_by = $2 WHERE signed_by = $1", from_citizen_id, into_citizen_id)


async def _note(tx: Transaction, step: Step) -> bool:
    """Count the case's version up and write the step and its event; False where the case has changed since."""
    row = await tx.write_row(
        f"""WITH a AS (
            UPDATE application SET version = version + 1, updated_at = $4
            WHERE id = $1 AND version = $2 AND status = $3::text RETURNING id, status, version),
        step AS (
            {repository.INSERT_STEP}
            SELECT $5, $4, a.id, $6::text, a.status, a.status, $7, $8, $9, $10, $11, $6::text || ':' || a.version
            FROM a),
        queued AS (
            {jobs.insert_of("SELECT 'event', $12::bytea FROM a")})
        SELECT id FROM a""",
        step.subject["id"],
        step.subject["version"],
        step.subject["status"],
        step.event.occurred_at,
        new_id(),
        step.event.name,
        step.title,
        step.told[:500],
        step.actor.kind.value,
        step.actor.id,
        step.actor.shown,
        msgspec.json.encode(step.event),
    )
    return row is not None
