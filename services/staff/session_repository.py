"""Every query about sessions of staff. Called by sessions.py and the sweep; decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app import db
from app.db import Row, Transaction


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to open; the token is known by its hash only."""

    session_id: uuid.UUID
    staff_id: uuid.UUID
    token_hash: str = field(repr=False)
    csrf_token: str = field(repr=False)
    now: datetime
    expires_at: datetime
    kind: str
    address: str
    agent: str


async def open_session(tx: Transaction, session: NewSession, totp_step: int, read_hash: str) -> bool:
    """Use the one-time code's step up and open a session. False where that step was used before.

    Without a second factor (`totp_step` 0) it opens only as long as the account has none. Nor does it open where the
    account was switched off or got another password since the password was compared with `read_hash`.
    """
    row = await tx.fetch_row(
        _OPEN_SESSION,
        session.staff_id,
        totp_step,
        session.session_id,
        session.now,
        session.token_hash,
        session.csrf_token,
        session.expires_at,
        session.kind,
        session.address,
        session.agent,
        read_hash,
    )
    return row is not None


async def continue_as(tx: Transaction, session: NewSession) -> None:
    """Open a session for somebody who has one already and has just proved who they are."""
    await tx.execute(
        _CONTINUE,
        session.session_id,
        session.now,
        session.staff_id,
        session.token_hash,
        session.csrf_token,
        session.expires_at,
        session.kind,
        session.address,
        session.agent,
    )


async def find_session(token_hash: str, now: datetime, idle: timedelta, touch: timedelta) -> Row | None:
    """Find a live session with its member; its last use is written down when the note is older than `touch`."""
    row = await db.fetch_row(_FIND_SESSION, token_hash, now, now - idle)
    if row is not None and row["last_seen_at"] < now - touch:
        await db.execute(
            "UPDATE staff_session SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1", row["session_id"], now
        )
    return row


async def list_live(staff_id: uuid.UUID, now: datetime, idle: timedelta) -> Sequence[Row]:
    """List the live sessions of one member, the newest first."""
    return await db.fetch_all(
        "SELECT id, address, agent, kind, created_at, last_seen_at FROM staff_session"
        " WHERE staff_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND last_seen_at > $3"
        " ORDER BY id DESC LIMIT 200",
        staff_id,
        now,
        now - idle,
    )


async def revoke_session(tx: Transaction, staff_id: uuid.UUID, session_id: uuid.UUID, now: datetime) -> str | None:
    """End a session of one member; return its token hash, None where there is none or it had ended already."""
    row = await tx.fetch_row(
        "UPDATE staff_session SET revoked_at = $3 WHERE id = $1 AND staff_id = $2 AND revoked_at IS NULL"
        " RETURNING token_hash",
        session_id,
        staff_id,
        now,
    )
    return None if row is None else str(row["token_hash"])


async def revoke_sessions(tx: Transaction, staff_id: uuid.UUID, now: datetime, but: uuid.UUID | None = None) -> int:
    """End all sessions of one member, except perhaps one. Returns how many were live."""
    return await tx.execute(
        "UPDATE staff_session SET revoked_at = $2 WHERE staff_id = $1 AND revoked_at IS NULL AND expires_at > $2"
        " AND ($3::uuid IS NULL OR id <> $3)",
        staff_id,
        now,
        but,
    )


async def forget_sessions(before: datetime) -> int:
    """Delete sessions that expired before a moment. Returns how many."""
    return await db.execute("DELETE FROM staff_session WHERE expires_at < $1", before)


_OPEN_SESSION = """
WITH member AS (
    UPDATE staff_member SET failed_count = 0, locked_until = NULL, signed_in_at = $4,
                            totp_last_step = greatest(totp_last_step, $2)
    WHERE id = $1 AND status = 'ACTIVE' AND password_hash = $11
      AND (CASE WHEN totp_cipher IS NULL THEN $2 = 0 ELSE totp_last_step < $2 END)
    RETURNING id
)
INSERT INTO staff_session (id, created_at, staff_id, token_hash, csrf_token, last_seen_at, expires_at, kind, address,
                           agent)
SELECT $3, $4, id, $5, $6, $4, $7, $8, $9, $10 FROM member
RETURNING id
"""

_CONTINUE = """
INSERT INTO staff_session (id, created_at, staff_id, token_hash, csrf_token, last_seen_at, expires_at, kind, address,
                           agent)
VALUES ($1, $2, $3, $4, $5, $2, $6, $7, $8, $9)
"""

_FIND_SESSION = """
SELECT session.id AS session_id, session.csrf_token, session.last_seen_at, session.expires_at, session.kind,
       member.id AS staff_id, member.username, member.display_name, member.roles, member.divisions, member.departments
FROM staff_session AS session JOIN staff_member AS member ON member.id = session.staff_id
WHERE session.token_hash = $1 AND session.revoked_at IS NULL AND session.expires_at > $2
  AND session.last_seen_at > $3 AND member.status = 'ACTIVE'
"""
