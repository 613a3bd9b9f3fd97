"""Queries of citizens for staff: by a phone or ID number in full, by its keyed hash, and several at once.

Called by the accounts service. Who may ask, and that it is audited, is the asking room's business.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app import db
from app.db import Row

_MOST_FOUND = 50
"""One phone may be bound by several citizens; nobody has this many."""


async def find_by_phone(phone_hash: str) -> list[uuid.UUID]:
    """Return the active citizens who have bound a phone number."""
    return await _ids("phone_hash", phone_hash)


async def find_by_id_number(id_number_hash: str) -> list[uuid.UUID]:
    """Return the active citizen who has proven an ID number, if any."""
    return await _ids("id_number_hash", id_number_hash)


async def list_profiles(citizen_ids: Sequence[uuid.UUID]) -> Sequence[Row]:
    """Return what a profile is made of, of several citizens in one statement."""
    return await db.fetch_all(
        "SELECT id, real_name_level, name_cipher, id_number_cipher, phone_cipher FROM citizen"
        " WHERE id = ANY($1::uuid[])",
        list(citizen_ids),
    )


async def _ids(column: str, value: str) -> list[uuid.UUID]:
    rows = await db.fetch_all(
        f"SELECT id FROM citizen WHERE {column} = $1 AND status = 'ACTIVE' LIMIT {_MOST_FOUND}", value
    )
    return [row["id"] for row in rows]
