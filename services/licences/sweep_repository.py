"""Queries of the licences room's sweeps and of its kinds: what waits to be made, what ends, what is configured."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from app import db
from app.db import Row
from app.events import DomainEvent
from services.licences.kinds import Kind, content_hash
from services.licences.repository import COLUMNS

_FIRST_ID = uuid.UUID(int=0)


async def list_preparing(after: uuid.UUID | None, before: datetime, limit: int) -> Sequence[Row]:
    """Return licences whose document is not finished and that nobody has touched since a moment, oldest first."""
    return await db.fetch_all(
        f"""SELECT {COLUMNS} FROM licence WHERE status = 'PREPARING' AND id > $1 AND created_at < $2
            ORDER BY id LIMIT $3""",
        after or _FIRST_ID,
        before,
        limit,
    )


async def list_ended(today: date, limit: int) -> Sequence[Row]:
    """Return valid licences whose last day has passed."""
    return await db.fetch_all(
        f"SELECT {COLUMNS} FROM licence WHERE status = 'VALID' AND expires_on < $1 ORDER BY expires_on LIMIT $2",
        today,
        limit,
    )


async def list_ending(type_code: str, today: date, last: date, days: int, limit: int) -> Sequence[Row]:
    """Return valid licences of a type that end by a day and whose holder was not reminded in this period."""
    return await db.fetch_all(
        f"""SELECT {COLUMNS} FROM licence
            WHERE status = 'VALID' AND expires_on BETWEEN $2 AND $3 AND type_code = $1
                AND (reminded_on IS NULL OR reminded_on < expires_on - $4::int)
            ORDER BY expires_on LIMIT $5""",
        type_code,
        today,
        last,
        days,
        limit,
    )


async def note_reminded(row: Row, today: date, event: DomainEvent) -> bool:
    """Note that a holder is reminded, and remind, once: False where somebody was faster."""
    async with db.transaction() as tx:
        done = await tx.execute(
            "UPDATE licence SET reminded_on = $2 WHERE id = $1 AND reminded_on IS NOT DISTINCT FROM $3",
            row["id"],
            today,
            row["reminded_on"],
        )
        if done:
            tx.emit(event)
        return bool(done)


async def list_kinds() -> dict[str, Kind]:
    """Return every configured kind by its code."""
    rows = await db.fetch_all("SELECT record FROM licence_type")
    kinds = [msgspec.json.decode(row["record"], type=Kind) for row in rows]
    return {kind.code: kind for kind in kinds}


async def save_kinds(kinds: Sequence[Kind]) -> int:
    """Write the kinds that are new or changed; return how many. One that is no longer listed stays: licences of it
    exist. Idempotent."""
    async with db.transaction() as tx:
        return sum(
            [
                await tx.execute(
                    """INSERT INTO licence_type (code, name, record, content_hash) VALUES ($1, $2, $3, $4)
                       ON CONFLICT (code) DO UPDATE SET name = $2, record = $3, content_hash = $4
                       WHERE licence_type.content_hash <> $4""",
                    kind.code,
                    kind.name,
                    msgspec.json.encode(kind).decode(),
                    content_hash(kind),
                )
                for kind in kinds
            ]
        )
