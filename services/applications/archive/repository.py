"""Statements of the archive: a person's or an enterprise's accepted cases with their answers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app import db
from app.db import Row


async def list_accepted(citizen_id: uuid.UUID, enterprise_id: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return accepted cases that the owner filed, newest first; those that somebody filed for them are left out."""
    owner = "enterprise_id = $1" if enterprise_id else "citizen_id = $1 AND enterprise_id IS NULL"
    return await db.fetch_all(
        f"""SELECT application_no, citizen_id, item_code, item_version, form, form_cipher, accepted_at FROM application
            WHERE {owner} AND agent_id IS NULL AND assisted_by = '' AND accepted_at IS NOT NULL
              AND outcome NOT IN ('NOT_ACCEPTED', 'TERMINATED') ORDER BY id DESC LIMIT $2""",
        enterprise_id or citizen_id,
        limit,
    )
