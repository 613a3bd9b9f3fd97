"""Every query about staff accounts and their secrets. Called by the parts of the staff room; decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from app import db
from app.db import Row, Transaction
from app.ids import new_id


async def claim_attempt(username: str, now: datetime, most: int, lock: timedelta) -> Row | None:
    """Count a sign-in attempt before it is judged, so that parallel guesses share the same `most` tries.

    The attempt that uses the last try locks the account at once; success unlocks it. None: unknown, disabled, locked.
    """
    return await db.fetch_row(_CLAIM_ATTEMPT, username, now, most, now + lock)


async def find_active(username: str) -> Row | None:
    """Find an active account with its roles and scope."""
    return await db.fetch_row(
        "SELECT username, display_name, roles, divisions, departments FROM staff_member"
        " WHERE username = $1 AND status = 'ACTIVE'",
        username,
    )


async def find_secrets(staff_id: uuid.UUID) -> Row | None:
    """Find what an active account proves itself by, and how old it is."""
    return await db.fetch_row(
        "SELECT id, username, display_name, roles, divisions, departments, password_hash, former_hashes,"
        " password_is_first, password_set_at, totp_cipher, totp_pending_cipher, totp_set_at"
        " FROM staff_member WHERE id = $1 AND status = 'ACTIVE'",
        staff_id,
    )


async def use_step(tx: Transaction, staff_id: uuid.UUID, step: int) -> bool:
    """Use a one-time code up that was asked for again within a session; False where it was used before."""
    return (
        await tx.execute(
            "UPDATE staff_member SET failed_count = 0, locked_until = NULL, totp_last_step = $2"
            " WHERE id = $1 AND totp_last_step < $2",
            staff_id,
            step,
        )
        == 1
    )


async def set_password(
    tx: Transaction, staff_id: uuid.UUID, read_hash: str, new_hash: str, former: Sequence[str], now: datetime
) -> bool:
    """Set a password that its owner has chosen; False where it has changed since it was read."""
    return (
        await tx.execute(
            "UPDATE staff_member SET password_hash = $3, former_hashes = $4::jsonb, password_is_first = FALSE,"
            " password_set_at = $5, version = version + 1 WHERE id = $1 AND password_hash = $2",
            staff_id,
            read_hash,
            new_hash,
            _json(former),
            now,
        )
        == 1
    )


async def offer_totp(tx: Transaction, staff_id: uuid.UUID, cipher: bytes) -> None:
    """Keep a TOTP secret that has been shown and not proved yet."""
    await tx.execute("UPDATE staff_member SET totp_pending_cipher = $2 WHERE id = $1", staff_id, cipher)


async def accept_totp(
    tx: Transaction, staff_id: uuid.UUID, pending: bytes, cipher: bytes, step: int, now: datetime
) -> bool:
    """Make the shown TOTP secret the one that counts; False where another has been shown since."""
    return (
        await tx.execute(
            "UPDATE staff_member SET totp_cipher = $3, totp_pending_cipher = NULL, totp_last_step = $4,"
            " totp_set_at = $5, version = version + 1 WHERE id = $1 AND totp_pending_cipher = $2",
            staff_id,
            pending,
            cipher,
            step,
            now,
        )
        == 1
    )


@dataclass(frozen=True, slots=True)
class NewMember:
    """An account to add; secrets are hashed or encrypted already. Without a TOTP secret its owner enrols one."""

    username: str
    display_name: str
    password_hash: str = field(repr=False)
    totp_cipher: bytes | None = field(repr=False)
    roles: Sequence[str]
    divisions: Sequence[str]
    departments: Sequence[str]
    password_is_first: bool = False
    created_by: str = ""


async def list_usernames() -> set[str]:
    """Name the accounts there are."""
    return {row["username"] for row in await db.fetch_all("SELECT username FROM staff_member")}


async def add_member(tx: Transaction, member: NewMember, now: datetime) -> bool:
    """Add an account; False where the username is taken. Idempotent."""
    added = await tx.execute(
        "INSERT INTO staff_member (id, created_at, username, display_name, password_hash, totp_cipher, totp_last_step,"
        " roles, divisions, departments, status, failed_count, password_set_at, password_is_first, created_by,"
        " totp_set_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, 0, $7::jsonb, $8::jsonb, $9::jsonb, 'ACTIVE', 0, $2, $10, $11,"
        " CASE WHEN $6::bytea IS NOT NULL THEN $2::timestamptz END)"
        " ON CONFLICT (username) DO NOTHING",
        new_id(),
        now,
        member.username,
        member.display_name,
        member.password_hash,
        member.totp_cipher,
        *(_json(listed) for listed in (member.roles, member.divisions, member.departments)),
        member.password_is_first,
        member.created_by,
    )
    return added == 1


def _json(listed: Sequence[str]) -> str:
    return msgspec.json.encode(list(listed)).decode()


_CLAIM_ATTEMPT = """
UPDATE staff_member SET
    failed_count = CASE WHEN locked_until IS NULL THEN failed_count + 1 ELSE 1 END,
    locked_until = CASE WHEN locked_until IS NULL AND failed_count + 1 >= $3 THEN $4::timestamptz END
WHERE username = $1 AND status = 'ACTIVE' AND (locked_until IS NULL OR locked_until <= $2)
RETURNING id, username, display_name, password_hash, totp_cipher, totp_last_step, roles, divisions, departments,
          password_is_first, password_set_at, locked_until IS NOT NULL AS was_last_try
"""
