"""The stock of subscription permissions: what comes in by the phone and by the platform, what goes out by sending."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app import db
from app.events import DomainEvent
from app.ids import new_id
from notify.neutral import PermissionChange

PAIRING_SECONDS = 600
"""The phone and the platform both tell of one consent; within this time their two words count as one."""
MOST_IN_STOCK = 100
"""Of one person and template: nobody is told so often, and a phone may report what it likes."""


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
    provider: str, event_key: str, occurred_at: datetime, reference_no: str, grants: Sequence[Grant], sealed: str = ""
) -> bool:
    """Write what the platform pushed, with its inbox row; False when that event was there. Idempotent.

    What a person wrote goes on, encrypted, as `platform.message_received` to the room that answers.
    """
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
            if sealed:
                tx.emit(
                    DomainEvent(
                        name="platform.message_received",
                        subject_no=event_key[:64],
                        occurred_at=occurred_at,
                        facts={"sealed": sealed},
                    )
                )
    return row is not None


async def void_all(identity_id: uuid.UUID, at: datetime) -> int:
    """Void all permissions that an identity gave before a moment. Idempotent. Returns how many."""
    return await db.execute(
        "UPDATE subscription SET status = 'VOID', changed_at = now() WHERE identity_id = $1 AND created_at <= $2"
        " AND status IN ('IN_STOCK', 'HELD')",
        identity_id,
        at,
    )


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
    """Add a permission, up to MOST_IN_STOCK; a long-term one is in stock once, however often the person agrees."""
    await tx.execute(
        f"INSERT INTO subscription (id, created_at, citizen_id, identity_id, channel, template_id, kind, status,"
        f" changed_at, {own}) SELECT $1, now(), $2, $3, $4, $5::varchar, $6::varchar, 'IN_STOCK', now(), now()"
        " WHERE CASE WHEN $6::varchar = 'LONG_TERM' THEN NOT EXISTS (SELECT 1 FROM subscription WHERE identity_id = $3"
        " AND template_id = $5 AND kind = 'LONG_TERM' AND status = 'IN_STOCK') ELSE (SELECT count(*) FROM subscription"
        " WHERE identity_id = $3 AND template_id = $5 AND status = 'IN_STOCK') < $7 END",
        new_id(),
        grant.citizen_id,
        grant.identity_id,
        grant.channel,
        grant.template_id,
        grant.kind,
        MOST_IN_STOCK,
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """A notice that needs a permission of one person for one template."""

    notice_id: uuid.UUID
    identity_id: uuid.UUID
    template_id: str


_HOLD = (
    # Sub-selects hide how many there are, so that permissions are looked up one by one however few the table holds.
    "WITH wish AS (SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::varchar[])) AS wish"
    " (notice_id, identity_id, template_id)), lasting AS (SELECT w.notice_id, min(s.id::text)::uuid AS id FROM wish w"
    " JOIN subscription s"
    " ON s.identity_id = w.identity_id AND s.template_id = w.template_id AND s.kind = 'LONG_TERM'"
    " AND s.status = 'IN_STOCK' GROUP BY w.notice_id),"
    " own AS (SELECT w.notice_id, min(s.id::text)::uuid AS id FROM wish w CROSS JOIN LATERAL (SELECT id FROM"
    " subscription WHERE notice_id = w.notice_id AND identity_id = w.identity_id AND template_id = w.template_id"
    " AND status = 'HELD' OFFSET 0) AS s GROUP BY w.notice_id),"
    " open AS (SELECT w.*, row_number() OVER (PARTITION BY identity_id, template_id ORDER BY notice_id) AS turn"
    " FROM wish w WHERE notice_id NOT IN (SELECT notice_id FROM lasting UNION ALL SELECT notice_id FROM own)),"
    # Exactly as many rows are locked as are needed, so that a batch beside this one finds the others.
    " free AS MATERIALIZED (SELECT s.id, g.identity_id, g.template_id FROM (SELECT identity_id, template_id,"
    " count(*) AS n FROM open GROUP BY identity_id, template_id) AS g CROSS JOIN LATERAL (SELECT id FROM subscription"
    " WHERE identity_id = g.identity_id AND template_id = g.template_id AND status = 'IN_STOCK'"
    " AND kind <> 'LONG_TERM' ORDER BY id LIMIT g.n FOR UPDATE SKIP LOCKED) AS s),"
    " given AS (SELECT open.notice_id, f.id FROM open JOIN (SELECT *, row_number()"
    " OVER (PARTITION BY identity_id, template_id ORDER BY id) AS turn FROM free) AS f"
    " USING (identity_id, template_id, turn)),"
    " held AS (UPDATE subscription s SET status = 'HELD', notice_id = given.notice_id, changed_at = now() FROM given"
    " WHERE s.id = given.id RETURNING s.notice_id, s.id)"
    " SELECT notice_id, id FROM held UNION ALL SELECT notice_id, id FROM own UNION ALL SELECT notice_id, id"
    " FROM lasting WHERE notice_id NOT IN (SELECT notice_id FROM own)"
)


async def hold_permissions(wishes: Sequence[Wish]) -> Mapping[uuid.UUID, uuid.UUID]:
    """Take a permission aside for each notice, in one statement; those without one are missing from the answer.

    A long-term one is not taken. Two notices never get the same one-time permission; a notice that comes again gets
    the one it holds already.
    """
    rows = await db.fetch_all(
        _HOLD,
        [wish.notice_id for wish in wishes],
        [wish.identity_id for wish in wishes],
        [wish.template_id for wish in wishes],
    )
    return {row["notice_id"]: row["id"] for row in rows}


async def release_permissions(tx: db.Transaction, permission_ids: Sequence[uuid.UUID]) -> None:
    """Put permissions back that were not used."""
    await tx.execute(
        "UPDATE subscription SET status = 'IN_STOCK', notice_id = NULL, changed_at = now()"
        " WHERE id = ANY ($1) AND status = 'HELD'",
        list(permission_ids),
    )


async def void_permissions(tx: db.Transaction, pairs: Sequence[tuple[uuid.UUID, str]]) -> None:
    """Throw away what is left for persons (identities) and templates: the platform says that there is nothing."""
    await tx.execute(
        "UPDATE subscription s SET status = 'VOID', changed_at = now() FROM (SELECT DISTINCT * FROM"
        " unnest($1::uuid[], $2::varchar[])) AS gone (identity_id, template_id) WHERE s.identity_id = gone.identity_id"
        " AND s.template_id = gone.template_id AND s.status IN ('IN_STOCK', 'HELD')",
        [identity_id for identity_id, _ in pairs],
        [template_id for _, template_id in pairs],
    )


async def stock_of(identity_id: uuid.UUID) -> Mapping[str, int]:
    """Return how many permissions an identity has in stock, by template."""
    rows = await db.fetch_all(
        "SELECT template_id, count(*) AS n FROM subscription WHERE identity_id = $1 AND status = 'IN_STOCK'"
        " GROUP BY template_id",
        identity_id,
    )
    return {row["template_id"]: row["n"] for row in rows}
