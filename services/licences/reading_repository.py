"""Reads of licences: one's own, an enterprise's, any one for staff and verifiers, and their history."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import date

from app import db
from app.db import Row
from services.licences.repository import COLUMNS

_LAST_ID = uuid.UUID(int=(1 << 128) - 1)


async def find_own(citizen_id: uuid.UUID, licence_no: str) -> Row | None:
    """Return one licence of this person; somebody else's is not there, an enterprise's neither."""
    return await db.fetch_row(
        f"SELECT {COLUMNS} FROM licence WHERE licence_no = $1 AND citizen_id = $2 AND enterprise_id IS NULL"
        " AND status <> 'PREPARING'",
        licence_no,
        citizen_id,
    )


async def find_of_enterprises(enterprise_ids: Collection[uuid.UUID], licence_no: str) -> Row | None:
    """Return one licence of one of these enterprises."""
    return await db.fetch_row(
        f"SELECT {COLUMNS} FROM licence WHERE licence_no = $1 AND enterprise_id = ANY($2) AND status <> 'PREPARING'",
        licence_no,
        list(enterprise_ids),
    )


async def find_licence(licence_no: str) -> Row | None:
    """Return any issued licence."""
    return await db.fetch_row(
        f"SELECT {COLUMNS} FROM licence WHERE licence_no = $1 AND status <> 'PREPARING'", licence_no
    )


async def find_by_digest(sha256: str) -> Row | None:
    """Return the licence whose document has this digest."""
    return await db.fetch_row(f"SELECT {COLUMNS} FROM licence WHERE sha256 = $1 AND sha256 <> ''", sha256)


async def list_own(
    citizen_id: uuid.UUID, enterprise_ids: Collection[uuid.UUID], after: uuid.UUID | None, limit: int
) -> Sequence[Row]:
    """Return licences of this person and of these enterprises, newest first, older than the row `after`."""
    return await db.fetch_all(
        f"""SELECT {COLUMNS} FROM licence
            WHERE ((citizen_id = $1 AND enterprise_id IS NULL) OR enterprise_id = ANY($4))
                AND id < $2 AND status <> 'PREPARING'
            ORDER BY id DESC LIMIT $3""",
        citizen_id,
        after or _LAST_ID,
        limit,
        list(enterprise_ids),
    )


async def list_valid(holder_id: uuid.UUID, type_code: str, is_enterprise: bool, today: date) -> Sequence[Row]:
    """Return the valid licences of a type that a person, or an enterprise, has; newest first."""
    mine = "enterprise_id = $1" if is_enterprise else "citizen_id = $1 AND enterprise_id IS NULL"
    return await db.fetch_all(
        f"""SELECT {COLUMNS} FROM licence WHERE {mine} AND type_code = $2 AND status = 'VALID'
                AND (expires_on IS NULL OR expires_on >= $3) ORDER BY id DESC LIMIT 50""",
        holder_id,
        type_code,
        today,
    )


async def list_changes(licence_id: uuid.UUID) -> Sequence[Row]:
    """Return the history of a licence, oldest first."""
    return await db.fetch_all(
        "SELECT created_at, change, to_status, reason, actor FROM licence_change WHERE licence_id = $1 ORDER BY id",
        licence_id,
    )
