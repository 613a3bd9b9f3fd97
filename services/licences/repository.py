"""Every query of the licences room."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app import db
from app.db import Row
from app.events import DomainEvent
from app.ids import new_id
from services.licences.types import NewLicence

_COLUMNS = """id, created_at, licence_no, identifier, type_code, type_name, version, status, citizen_id, holder_cipher,
    holder_shown, subject_no, issuer_code, issuer_name, issued_on, expires_on, storage_key, sha256"""
_LAST_ID = uuid.UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A new licence with the numbers given to it and its holder ready to be stored."""

    new: NewLicence
    licence_no: str
    identifier: str
    serial: str
    holder_cipher: bytes = field(repr=False)
    holder_shown: str
    at: datetime


async def reserve(numbered: Numbered) -> Row:
    """Give a case its licence number, once; return the row, also an earlier one. Idempotent: yes, by case and type."""
    new = numbered.new
    await db.execute(
        """INSERT INTO licence (id, created_at, licence_no, identifier, type_code, type_name, serial, version, status,
               citizen_id, holder_cipher, holder_shown, subject_no, issuer_code, issuer_name, issued_on, expires_on,
               storage_key, sha256)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 'PREPARING', $8, $9, $10, $11, $12, $13, $14, $15, '', '')
           ON CONFLICT (subject_no, type_code, version) DO NOTHING""",
        new_id(),
        numbered.at,
        numbered.licence_no,
        numbered.identifier,
        new.type_code,
        new.type_name,
        numbered.serial,
        new.citizen_id,
        numbered.holder_cipher,
        numbered.holder_shown,
        new.subject_no,
        new.issuer_code,
        new.issuer_name,
        new.issued_on,
        new.expires_on,
    )
    row = await db.fetch_row(
        f"SELECT {_COLUMNS} FROM licence WHERE subject_no = $1 AND type_code = $2 AND version = 1",
        new.subject_no,
        new.type_code,
    )
    assert row is not None
    return row


async def finish(licence_id: uuid.UUID, storage_key: str, sha256: str, event: DomainEvent) -> bool:
    """Make a prepared licence valid and tell, once. Idempotent: yes, by its status."""
    async with db.transaction() as tx:
        done = await tx.execute(
            "UPDATE licence SET status = 'VALID', storage_key = $2, sha256 = $3 WHERE id = $1 AND status = 'PREPARING'",
            licence_id,
            storage_key,
            sha256,
        )
        if done:
            tx.emit(event)
        return bool(done)


async def find_own(citizen_id: uuid.UUID, licence_no: str) -> Row | None:
    """Return one licence of this holder; somebody else's is not there."""
    return await db.fetch_row(
        f"SELECT {_COLUMNS} FROM licence WHERE licence_no = $1 AND citizen_id = $2 AND status <> 'PREPARING'",
        licence_no,
        citizen_id,
    )


async def find_licence(licence_no: str) -> Row | None:
    """Return any issued licence."""
    return await db.fetch_row(
        f"SELECT {_COLUMNS} FROM licence WHERE licence_no = $1 AND status <> 'PREPARING'", licence_no
    )


async def list_own(citizen_id: uuid.UUID, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return licences of this holder, newest first, older than the row `after`."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM licence WHERE citizen_id = $1 AND id < $2 AND status <> 'PREPARING'"
        " ORDER BY id DESC LIMIT $3",
        citizen_id,
        after or _LAST_ID,
        limit,
    )


async def issued_types(subject_no: str) -> frozenset[str]:
    """Return the licence types that were issued for a case."""
    rows = await db.fetch_all(
        "SELECT type_code FROM licence WHERE subject_no = $1 AND status <> 'PREPARING'", subject_no
    )
    return frozenset(row["type_code"] for row in rows)


async def change_status(licence_id: uuid.UUID, from_status: str, to_status: str) -> bool:
    """Move a licence from one status to another; False where it is no longer there."""
    return bool(
        await db.execute(
            "UPDATE licence SET status = $3 WHERE id = $1 AND status = $2", licence_id, from_status, to_status
        )
    )


async def add_presentation(row: Row, code_hash: str, at: datetime, expires_at: datetime, by_shown: str) -> None:
    """Keep a one-time code by its hash, and log that the holder shows the licence."""
    await db.execute(
        """WITH shown AS (
               INSERT INTO licence_show (id, created_at, licence_id, kind, by_shown)
               VALUES ($1, $2, $3, 'PRESENTED', $4))
           INSERT INTO presentation (id, created_at, licence_id, citizen_id, code_hash, expires_at)
           VALUES ($1, $2, $3, $5, $6, $7)""",
        new_id(),
        at,
        row["id"],
        by_shown,
        row["citizen_id"],
        code_hash,
        expires_at,
    )


async def use_presentation(code_hash: str, at: datetime, by_shown: str) -> Row | None:
    """Use up a one-time code and log the look; None where it is unknown, used or too old. Two at once: one wins."""
    return await db.fetch_row(
        """WITH used AS (
               UPDATE presentation SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2
               RETURNING licence_id),
           logged AS (
               INSERT INTO licence_show (id, created_at, licence_id, kind, by_shown)
               SELECT $3, $2, licence_id, 'VERIFIED', $4 FROM used)
           SELECT l.type_name, l.status, l.holder_shown, l.issuer_name, l.issued_on, l.expires_on
           FROM licence l JOIN used ON used.licence_id = l.id""",
        code_hash,
        at,
        new_id(),
        by_shown,
    )


async def log_show(licence_id: uuid.UUID, kind: str, by_shown: str, at: datetime) -> None:
    """Log one look at a licence."""
    await db.execute(
        "INSERT INTO licence_show (id, created_at, licence_id, kind, by_shown) VALUES ($1, $2, $3, $4, $5)",
        new_id(),
        at,
        licence_id,
        kind,
        by_shown,
    )


async def list_shows(licence_id: uuid.UUID, limit: int) -> Sequence[Row]:
    """Return the latest shows of a licence."""
    return await db.fetch_all(
        "SELECT created_at, kind, by_shown FROM licence_show WHERE licence_id = $1 ORDER BY id DESC LIMIT $2",
        licence_id,
        limit,
    )


async def forget_presentations(before: datetime) -> int:
    """Delete codes that ended before this moment; the log of shows stays."""
    return await db.execute("DELETE FROM presentation WHERE expires_at < $1", before)


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Move licences and codes to the surviving citizen. Idempotent."""
    async with db.transaction() as tx:
        for table in ("licence", "presentation"):
            await tx.execute(
                f"UPDATE {table} SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id
            )
