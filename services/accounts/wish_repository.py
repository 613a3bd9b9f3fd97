"""The queries of preferences, of a citizen's home division and of the words about them. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import msgspec

from app import db
from app.db import Row, Transaction
from app.ids import new_id


async def replace(citizen_id: uuid.UUID, preferences: msgspec.Struct, tags: Sequence[str], number_home: str) -> None:
    """Replace the citizen's preferences with what follows from them. Idempotent."""
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE citizen SET preferences = $2::jsonb, updated_at = now() WHERE id = $1",
            citizen_id,
            msgspec.json.encode(preferences).decode(),
        )
        await settle_home(tx, citizen_id, number_home)
        await tx.execute(
            "DELETE FROM citizen_tag WHERE citizen_id = $1 AND source = 'SELF' AND NOT tag = ANY ($2)",
            citizen_id,
            list(tags),
        )
        await tx.execute_many(
            "INSERT INTO citizen_tag (id, created_at, citizen_id, tag, source) VALUES ($1, now(), $2, $3, 'SELF')"
            " ON CONFLICT (citizen_id, tag, source) DO NOTHING",
            [(new_id(), citizen_id, tag) for tag in tags],
        )


async def settle_home(tx: Transaction, citizen_id: uuid.UUID, number_home: str) -> None:
    """Write the home that follows from preferences, address book and ID number, in a transaction of the change."""
    await tx.execute(_SETTLE_HOME, citizen_id, number_home)


async def move_tags(tx: Transaction, old: uuid.UUID, survivor: uuid.UUID) -> None:
    """Give a merged person's tags by staff to the one that stays; what the old one said of themselves goes."""
    await tx.execute(
        "WITH gone AS (DELETE FROM citizen_tag WHERE citizen_id = $1 RETURNING id, created_at, tag, source)"
        " INSERT INTO citizen_tag (id, created_at, citizen_id, tag, source)"
        " SELECT id, created_at, $2, tag, source FROM gone WHERE source = 'STAFF'"
        " ON CONFLICT (citizen_id, tag, source) DO NOTHING",
        old,
        survivor,
    )


async def list_unfilled(limit: int) -> Sequence[Row]:
    """List verified citizens whose birth year is not kept yet."""
    return await db.fetch_all(
        "SELECT id, id_number_cipher FROM citizen WHERE birth_year IS NULL AND id_number_cipher IS NOT NULL"
        " AND status = 'ACTIVE' ORDER BY id LIMIT $1",
        limit,
    )


async def fill(citizen_id: uuid.UUID, birth_year: int, number_home: str) -> None:
    """Write birth year and home of one citizen. Idempotent."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE citizen SET birth_year = $2 WHERE id = $1", citizen_id, birth_year)
        await settle_home(tx, citizen_id, number_home)


_SETTLE_HOME = """
UPDATE citizen SET division_code = coalesce(
    nullif(preferences ->> 'division_code', ''),
    (SELECT address.division_code FROM address JOIN division ON division.code = address.division_code
     WHERE citizen_id = $1 AND is_default),
    $2)
WHERE id = $1
"""
