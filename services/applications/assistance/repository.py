"""Queries of assistances; each write is one transaction with its audit entry. It decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app import db
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.applications.ports import Audit
from services.applications.repository import INSERT_STEP
from services.applications.types import Actor
from services.staff.types import Act

_ALL = "SELECT * FROM assistance"
_LAST_ID = uuid.UUID(int=(1 << 128) - 1)
_SPENT = "code_hash = 'spent:' || replace(id::text, '-', '')"
"""A code is good once: what is kept of it afterwards fits no code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAssistance:
    """An assistance as it is opened."""

    assistance_no: str
    staff_username: str
    staff_shown: str
    item_code: str
    item_name: str
    code_hash: str = field(repr=False)
    expires_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What the citizen agreed to."""

    citizen_id: uuid.UUID
    text_sha256: str
    may_submit: bool
    expires_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Trace:
    """An act and the trail that it is written to, in the transaction of the act."""

    act: Act
    audit: Audit


async def add(new: NewAssistance, trace: Trace) -> bool:
    """Open an assistance. False where its code is another's, who has not used it yet."""
    async with db.transaction() as tx:
        await tx.execute(
            f"UPDATE assistance SET {_SPENT} WHERE code_hash = $1 AND expires_at <= $2", new.code_hash, new.at
        )
        row = await tx.fetch_row(
            """INSERT INTO assistance (id, created_at, assistance_no, staff_username, staff_shown, item_code, item_name,
                   code_hash, consent_text_sha256, expires_at, may_submit, ended_by, application_no)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, false, '', '')
               ON CONFLICT (code_hash) DO NOTHING RETURNING id""",
            new_id(),
            new.at,
            new.assistance_no,
            new.staff_username,
            new.staff_shown,
            new.item_code,
            new.item_name,
            new.code_hash,
            new.expires_at,
        )
        if row is None:
            return False
        await _record(tx, trace)
        return True


async def find_by_code(code_hash: str, now: datetime) -> Row | None:
    """Return the assistance that a code opens, while it may still be used."""
    return await db.fetch_row(f"{_ALL} WHERE code_hash = $1 AND expires_at > $2 AND ended_at IS NULL", code_hash, now)


async def find_helped(assistance_no: str, citizen_id: uuid.UUID) -> Row | None:
    """Return an assistance of this citizen."""
    return await db.fetch_row(f"{_ALL} WHERE assistance_no = $1 AND citizen_id = $2", assistance_no, citizen_id)


async def find_given(assistance_no: str, staff_username: str) -> Row | None:
    """Return an assistance by this member of staff."""
    return await db.fetch_row(f"{_ALL} WHERE assistance_no = $1 AND staff_username = $2", assistance_no, staff_username)


async def list_helped(citizen_id: uuid.UUID, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return a page of a citizen's assistances, newest first."""
    return await db.fetch_all(
        f"{_ALL} WHERE citizen_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3", citizen_id, after or _LAST_ID, limit
    )


async def list_given(staff_username: str, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return a page of the assistances by a member of staff, newest first."""
    return await db.fetch_all(
        f"{_ALL} WHERE staff_username = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        staff_username,
        after or _LAST_ID,
        limit,
    )


async def consent(assistance_id: uuid.UUID, given: Consent, trace: Trace) -> bool:
    """Write the consent and spend the code. False where it was answered or ran out meanwhile."""
    async with db.transaction() as tx:
        done = await tx.execute(
            f"""UPDATE assistance SET citizen_id = $2, consented_at = $3, consent_text_sha256 = $4, may_submit = $5,
                    expires_at = $6, {_SPENT}
                WHERE id = $1 AND consented_at IS NULL AND declined_at IS NULL AND ended_at IS NULL
                  AND expires_at > $3""",
            assistance_id,
            given.citizen_id,
            given.at,
            given.text_sha256,
            given.may_submit,
            given.expires_at,
        )
        if done:
            await _record(tx, trace)
        return bool(done)


async def decline(assistance_id: uuid.UUID, at: datetime, trace: Trace) -> bool:
    """Write that the citizen does not want it, and spend the code. False where it was answered meanwhile."""
    async with db.transaction() as tx:
        done = await tx.execute(
            f"""UPDATE assistance SET declined_at = $2, {_SPENT}
                WHERE id = $1 AND consented_at IS NULL AND declined_at IS NULL AND ended_at IS NULL""",
            assistance_id,
            at,
        )
        if done:
            await _record(tx, trace)
        return bool(done)


async def bind_case(row: Row, application_no: str, actor: Actor, at: datetime) -> bool:
    """Tie the case that was begun to its assistance, with a step that names both. False where another was first."""
    async with db.transaction() as tx:
        done = await tx.execute(
            "UPDATE assistance SET application_no = $2 WHERE id = $1 AND application_no = '' AND ended_at IS NULL",
            row["id"],
            application_no,
        )
        if done:
            await tx.execute(
                f"""WITH a AS (
                    UPDATE application SET assisted_by = $2 WHERE application_no = $1 RETURNING id, status)
                {INSERT_STEP}
                SELECT $3, $4, a.id, 'assistance.begun', a.status, a.status, '工作人员帮办', $5, $6, $2, $7,
                    'assistance.begun' FROM a""",
                application_no,
                row["staff_username"],
                new_id(),
                at,
                f"工作人员{row['staff_shown']}经您同意协助填写",
                actor.kind.value,
                actor.shown,
            )
        return bool(done)


async def end(row: Row, by: str, at: datetime, trace: Trace | None = None) -> bool:
    """End an assistance; its event tells the citizen. False where it had ended already."""
    async with db.transaction() as tx:
        if not await tx.execute(
            f"UPDATE assistance SET ended_at = $2, ended_by = $3, {_SPENT} WHERE id = $1 AND ended_at IS NULL",
            row["id"],
            at,
            by,
        ):
            return False
        if row["citizen_id"] is not None:
            tx.emit(_ended(row, at))
        if trace is not None:
            await _record(tx, trace)
        return True


async def list_of_case(application_no: str) -> Sequence[Row]:
    """Return the assistances that a case was filled in under and that still last."""
    return await db.fetch_all(
        f"{_ALL} WHERE application_no = $1 AND ended_at IS NULL AND citizen_id ="
        " (SELECT citizen_id FROM application WHERE application_no = $1)",
        application_no,
    )


async def list_run_out(now: datetime, limit: int) -> Sequence[Row]:
    """Return the assistances whose time is over."""
    return await db.fetch_all(
        f"{_ALL} WHERE ended_at IS NULL AND declined_at IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2",
        now,
        limit,
    )


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Move assistances and the cases that an agent filed to the surviving citizen. Idempotent."""
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE assistance SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id
        )
        await tx.execute("UPDATE application SET agent_id = $2 WHERE agent_id = $1", from_citizen_id, into_citizen_id)


async def _record(tx: Transaction, trace: Trace) -> None:
    await trace.audit.record(trace.act, tx)


def _ended(row: Row, at: datetime) -> DomainEvent:
    return DomainEvent(
        name="assistance.ended",
        subject_no=row["assistance_no"],
        citizen_id=row["citizen_id"].hex,
        occurred_at=at,
        facts={"item_name": row["item_name"], "application_no": row["application_no"]},
    )
