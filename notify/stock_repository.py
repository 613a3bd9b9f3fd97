"""The stock of subscription permissions: what comes in by the phone and by the platform, what goes out by sending."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app import db
from app.ids import new_id
from notify.neutral import PermissionChange

PAIRING_SECONDS = 600
"""The phone and the platform both tell of one consent; within this time their two words count as one."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person decided about one template."""

    citizen_id: uuid.UUID
    identity_id: uuid.UUID
    channel: str
    template_id: str
    kind: str
    change: PermissionChange


async def record_report(grants: Sequence[Grant]) -> None:
    """Write what the phone reported, in one transaction."""
    async with db.transaction() as tx:
        for grant in grants:
            await _apply(tx, grant, "reported_at", "pushed_at")


async def record_push(
    provider: str, event_key: str, occurred_at: datetime, reference_no: str, grants: Sequence[Grant]
) -> bool:
    """Write what the platform pushed, with its inbox row; False when that event was there. Idempotent."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "INSERT INTO inbox_event (id, occurred_at, received_at, provider, event_key, reference_no, outcome)"
            " VALUES ($1, $2, now(), $3, $4, $5, 'APPLIED') ON CONFLICT (provider, event_key, occurred_at) DO NOTHING"
            " RETURNING id",
            new_id(),
            occurred_at,
            provider,
            event_key,
            reference_no[:64],
        )
        if row is not None:
            for grant in grants:
                await _apply(tx, grant, "pushed_at", "reported_at")
    return row is not None


async def _apply(tx: db.Transaction, grant: Grant, own: str, other: str) -> None:
    if grant.change is PermissionChange.WITHDRAWN:
        await tx.execute(
            "UPDATE subscription SET status = 'VOID', changed_at = now() WHERE identity_id = $1 AND template_id = $2"
            " AND status IN ('IN_STOCK', 'HELD')",
            grant.identity_id,
            grant.template_id,
        )
    elif grant.change is PermissionChange.GRANTED:
        paired = await tx.execute(
            f"UPDATE subscription SET {own} = now() WHERE id = (SELECT id FROM subscription WHERE identity_id = $1"
            f" AND template_id = $2 AND {own} IS NULL AND {other} > now() - make_interval(secs => $3)"
            " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)",
            grant.identity_id,
            grant.template_id,
            PAIRING_SECONDS,
        )
        if not paired:
            await _insert(tx, grant, own)


async def _insert(tx: db.Transaction, grant: Grant, own: str) -> None:
    """Add a permission; a long-term one is in stock once, however often the person agrees."""
    await tx.execute(
        f"INSERT INTO subscription (id, created_at, citizen_id, identity_id, channel, template_id, kind, status,"
        f" changed_at, {own}) SELECT $1, now(), $2, $3, $4, $5::varchar, $6::varchar, 'IN_STOCK', now(), now()"
        " WHERE $6::varchar <> 'LONG_TERM' OR NOT EXISTS (SELECT 1 FROM subscription WHERE identity_id = $3"
        " AND template_id = $5 AND kind = 'LONG_TERM' AND status = 'IN_STOCK')",
        new_id(),
        grant.citizen_id,
        grant.identity_id,
        grant.channel,
        grant.template_id,
        grant.kind,
    )


async def hold_permission(identity_id: uuid.UUID, template_id: str, notice_id: uuid.UUID) -> uuid.UUID | None:
    """Take a permission aside for a notice; None when none is in stock.

    A long-term one is not taken. Two notices never get the same one-time permission; a notice that comes again gets
    the one it holds already.
    """
    long_term = await db.fetch_row(
        "SELECT id FROM subscription WHERE identity_id = $1 AND template_id = $2 AND kind = 'LONG_TERM'"
        " AND status = 'IN_STOCK' LIMIT 1",
        identity_id,
        template_id,
    )
    if long_term is not None:
        return uuid.UUID(bytes=long_term["id"].bytes)
    row = await db.fetch_row(
        "UPDATE subscription SET status = 'HELD', notice_id = $3, changed_at = now() WHERE id = (SELECT id"
        " FROM subscription WHERE identity_id = $1 AND template_id = $2 AND (status = 'IN_STOCK'"
        " OR (status = 'HELD' AND notice_id = $3)) ORDER BY status, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id",
        identity_id,
        template_id,
        notice_id,
    )
    return None if row is None else uuid.UUID(bytes=row["id"].bytes)


async def consume_permission(permission_id: uuid.UUID) -> None:
    """Count a one-time permission as used; a long-term one stays."""
    await db.execute(
        "UPDATE subscription SET status = 'CONSUMED', changed_at = now() WHERE id = $1 AND status = 'HELD'",
        permission_id,
    )


async def release_permission(permission_id: uuid.UUID) -> None:
    """Put a permission back that was not used."""
    await db.execute(
        "UPDATE subscription SET status = 'IN_STOCK', notice_id = NULL, changed_at = now()"
        " WHERE id = $1 AND status = 'HELD'",
        permission_id,
    )


async def void_permissions(identity_id: uuid.UUID, template_id: str) -> None:
    """Throw away what is left for a person and template: the platform says that there is nothing."""
    await db.execute(
        "UPDATE subscription SET status = 'VOID', changed_at = now() WHERE identity_id = $1 AND template_id = $2"
        " AND status IN ('IN_STOCK', 'HELD')",
        identity_id,
        template_id,
    )


async def stock_of(identity_id: uuid.UUID) -> Mapping[str, int]:
    """Return how many permissions an identity has in stock, by template."""
    rows = await db.fetch_all(
        "SELECT template_id, count(*) AS n FROM subscription WHERE identity_id = $1 AND status = 'IN_STOCK'"
        " GROUP BY template_id",
        identity_id,
    )
    return {row["template_id"]: row["n"] for row in rows}
