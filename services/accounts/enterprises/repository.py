"""Queries of enterprises and their representatives; each write is one transaction. It decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from app import db
from app.db import Row
from app.events import DomainEvent
from app.ids import new_id

_ROLE = """SELECT e.id, e.uscc, e.name, e.profile_cipher, r.confirmed_at FROM representative r
    JOIN enterprise e ON e.id = r.enterprise_id WHERE r.citizen_id = $1 AND r.ended_at IS NULL"""


async def bind(citizen_id: uuid.UUID, uscc: str, name: str, profile: bytes, source: str, now: datetime) -> uuid.UUID:
    """Write that the register confirmed a representative; whoever had the role before loses it. Idempotent.

    The enterprise's row is written first: it orders those who bind the same enterprise at once.
    """
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            """INSERT INTO enterprise (id, created_at, uscc, name, profile_cipher) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (uscc) DO UPDATE SET name = excluded.name, profile_cipher = excluded.profile_cipher
               RETURNING id""",
            new_id(),
            now,
            uscc,
            name,
            profile,
        )
        assert row is not None
        enterprise_id: uuid.UUID = row["id"]
        await tx.execute(
            "UPDATE representative SET ended_at = $3 WHERE enterprise_id = $1 AND citizen_id <> $2"
            " AND ended_at IS NULL",
            enterprise_id,
            citizen_id,
            now,
        )
        await tx.execute(
            """INSERT INTO representative (id, created_at, enterprise_id, citizen_id, source, confirmed_at)
               VALUES ($1, $2, $3, $4, $5, $2)
               ON CONFLICT (enterprise_id, citizen_id) WHERE ended_at IS NULL
               DO UPDATE SET confirmed_at = excluded.confirmed_at, source = excluded.source""",
            new_id(),
            now,
            enterprise_id,
            citizen_id,
            source,
        )
        return enterprise_id


async def find_profile(uscc: str) -> bytes | None:
    """Return the stored archive of an enterprise, if there is one."""
    row = await db.fetch_row("SELECT profile_cipher FROM enterprise WHERE uscc = $1", uscc)
    return None if row is None else row["profile_cipher"]


async def find_enterprise(enterprise_id: uuid.UUID) -> Row | None:
    """Return an enterprise."""
    return await db.fetch_row("SELECT id, uscc, name, profile_cipher FROM enterprise WHERE id = $1", enterprise_id)


async def list_represented(citizen_id: uuid.UUID) -> Sequence[Row]:
    """Return the enterprises whose representative a citizen is, the latest first, also where the proof is old."""
    return await db.fetch_all(f"{_ROLE} ORDER BY r.id DESC", citizen_id)


async def find_represented(citizen_id: uuid.UUID, uscc: str) -> Row | None:
    """Return one of them by its code."""
    return await db.fetch_row(f"{_ROLE} AND e.uscc = $2", citizen_id, uscc)


async def find_role(citizen_id: uuid.UUID, enterprise_id: uuid.UUID, confirmed_after: datetime) -> Row | None:
    """Return an enterprise whose representative the citizen is, by a proof that is not too old."""
    return await db.fetch_row(
        f"{_ROLE} AND r.enterprise_id = $2 AND r.confirmed_at > $3", citizen_id, enterprise_id, confirmed_after
    )


async def replace_profile(enterprise_id: uuid.UUID, profile: bytes) -> None:
    """Replace the archive of an enterprise. Idempotent."""
    await db.execute("UPDATE enterprise SET profile_cipher = $2 WHERE id = $1", enterprise_id, profile)


async def end_role(citizen_id: uuid.UUID, uscc: str, now: datetime) -> bool:
    """End the caller's role and every authorisation of the enterprise with it. False where there was no role."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            """UPDATE representative r SET ended_at = $3 FROM enterprise e
               WHERE e.id = r.enterprise_id AND e.uscc = $2 AND r.citizen_id = $1 AND r.ended_at IS NULL
               RETURNING r.enterprise_id""",
            citizen_id,
            uscc,
            now,
        )
        if row is None:
            return False
        ended = await tx.fetch_all(
            """UPDATE mandate SET revoked_at = $2 WHERE principal_enterprise_id = $1 AND revoked_at IS NULL
               AND declined_at IS NULL RETURNING mandate_no, agent_id""",
            row["enterprise_id"],
            now,
        )
        tx.emit(*(_revoked(mandate, now) for mandate in ended if mandate["agent_id"] is not None))
        return True


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID, now: datetime) -> None:
    """Give the roles of a merged citizen to the survivor; one that the survivor has already ends. Idempotent."""
    async with db.transaction() as tx:
        await tx.execute(
            """UPDATE representative r SET ended_at = $3 WHERE citizen_id = $1 AND ended_at IS NULL AND EXISTS (
                   SELECT 1 FROM representative o WHERE o.enterprise_id = r.enterprise_id AND o.citizen_id = $2
                   AND o.ended_at IS NULL)""",
            from_citizen_id,
            into_citizen_id,
            now,
        )
        await tx.execute(
            "UPDATE representative SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id
        )


def _revoked(mandate: Row, now: datetime) -> DomainEvent:
    return DomainEvent(
        name="mandate.revoked", subject_no=mandate["mandate_no"], citizen_id=mandate["agent_id"].hex, occurred_at=now
    )
