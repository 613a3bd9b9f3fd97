"""Every query about staff and their sessions. Called by the staff service; decides nothing."""

from __future__ import annotations

import uuid
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


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to open; the token is known by its hash only."""

    session_id: uuid.UUID
    staff_id: uuid.UUID
    token_hash: str = field(repr=False)
    csrf_token: str = field(repr=False)
    now: datetime
    expires_at: datetime


async def open_session(tx: Transaction, session: NewSession, totp_step: int) -> bool:
    """Use the one-time code's step up and open a session. False where that step was used before."""
    row = await tx.fetch_row(
        _OPEN_SESSION,
        session.staff_id,
        totp_step,
        session.session_id,
        session.now,
        session.token_hash,
        session.csrf_token,
        session.expires_at,
    )
    return row is not None


async def find_session(token_hash: str, now: datetime, idle: timedelta, touch: timedelta) -> Row | None:
    """Find a live session with its member; its last use is written down when the note is older than `touch`."""
    row = await db.fetch_row(_FIND_SESSION, token_hash, now, now - idle)
    if row is not None and row["last_seen_at"] < now - touch:
        await db.execute(
            "UPDATE staff_session SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1", row["session_id"], now
        )
    return row


async def revoke_session(tx: Transaction, session_id: uuid.UUID, now: datetime) -> str | None:
    """End a session; return its token hash, None where it had ended already."""
    row = await tx.fetch_row(
        "UPDATE staff_session SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING token_hash",
        session_id,
        now,
    )
    return None if row is None else str(row["token_hash"])


@dataclass(frozen=True, slots=True)
class NewMember:
    """An account to add; secrets are hashed or encrypted already."""

    username: str
    display_name: str
    password_hash: str = field(repr=False)
    totp_cipher: bytes = field(repr=False)
    roles: list[str]
    divisions: list[str]
    departments: list[str]


async def list_usernames() -> set[str]:
    """Name the accounts there are."""
    return {row["username"] for row in await db.fetch_all("SELECT username FROM staff_member")}


async def add_member(tx: Transaction, member: NewMember, now: datetime) -> bool:
    """Add an account; False where the username is taken. Idempotent."""
    added = await tx.execute(
        "INSERT INTO staff_member (id, created_at, username, display_name, password_hash, totp_cipher, totp_last_step,"
        " roles, divisions, departments, status, failed_count, password_set_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, 0, $7::jsonb, $8::jsonb, $9::jsonb, 'ACTIVE', 0, $2)"
        " ON CONFLICT (username) DO NOTHING",
        new_id(),
        now,
        member.username,
        member.display_name,
        member.password_hash,
        member.totp_cipher,
        *(msgspec.json.encode(listed).decode() for listed in (member.roles, member.divisions, member.departments)),
    )
    return added == 1


async def forget_sessions(before: datetime) -> int:
    """Delete sessions that expired before a moment. Returns how many."""
    return await db.execute("DELETE FROM staff_session WHERE expires_at < $1", before)


_CLAIM_ATTEMPT = """
UPDATE staff_member SET
    failed_count = CASE WHEN locked_until IS NULL THEN failed_count + 1 ELSE 1 END,
    locked_until = CASE WHEN locked_until IS NULL AND failed_count + 1 >= $3 THEN $4::timestamptz END
WHERE username = $1 AND status = 'ACTIVE' AND (locked_until IS NULL OR locked_until <= $2)
RETURNING id, username, display_name, password_hash, totp_cipher, totp_last_step, roles, divisions, departments,
          locked_until IS NOT NULL AS was_last_try
"""

_OPEN_SESSION = """
WITH member AS (
    UPDATE staff_member SET failed_count = 0, locked_until = NULL, totp_last_step = $2
    WHERE id = $1 AND totp_last_step < $2
    RETURNING id
)
INSERT INTO staff_session (id, created_at, staff_id, token_hash, csrf_token, last_seen_at, expires_at)
SELECT $3, $4, id, $5, $6, $4, $7 FROM member
RETURNING id
"""

_FIND_SESSION = """
SELECT session.id AS session_id, session.csrf_token, session.last_seen_at, session.expires_at, member.id AS staff_id,
       member.username, member.display_name, member.roles, member.divisions, member.departments
FROM staff_session AS session JOIN staff_member AS member ON member.id = session.staff_id
WHERE session.token_hash = $1 AND session.revoked_at IS NULL AND session.expires_at > $2
  AND session.last_seen_at > $3 AND member.status = 'ACTIVE'
"""
