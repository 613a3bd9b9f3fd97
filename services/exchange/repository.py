"""Queries of systems, their keys, used nonces and pushed messages. Called by the exchange's door, guard and keeper."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from app import db
from app.db import Row, Transaction
from app.errors import Conflict
from app.ids import new_id
from services.exchange.ports import Audit
from services.exchange.types import NewSystem
from services.staff.types import Act


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key ready to be stored."""

    key_id: str
    algorithm: str
    secret_cipher: bytes | None
    public_key: str
    signs_events: bool


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that was pushed; `content` is JSON text."""

    system_id: uuid.UUID
    message_no: str
    kind: str
    application_no: str
    content: str
    content_sha256: str
    at: datetime


async def find_calling_key(key_id: str) -> Row | None:
    """Return a live key for requests with its system."""
    return await db.fetch_row(
        """SELECT k.key_id, k.algorithm, k.secret_cipher, k.public_key, s.id AS system_id, s.code, s.name,
               s.departments, s.item_codes
           FROM system_key k JOIN department_system s ON s.id = k.system_id
           WHERE k.key_id = $1 AND NOT k.signs_events AND k.retired_at IS NULL AND s.status = 'ACTIVE'""",
        key_id,
    )


async def find_event_key(system_id: uuid.UUID) -> Row | None:
    """Return the newest live key that our events to a system are signed with."""
    return await db.fetch_row(
        """SELECT key_id, algorithm, secret_cipher FROM system_key
           WHERE system_id = $1 AND signs_events AND retired_at IS NULL ORDER BY id DESC LIMIT 1""",
        system_id,
    )


async def use_nonce(key: str, at: datetime) -> bool:
    """Note that a nonce was used; False where it had been already."""
    row = await db.fetch_row(
        "INSERT INTO system_nonce (key, used_at) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING RETURNING key", key, at
    )
    return row is not None


async def forget_nonces(before: datetime) -> int:
    """Delete nonces whose signatures are too old to come in again."""
    return await db.execute("DELETE FROM system_nonce WHERE used_at < $1", before)


async def find_message(system_id: uuid.UUID, message_no: str) -> Row | None:
    """Return a message that took effect."""
    return await db.fetch_row(
        "SELECT content_sha256, answer FROM system_message WHERE system_id = $1 AND message_no = $2",
        system_id,
        message_no,
    )


async def take_message(new: NewMessage, move: Callable[[], Awaitable[Any]]) -> Any | None:
    """Note a message and make its move, both or neither; None where the number is taken: the other has committed.

    Args:
        move: makes the move in the transaction that is open, and returns what is answered (JSON-ready).
    """
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            """INSERT INTO system_message (id, created_at, system_id, message_no, kind, application_no, content,
                   content_sha256, outcome, answer)
               VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, '', '{}') ON CONFLICT DO NOTHING RETURNING id""",
            new_id(),
            new.at,
            new.system_id,
            new.message_no,
            new.kind,
            new.application_no,
            new.content,
            new.content_sha256,
        )
        if row is None:
            return None
        answer = await move()
        await tx.execute(
            "UPDATE system_message SET answer = $2::jsonb, outcome = $3 WHERE id = $1",
            row["id"],
            msgspec.json.encode(answer).decode(),
            answer["status"],
        )
        tx.wakes = True
    return answer


async def case_as_moved(application_no: str) -> Row:
    """Return a case as the open transaction sees it, the move of the message included."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "SELECT application_no, version, status FROM application WHERE application_no = $1", application_no
        )
    assert row is not None
    return row


async def add_system(new: NewSystem, keys: Sequence[StoredKey], at: datetime, act: Act, audit: Audit) -> bool:
    """Write a system with its keys; False where its code is taken."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            """INSERT INTO department_system (id, created_at, code, name, departments, item_codes, event_url, status)
               VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7, 'ACTIVE') ON CONFLICT DO NOTHING RETURNING id""",
            new_id(),
            at,
            new.code,
            new.name,
            msgspec.json.encode(new.departments).decode(),
            msgspec.json.encode(new.item_codes).decode(),
            new.event_url,
        )
        if row is None:
            return False
        for key in keys:
            await _add_key(tx, row["id"], key, at)
        await audit.record(act, tx)
    return True


async def add_keys(system_id: uuid.UUID, keys: Sequence[StoredKey], at: datetime, act: Act, audit: Audit) -> None:
    """Write further keys of a system; the others stay."""
    async with db.transaction() as tx:
        for key in keys:
            await _add_key(tx, system_id, key, at)
        await audit.record(act, tx)


async def set_event_url(system_id: uuid.UUID, url: str, act: Act, audit: Audit) -> None:
    """Change where a system's events go."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE department_system SET event_url = $2 WHERE id = $1", system_id, url)
        await audit.record(act, tx)


async def retire_key(key_id: str, at: datetime, act: Act, audit: Audit) -> bool:
    """End a key; False where there is no live one of this id."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "UPDATE system_key SET retired_at = $2 WHERE key_id = $1 AND retired_at IS NULL RETURNING id", key_id, at
        )
        if row is None:
            return False
        await audit.record(act, tx)
    return True


async def find_system(code: str) -> Row | None:
    """Return a system by its code."""
    return await db.fetch_row("SELECT id, code, name, event_url FROM department_system WHERE code = $1", code)


async def list_systems() -> Sequence[Row]:
    """Return all systems with their live keys and what waits for them."""
    return await db.fetch_all(
        """SELECT s.*, ARRAY(SELECT k.key_id || CASE WHEN k.signs_events THEN ' (events)' ELSE '' END FROM system_key k
                   WHERE k.system_id = s.id AND k.retired_at IS NULL ORDER BY k.id) AS keys,
               (SELECT count(*) FROM system_event e WHERE e.system_id = s.id AND e.status = 'WAITING') AS waiting,
               (SELECT count(*) FROM system_event e WHERE e.system_id = s.id AND e.status = 'FAILED') AS failed
           FROM department_system s ORDER BY s.code"""
    )


async def _add_key(tx: Transaction, system_id: uuid.UUID, key: StoredKey, at: datetime) -> None:
    added = await tx.execute(
        """INSERT INTO system_key (id, created_at, key_id, system_id, algorithm, secret_cipher, public_key,
               signs_events)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (key_id) DO NOTHING""",
        new_id(),
        at,
        key.key_id,
        system_id,
        key.algorithm,
        key.secret_cipher,
        key.public_key,
        key.signs_events,
    )
    if added == 0:
        raise Conflict("密钥编号已被使用", code="key_exists")
