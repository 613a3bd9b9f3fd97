"""Queries of the examination: opinions of officers, and the reason of lateness. Writes bring their audit along."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app import db
from app.db import Row
from app.ids import new_id
from services.applications.ports import Audit
from services.staff.types import Act


@dataclass(frozen=True, slots=True)
class NewReview:
    """One step of the examination to be kept."""

    step: str
    action: str
    opinion: str
    officer: str
    begun_at: datetime
    ended_at: datetime


async def add_review(case: Row, new: NewReview, act: Act, audit: Audit) -> bool:
    """Keep an opinion on a case that is still as read; False where it has moved since."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "SELECT id FROM application WHERE id = $1 AND version = $2 FOR UPDATE", case["id"], case["version"]
        )
        if row is None:
            return False
        await tx.execute(
            "INSERT INTO case_review (id, created_at, application_id, step, action, opinion, officer, begun_at,"
            " ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $2)",
            new_id(),
            new.ended_at,
            case["id"],
            new.step,
            new.action,
            new.opinion,
            new.officer,
            new.begun_at,
        )
        await audit.record(act, tx)
    return True


async def list_reviews(case_id: uuid.UUID) -> Sequence[Row]:
    """Return the opinions on a case, oldest first."""
    return await db.fetch_all(
        "SELECT step, action, opinion, officer, begun_at, ended_at FROM case_review WHERE application_id = $1"
        " ORDER BY created_at, id",
        case_id,
    )


async def explain_overdue(case: Row, reason: str, officer: str, at: datetime, act: Act, audit: Audit) -> bool:
    """Keep and tell why a case is late, if it is still as read; False where it has moved since."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            """WITH a AS (
                UPDATE application SET overdue_reason = $3, version = version + 1, updated_at = $4
                WHERE id = $1 AND version = $2 RETURNING id, status, version)
            INSERT INTO timeline_entry (id, occurred_at, application_id, event, from_status, to_status, title, told,
                actor_kind, actor_id, actor_shown, dedupe_key)
            SELECT $5, $4, a.id, 'application.overdue_explained', a.status, a.status, '超期说明', $3, 'STAFF', $6, '',
                'application.overdue_explained:' || a.version FROM a RETURNING id""",
            case["id"],
            case["version"],
            reason,
            at,
            new_id(),
            officer,
        )
        if row is None:
            return False
        await audit.record(act, tx)
    return True
