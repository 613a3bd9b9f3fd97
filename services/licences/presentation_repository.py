"""Queries of one-time codes (亮证码), verifiers' requests and the log of shows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from app import db
from app.db import Row
from app.events import DomainEvent
from app.ids import new_id

_SHOW = "INSERT INTO licence_show (id, created_at, licence_id, kind, by_shown, purpose)"
_REQUEST = """p.id, p.created_at, p.licence_id, p.citizen_id, p.expires_at, p.in_advance, p.used_at, p.verifier,
    p.purpose, p.asked_fields, p.consented_at, p.refused_at, p.fetched_at, p.verifier_hash"""
_LICENCE = """l.licence_no, l.type_code, l.type_name, l.status, l.holder_shown, l.issuer_name, l.issued_on,
    l.expires_on, l.content_cipher"""


@dataclass(frozen=True, slots=True)
class Asking:
    """A verifier's request: who, what for, which fields, and the hash of the token that fetches the answer."""

    verifier: str
    purpose: str
    fields: list[str]
    token_hash: str
    is_consented: bool
    at: datetime
    expires_at: datetime


async def add_code(
    row: Row, citizen_id: uuid.UUID, code_hash: str, at: datetime, expires_at: datetime, in_advance: bool
) -> uuid.UUID:
    """Keep a one-time code by its hash, and log that whoever may show the licence shows it."""
    presentation_id = new_id()
    await db.execute(
        f"""WITH shown AS ({_SHOW} VALUES ($1, $2, $3, 'PRESENTED', '本人', ''))
            INSERT INTO presentation (id, created_at, licence_id, citizen_id, code_hash, expires_at, in_advance)
            VALUES ($4, $2, $3, $5, $6, $7, $8)""",
        new_id(),
        at,
        row["id"],
        presentation_id,
        citizen_id,
        code_hash,
        expires_at,
        in_advance,
    )
    return presentation_id


async def use_code(code_hash: str, at: datetime, by_shown: str) -> Row | None:
    """Use up a code that carries its consent and log the look; None where it is unknown, used, too old or asks first.

    Two at once: one wins.
    """
    return await db.fetch_row(
        f"""WITH used AS (
                UPDATE presentation SET used_at = $2, consented_at = $2, fetched_at = $2
                WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2 AND in_advance
                RETURNING licence_id),
            logged AS ({_SHOW} SELECT $3, $2, licence_id, 'VERIFIED', $4, '' FROM used)
            SELECT {_LICENCE} FROM licence l JOIN used ON used.licence_id = l.id""",
        code_hash,
        at,
        new_id(),
        by_shown,
    )


async def find_code(code_hash: str, at: datetime) -> Row | None:
    """Return an unused code with its licence."""
    return await db.fetch_row(
        f"""SELECT {_REQUEST}, {_LICENCE} FROM presentation p JOIN licence l ON l.id = p.licence_id
            WHERE p.code_hash = $1 AND p.used_at IS NULL AND p.expires_at > $2""",
        code_hash,
        at,
    )


async def ask(row: Row, asking: Asking, event: DomainEvent | None) -> bool:
    """Use up a code for a request, log it and tell the holder; False where somebody was faster."""
    async with db.transaction() as tx:
        done = await tx.execute(
            """UPDATE presentation SET used_at = $2, expires_at = $3, verifier = $4, purpose = $5, asked_fields = $6,
                   verifier_hash = $7, consented_at = $8
               WHERE id = $1 AND used_at IS NULL AND expires_at > $2""",
            row["id"],
            asking.at,
            asking.expires_at,
            asking.verifier,
            asking.purpose,
            msgspec.json.encode(asking.fields).decode(),
            asking.token_hash,
            asking.at if asking.is_consented else None,
        )
        if done:
            await tx.execute(
                f"{_SHOW} VALUES ($1, $2, $3, 'ASKED', $4, $5)",
                new_id(),
                asking.at,
                row["licence_id"],
                asking.verifier,
                asking.purpose,
            )
            if event is not None:
                tx.emit(event)
        return bool(done)


async def list_asked(citizen_id: uuid.UUID, at: datetime, limit: int) -> Sequence[Row]:
    """Return requests that wait for somebody's word, oldest first."""
    return await db.fetch_all(
        f"""SELECT {_REQUEST}, {_LICENCE} FROM presentation p JOIN licence l ON l.id = p.licence_id
            WHERE p.citizen_id = $1 AND p.used_at IS NOT NULL AND p.consented_at IS NULL AND p.refused_at IS NULL
                AND p.expires_at > $2
            ORDER BY p.used_at LIMIT $3""",
        citizen_id,
        at,
        limit,
    )


async def find_request(presentation_id: uuid.UUID) -> Row | None:
    """Return a request with its licence."""
    return await db.fetch_row(
        f"""SELECT {_REQUEST}, {_LICENCE} FROM presentation p JOIN licence l ON l.id = p.licence_id
            WHERE p.id = $1 AND p.used_at IS NOT NULL""",
        presentation_id,
    )


async def answer(row: Row, granted: list[str] | None, at: datetime) -> bool:
    """Write the holder's word, once: the fields they grant, or None for a refusal; logged. False where it is late."""
    column, kind = ("refused_at", "REFUSED") if granted is None else ("consented_at", "CONSENTED")
    async with db.transaction() as tx:
        done = await tx.execute(
            f"""UPDATE presentation SET {column} = $2, asked_fields = COALESCE($3, asked_fields)
                WHERE id = $1 AND consented_at IS NULL AND refused_at IS NULL AND expires_at > $2""",
            row["id"],
            at,
            None if granted is None else msgspec.json.encode(granted).decode(),
        )
        if done:
            await _log(tx, row, kind, at)
        return bool(done)


async def fetch(row: Row, at: datetime) -> bool:
    """Hand the answer out, once, and log it. Two at once: one wins."""
    async with db.transaction() as tx:
        done = await tx.execute(
            """UPDATE presentation SET fetched_at = $2
               WHERE id = $1 AND consented_at IS NOT NULL AND fetched_at IS NULL AND expires_at > $2""",
            row["id"],
            at,
        )
        if done:
            await _log(tx, row, "VERIFIED", at)
        return bool(done)


async def _log(tx: db.Transaction, row: Row, kind: str, at: datetime) -> None:
    await tx.execute(
        f"{_SHOW} VALUES ($1, $2, $3, $4, $5, $6)",
        new_id(),
        at,
        row["licence_id"],
        kind,
        row["verifier"],
        row["purpose"],
    )


async def log_show(licence_id: uuid.UUID, kind: str, by_shown: str, purpose: str, at: datetime) -> None:
    """Log one look at a licence."""
    await db.execute(
        f"{_SHOW} VALUES ($1, $2, $3, $4, $5, $6)",
        new_id(),
        at,
        licence_id,
        kind,
        by_shown,
        purpose,
    )


async def list_shows(licence_id: uuid.UUID, limit: int) -> Sequence[Row]:
    """Return the latest shows of a licence."""
    return await db.fetch_all(
        "SELECT created_at, kind, by_shown, purpose FROM licence_show WHERE licence_id = $1 ORDER BY id DESC LIMIT $2",
        licence_id,
        limit,
    )


async def forget_presentations(before: datetime) -> int:
    """Delete codes that ended before this moment; the log of shows stays."""
    return await db.execute("DELETE FROM presentation WHERE expires_at < $1", before)
