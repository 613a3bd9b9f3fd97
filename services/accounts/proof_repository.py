"""The queries of a real-name check and of the merge that it may cause; each write is one transaction.

Called by real_name.py and the sweeps. Split from repository.py for its size.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from app import db, jobs
from app.db import Row, Transaction
from app.errors import Conflict
from app.events import DomainEvent
from app.ids import new_id
from app.tokens import ACCESS_SECONDS
from services.accounts import wish_repository


@dataclass(frozen=True, slots=True)
class Claim:
    """A name and ID number that a citizen says are theirs, as stored."""

    citizen_id: uuid.UUID
    identity_id: uuid.UUID
    provider: str
    name_cipher: bytes = field(repr=False)
    name_masked: str
    id_number_cipher: bytes = field(repr=False)
    id_number_hash: str
    id_number_masked: str
    birth_year: int
    number_home: str
    """The division inside the ID number, as of today; "" of another province."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Who the person turned out to be; `merged` where that is another citizen than before."""

    citizen_id: uuid.UUID
    merged: bool


async def find_open_check(claim: Claim, since: datetime) -> Row | None:
    """Find the newest unfinished check of the same identity and number that was begun after a moment."""
    return await db.fetch_row(
        "SELECT id, reference, name_cipher FROM real_name_check WHERE citizen_id = $1 AND identity_id = $2"
        " AND id_number_hash = $3 AND status = 'PENDING' AND created_at > $4 ORDER BY id DESC LIMIT 1",
        claim.citizen_id,
        claim.identity_id,
        claim.id_number_hash,
        since,
    )


async def record_open_check(claim: Claim, reference: str, now: datetime) -> None:
    """Keep the platform's reference of a check that waits for the person."""
    await _record_check(claim, "PENDING", reference, now)


async def record_failed_check(claim: Claim, check_id: uuid.UUID | None, now: datetime) -> None:
    """Keep that a check did not pass."""
    if check_id is None:
        await _record_check(claim, "FAILED", "", now)
    else:
        await db.execute(
            "UPDATE real_name_check SET status = 'FAILED', finished_at = $2 WHERE id = $1 AND status = 'PENDING'",
            check_id,
            now,
        )


async def record_verified(claim: Claim, check_id: uuid.UUID | None, now: datetime) -> Verified:
    """Make the claim true: the caller gets level L2, or becomes the citizen who proved this number before.

    One transaction; checks of the same number wait for each other. Idempotent.
    Raises: Conflict `already_verified` (the caller is somebody else), `account_closed`, `account_merged`.
    """
    async with db.transaction() as tx:
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", claim.id_number_hash)
        holder = await tx.fetch_row(
            "SELECT id, status FROM citizen WHERE id_number_hash = $1 AND status <> 'MERGED' FOR UPDATE",
            claim.id_number_hash,
        )
        caller = await tx.fetch_row(
            "SELECT id, status, id_number_hash FROM citizen WHERE id = $1 FOR UPDATE", claim.citizen_id
        )
        _refuse_impossible(holder, caller, claim)
        merging = holder is not None and holder["id"] != claim.citizen_id
        survivor: uuid.UUID = holder["id"] if holder is not None else claim.citizen_id
        await tx.execute(_RAISE_LEVEL, survivor, *_proven(claim), now, claim.birth_year)
        await _finish_check(tx, claim, check_id, now)
        if merging:
            await _merge(tx, claim.citizen_id, survivor, now)
        await wish_repository.settle_home(tx, survivor, claim.number_home)
        return Verified(survivor, merging)


def _refuse_impossible(holder: Row | None, caller: Row | None, claim: Claim) -> None:
    if caller is None or caller["status"] == "MERGED":
        raise Conflict("账号已合并，请重新进入小程序", code="account_merged")
    if "CLOSED" in (caller["status"], holder["status"] if holder is not None else ""):
        raise Conflict("账号已注销", code="account_closed")
    if caller["id_number_hash"] not in (None, claim.id_number_hash):
        raise Conflict("您已完成实名认证，不能更换身份", code="already_verified")


def _proven(claim: Claim) -> tuple[bytes, str, bytes, str, str]:
    return (
        claim.name_cipher,
        claim.name_masked,
        claim.id_number_cipher,
        claim.id_number_hash,
        claim.id_number_masked,
    )


async def _finish_check(tx: Transaction, claim: Claim, check_id: uuid.UUID | None, now: datetime) -> None:
    if check_id is None:
        await tx.execute(_RECORD_CHECK, *_check_values(claim, "PASSED", "", now))
    else:
        await tx.execute(
            "UPDATE real_name_check SET status = 'PASSED', finished_at = $2 WHERE id = $1 AND status = 'PENDING'",
            check_id,
            now,
        )


async def _merge(tx: Transaction, old: uuid.UUID, survivor: uuid.UUID, now: datetime) -> None:
    """Move everything of this room; the event lets the other rooms move theirs.

    Identities go first, in a statement of their own: a sign-in under way holds its identity, and the session it
    writes is seen only by a statement that begins after it.
    """
    identities = await tx.execute("UPDATE identity SET citizen_id = $2 WHERE citizen_id = $1", old, survivor)
    moved = await tx.fetch_row(_MOVE, old, survivor)
    await tx.execute(_GIVE_PHONE, old, survivor, now)
    await wish_repository.move_tags(tx, old, survivor)
    await tx.execute(
        "INSERT INTO citizen_merge (id, created_at, from_citizen_id, into_citizen_id, reason, moved)"
        " VALUES ($1, $2, $3, $4, 'SAME_ID_NUMBER', $5::jsonb)",
        new_id(),
        now,
        old,
        survivor,
        msgspec.json.encode({"identities": identities} | dict(moved or {})).decode(),
    )
    event = DomainEvent(
        name="citizen.merged",
        subject_no=survivor.hex,
        citizen_id=survivor.hex,
        occurred_at=now,
        facts={"from_citizen_id": old.hex, "into_citizen_id": survivor.hex},
    )
    tx.emit(event)
    # A request that was under way may still write a row for the old citizen: the rooms look once more when the last
    # token of that time has expired.
    tx.enqueue(jobs.EVENT, event, delay_seconds=ACCESS_SECONDS + 60)


async def _record_check(claim: Claim, status: str, reference: str, now: datetime) -> None:
    await db.execute(_RECORD_CHECK, *_check_values(claim, status, reference, now))


def _check_values(claim: Claim, status: str, reference: str, now: datetime) -> tuple[object, ...]:
    return (
        new_id(),
        now,
        claim.citizen_id,
        claim.identity_id,
        claim.provider,
        reference,
        claim.name_cipher,
        claim.id_number_cipher,
        claim.id_number_hash,
        status,
        None if status == "PENDING" else now,
    )


async def give_up_checks(begun_before: datetime, limit: int) -> int:
    """Fail checks that nobody finished, and forget what they were about. Returns how many."""
    return await db.execute(_GIVE_UP_CHECKS, begun_before, limit)


PENDING_LIFETIME = timedelta(hours=22)
"""The platform lets a person finish for 23 hours; after this we begin anew."""

_RECORD_CHECK = """
INSERT INTO real_name_check (id, created_at, citizen_id, identity_id, provider, reference, name_cipher,
                             id_number_cipher, id_number_hash, status, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

_RAISE_LEVEL = """
UPDATE citizen SET name_cipher = $2, name_masked = $3, id_number_cipher = $4, id_number_hash = $5,
                   id_number_masked = $6, real_name_at = coalesce(real_name_at, $7), updated_at = $7,
                   real_name_level = greatest(real_name_level, 'L2'), birth_year = $8
WHERE id = $1
"""

_MOVE = """
WITH sessions AS (UPDATE citizen_session SET citizen_id = $2 WHERE citizen_id = $1 RETURNING 1),
     checks AS (UPDATE real_name_check SET citizen_id = $2 WHERE citizen_id = $1 RETURNING 1),
     proofs AS (UPDATE phone_proof SET citizen_id = $2 WHERE citizen_id = $1 RETURNING 1),
     addresses AS (
         UPDATE address SET citizen_id = $2,
             is_default = is_default AND NOT EXISTS (SELECT 1 FROM address WHERE citizen_id = $2 AND is_default)
         WHERE citizen_id = $1 RETURNING 1)
SELECT (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM checks) AS checks,
       (SELECT count(*) FROM proofs) AS proofs, (SELECT count(*) FROM addresses) AS addresses
"""

_GIVE_PHONE = """
WITH old AS (
    UPDATE citizen AS merged SET status = 'MERGED', merged_into_id = $2, updated_at = $3,
        phone_cipher = NULL, phone_hash = NULL
    FROM (SELECT id, phone_cipher, phone_hash, phone_masked, phone_bound_at FROM citizen WHERE id = $1) AS before
    WHERE merged.id = before.id
    RETURNING before.phone_cipher, before.phone_hash, before.phone_masked, before.phone_bound_at
)
UPDATE citizen SET phone_cipher = old.phone_cipher, phone_hash = old.phone_hash, phone_masked = old.phone_masked,
                   phone_bound_at = old.phone_bound_at
FROM old WHERE citizen.id = $2 AND citizen.phone_hash IS NULL AND old.phone_hash IS NOT NULL
"""

_GIVE_UP_CHECKS = """
UPDATE real_name_check SET status = 'FAILED', finished_at = now(), name_cipher = '', id_number_cipher = ''
WHERE id IN (SELECT id FROM real_name_check WHERE status = 'PENDING' AND created_at < $1 LIMIT $2)
"""
