"""Every query about citizens, identities and sessions; the sign-in paths are one statement each.

Called by the accounts service and its sweeps. It decides nothing; personal data arrive here encrypted.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app import db
from app.db import Row
from app.ids import new_id
from app.revocations import Recent


@dataclass(frozen=True, slots=True)
class SignIn:
    """One proven sign-in, as it is stored; secrets are hashed or encrypted already."""

    provider: str
    app_id: str
    subject: str = field(repr=False)
    union_id: str | None = field(repr=False)
    user_id: str | None = field(repr=False)
    session_key_cipher: bytes | None = field(repr=False)
    signed_in_at: datetime
    session_id: uuid.UUID
    session_expires_at: datetime
    refresh_hash: str = field(repr=False)
    refresh_expires_at: datetime


async def open_session(sign_in: SignIn) -> Row | None:
    """Open a session of a known identity; None where the identity is new.

    A session key is kept only if no later sign-in stored one (compare-and-set on the time); the one before stays
    readable as the previous. A citizen who is not ACTIVE gets no session; the row's `status` tells.
    """
    return await db.fetch_row(
        _OPEN_SESSION,
        sign_in.provider,
        sign_in.app_id,
        sign_in.subject,
        sign_in.union_id,
        sign_in.session_key_cipher,
        sign_in.signed_in_at,
        sign_in.session_id,
        sign_in.session_expires_at,
        new_id(),
        sign_in.refresh_hash,
        sign_in.refresh_expires_at,
    )


async def record_identity(sign_in: SignIn) -> None:
    """Make the identity known, with a new citizen unless another request was first. Idempotent.

    An identity stored under the user_id of the time before open ids is given its open_id instead.
    """
    if sign_in.user_id and sign_in.user_id != sign_in.subject:
        adopted = await db.execute(
            "UPDATE identity SET subject = $3, user_id = $4 WHERE provider = $1 AND app_id = $2 AND subject = $4"
            " AND NOT EXISTS (SELECT 1 FROM identity WHERE provider = $1 AND app_id = $2 AND subject = $3)",
            sign_in.provider,
            sign_in.app_id,
            sign_in.subject,
            sign_in.user_id,
        )
        if adopted:
            return
    await db.execute(
        _RECORD_IDENTITY,
        new_id(),
        sign_in.signed_in_at,
        new_id(),
        sign_in.provider,
        sign_in.app_id,
        sign_in.subject,
        sign_in.union_id,
        sign_in.user_id,
    )


async def rotate_refresh_token(
    token_hash: str, now: datetime, new_hash: str, expires_at: datetime, grace: timedelta
) -> Row | None:
    """Use a refresh token up and store its successor, in one statement: of concurrent callers one gets a row.

    For the others the row says why not: `outcome` is RACED (used within `grace`), REUSED or ENDED; None is unknown.
    """
    rotated = await db.fetch_row(_ROTATE, token_hash, now, new_id(), new_hash, expires_at)
    return rotated or await db.fetch_row(_WHY_NOT_ROTATED, token_hash, now, now - grace)


async def revoke_session(session_id: uuid.UUID, now: datetime, reason: str) -> None:
    """End a session. Idempotent: the first reason stays."""
    await db.execute(
        "UPDATE citizen_session SET revoked_at = $2, revoked_reason = $3 WHERE id = $1 AND revoked_at IS NULL",
        session_id,
        now,
        reason,
    )


async def recent_revocations(since: datetime) -> Recent:
    """Read the sessions ended and the citizens merged since a moment."""
    ended = await db.fetch_all("SELECT id FROM citizen_session WHERE revoked_at > $1", since)
    merged = await db.fetch_all(
        "SELECT from_citizen_id, into_citizen_id FROM citizen_merge WHERE created_at > $1 ORDER BY created_at", since
    )
    return Recent(
        tuple(row["id"] for row in ended), tuple((row["from_citizen_id"], row["into_citizen_id"]) for row in merged)
    )


async def find_citizen(citizen_id: uuid.UUID) -> Row | None:
    """Read a citizen; one who was merged is answered by the survivor."""
    return await db.fetch_row(_FIND_CITIZEN, citizen_id)


async def find_identity(identity_id: uuid.UUID) -> Row | None:
    """Read one sign-in identity."""
    return await db.fetch_row(
        "SELECT id, citizen_id, provider, app_id, subject, session_key_cipher, previous_session_key_cipher"
        " FROM identity WHERE id = $1",
        identity_id,
    )


async def find_identity_by_subject(provider: str, app_id: str, subject: str) -> Row | None:
    """Read the sign-in identity that a platform names."""
    return await db.fetch_row(
        "SELECT id, citizen_id, provider, app_id, subject FROM identity"
        " WHERE provider = $1 AND app_id = $2 AND (subject = $3 OR user_id = $3) ORDER BY subject = $3 DESC LIMIT 1",
        provider,
        app_id,
        subject,
    )


async def withdraw_identity(identity_id: uuid.UUID, at: datetime) -> list[uuid.UUID]:
    """Note that the person withdrew their consent at the platform, and end the identity's sessions of before.

    Nothing happens where they have signed in again since. Idempotent. Returns the sessions that ended.
    """
    rows = await db.fetch_all(
        """WITH withdrawn AS (UPDATE identity SET withdrawn_at = $2 WHERE id = $1 AND signed_in_at <= $2 RETURNING id)
           UPDATE citizen_session SET revoked_at = now(), revoked_reason = 'consent_withdrawn'
           WHERE identity_id IN (SELECT id FROM withdrawn) AND revoked_at IS NULL RETURNING id""",
        identity_id,
        at,
    )
    return [row["id"] for row in rows]


async def list_identities(citizen_id: uuid.UUID) -> list[Row]:
    """List a citizen's sign-in identities, the latest used first, without those whose consent was withdrawn."""
    return list(
        await db.fetch_all(
            "SELECT id, citizen_id, provider, app_id, subject FROM identity WHERE citizen_id = $1"
            " AND withdrawn_at IS NULL"
            " ORDER BY signed_in_at DESC",
            citizen_id,
        )
    )


@dataclass(frozen=True, slots=True)
class PhoneToBind:
    """A verified phone number, as it is stored. `proof_hash` is "" where the proof cannot be shown again."""

    cipher: bytes = field(repr=False)
    lookup: str
    masked: str
    proof_hash: str
    bound_at: datetime
    proof_free_at: datetime
    """Proofs used before this moment may serve somebody else."""


async def bind_phone(citizen_id: uuid.UUID, phone: PhoneToBind) -> bool:
    """Store a verified phone, level L1 at least. False where the proof served another citizen. Idempotent."""
    row = await db.fetch_row(
        _BIND_PHONE,
        citizen_id,
        phone.cipher,
        phone.lookup,
        phone.masked,
        phone.bound_at,
        phone.proof_hash,
        phone.proof_free_at,
    )
    return row is not None


async def forget_sessions(before: datetime, limit: int) -> int:
    """Delete up to `limit` sessions that ended by themselves before a moment, with their tokens. Returns how many."""
    return await db.execute(_FORGET_SESSIONS, before, limit)


async def forget_refresh_tokens(before: datetime, limit: int) -> int:
    """Delete up to `limit` refresh tokens that expired before a moment. Returns how many."""
    return await db.execute(
        "DELETE FROM refresh_token WHERE id IN (SELECT id FROM refresh_token WHERE expires_at < $1 LIMIT $2)",
        before,
        limit,
    )


_OPEN_SESSION = """
WITH known AS (
    UPDATE identity SET
        previous_session_key_cipher = CASE WHEN $5::bytea IS NOT NULL AND signed_in_at < $6
            THEN session_key_cipher ELSE previous_session_key_cipher END,
        session_key_cipher = CASE WHEN $5::bytea IS NOT NULL AND signed_in_at < $6
            THEN $5::bytea ELSE session_key_cipher END,
        union_id = coalesce($4, union_id),
        signed_in_at = greatest(signed_in_at, $6), withdrawn_at = NULL
    WHERE provider = $1 AND app_id = $2 AND subject = $3
    RETURNING id, citizen_id
), person AS (
    SELECT known.id AS identity_id, citizen.id, status, real_name_level, name_masked, id_number_masked, phone_masked,
           created_at
    FROM known JOIN citizen ON citizen.id = known.citizen_id
), opened AS (
    INSERT INTO citizen_session (id, created_at, citizen_id, identity_id, provider, expires_at, revoked_reason)
    SELECT $7, $6, id, identity_id, $1, $8, '' FROM person WHERE status = 'ACTIVE'
), issued AS (
    INSERT INTO refresh_token (id, created_at, session_id, token_hash, expires_at)
    SELECT $9, $6, $7, $10, $11 FROM person WHERE status = 'ACTIVE'
)
SELECT * FROM person
"""

_RECORD_IDENTITY = """
WITH mine AS (
    INSERT INTO identity (id, created_at, citizen_id, provider, app_id, subject, union_id, user_id, signed_in_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '-infinity')
    ON CONFLICT (provider, app_id, subject) DO NOTHING
    RETURNING citizen_id
)
INSERT INTO citizen (id, created_at, updated_at, status, real_name_level, name_masked, id_number_masked, phone_masked,
                     preferences)
SELECT citizen_id, $2, $2, 'ACTIVE', 'L0', '', '', '', '{}' FROM mine
"""

_ROTATE = """
WITH live AS (
    UPDATE refresh_token AS token SET used_at = $2 FROM citizen_session AS session
    WHERE token.token_hash = $1 AND token.used_at IS NULL AND token.expires_at > $2
      AND session.id = token.session_id AND session.revoked_at IS NULL AND session.expires_at > $2
    RETURNING session.id, session.citizen_id, session.identity_id, session.provider, session.expires_at
), issued AS (
    INSERT INTO refresh_token (id, created_at, session_id, token_hash, expires_at)
    SELECT $3, $2, id, $4, least($5, expires_at) FROM live
)
SELECT 'ROTATED' AS outcome, live.id, live.citizen_id, live.identity_id, live.provider, citizen.real_name_level
FROM live JOIN citizen ON citizen.id = live.citizen_id
"""

_WHY_NOT_ROTATED = """
SELECT CASE WHEN session.revoked_at IS NOT NULL OR session.expires_at <= $2 OR token.used_at IS NULL THEN 'ENDED'
            WHEN token.used_at > $3 THEN 'RACED' ELSE 'REUSED' END AS outcome, session.id
FROM refresh_token AS token JOIN citizen_session AS session ON session.id = token.session_id
WHERE token.token_hash = $1
"""

_FIND_CITIZEN = """
SELECT id, status, real_name_level, name_cipher, name_masked, id_number_cipher, id_number_hash, id_number_masked,
       phone_cipher, phone_masked, preferences, created_at
FROM citizen
WHERE id = coalesce((SELECT merged_into_id FROM citizen WHERE id = $1 AND status = 'MERGED'), $1)
"""

_BIND_PHONE = """
WITH proof AS (
    INSERT INTO phone_proof (proof_hash, citizen_id, used_at) SELECT $6::text, $1, $5 WHERE $6::text <> ''
    ON CONFLICT (proof_hash) DO UPDATE SET citizen_id = excluded.citizen_id, used_at = excluded.used_at
    WHERE phone_proof.citizen_id = excluded.citizen_id OR phone_proof.used_at < $7
    RETURNING proof_hash
)
UPDATE citizen SET phone_cipher = $2, phone_hash = $3, phone_masked = $4, phone_bound_at = $5, updated_at = $5,
                   real_name_level = greatest(real_name_level, 'L1')
WHERE id = $1 AND status = 'ACTIVE' AND ($6::text = '' OR EXISTS (SELECT 1 FROM proof))
RETURNING id
"""

_FORGET_SESSIONS = """
WITH ended AS (
    DELETE FROM citizen_session WHERE id IN (SELECT id FROM citizen_session WHERE expires_at < $1 LIMIT $2)
    RETURNING id
), tokens AS (
    DELETE FROM refresh_token USING ended WHERE refresh_token.session_id = ended.id
)
SELECT id FROM ended
"""
