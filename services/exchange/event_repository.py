"""Queries of events for department systems: written in the order of the case, claimed one a case, settled."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app import db
from app.db import Row
from app.ids import new_id

DELIVER = "exchange.deliver"
"""Job: send what waits for one system."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event for a system; `content` is JSON text as it will be sent."""

    event_no: str
    kind: str
    subject_no: str
    content: str
    occurred_at: datetime


async def list_listeners(department_code: str, item_code: str) -> Sequence[Row]:
    """Return the systems that want events about cases of a department and item."""
    return await db.fetch_all(
        """SELECT id, code, created_at FROM department_system
           WHERE status = 'ACTIVE' AND event_url <> '' AND departments @> to_jsonb($1::text)
             AND (item_codes = '[]'::jsonb OR item_codes @> to_jsonb($2::text))""",
        department_code,
        item_code,
    )


async def list_former_listeners(department_code: str, subject_no: str) -> Sequence[Row]:
    """Return the systems of a department that were to hear of a case which is another's now."""
    return await db.fetch_all(
        """SELECT s.id, s.code, s.created_at FROM department_system s
           WHERE s.status = 'ACTIVE' AND s.event_url <> '' AND s.departments @> to_jsonb($1::text)
             AND (s.item_codes = '[]'::jsonb OR EXISTS (
                 SELECT 1 FROM system_event e WHERE e.system_id = s.id AND e.subject_no = $2))""",
        department_code,
        subject_no,
    )


async def known_events(system_id: uuid.UUID, subject_no: str) -> frozenset[str]:
    """Return the numbers of a case's events that are written already."""
    rows = await db.fetch_all(
        "SELECT event_no FROM system_event WHERE system_id = $1 AND subject_no = $2", system_id, subject_no
    )
    return frozenset(row["event_no"] for row in rows)


async def add_events(system_id: uuid.UUID, events: Sequence[NewEvent], at: datetime) -> None:
    """Write events with the job that sends them. Idempotent: yes, by their numbers."""
    async with db.transaction() as tx:
        await tx.execute_many(
            """INSERT INTO system_event (id, created_at, system_id, event_no, kind, subject_no, content, occurred_at,
                   status, attempts, next_try_at, last_error)
               VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, 'WAITING', 0, $2, '')
               ON CONFLICT (event_no) DO NOTHING""",
            [
                (new_id(), at, system_id, each.event_no, each.kind, each.subject_no, each.content, each.occurred_at)
                for each in events
            ],
        )
        tx.enqueue(DELIVER, system_id.hex, dedupe_key=f"{DELIVER}:{system_id.hex}")


async def claim(system_id: uuid.UUID, now: datetime, until: datetime) -> Row | None:
    """Take the next event that may go out, for a while: the oldest of its case, and its time has come."""
    return await db.fetch_row(
        """UPDATE system_event SET next_try_at = $3, first_tried_at = COALESCE(first_tried_at, $2)
           WHERE id = (
               SELECT e.id FROM system_event e
               WHERE e.system_id = $1 AND e.status = 'WAITING' AND e.next_try_at <= $2 AND NOT EXISTS (
                   SELECT 1 FROM system_event earlier WHERE earlier.system_id = e.system_id
                     AND earlier.subject_no = e.subject_no AND earlier.status IN ('WAITING', 'FAILED')
                     AND (earlier.occurred_at, earlier.id) < (e.occurred_at, e.id))
               ORDER BY e.next_try_at, e.id LIMIT 1 FOR UPDATE OF e SKIP LOCKED)
           RETURNING id, event_no, kind, content, attempts, first_tried_at,
               (SELECT s.code FROM department_system s WHERE s.id = $1) AS code,
               (SELECT s.event_url FROM department_system s WHERE s.id = $1 AND s.status = 'ACTIVE') AS url""",
        system_id,
        now,
        until,
    )


async def mark_sent(event_id: uuid.UUID, at: datetime) -> None:
    """Note that an event has arrived."""
    await db.execute(
        "UPDATE system_event SET status = 'SENT', sent_at = $2, attempts = attempts + 1, last_error = '' WHERE id = $1",
        event_id,
        at,
    )


async def mark_unsent(event_id: uuid.UUID, *, counts: bool, next_try_at: datetime, failed: bool, error: str) -> None:
    """Note that a try failed: it comes again then, or is given up.

    Args:
        counts: whether anything left us.
    """
    await db.execute(
        "UPDATE system_event SET status = $2, attempts = attempts + $3, next_try_at = $4, last_error = $5"
        " WHERE id = $1 AND status = 'WAITING'",
        event_id,
        "FAILED" if failed else "WAITING",
        int(counts),
        next_try_at,
        error[:200],
    )


async def list_waiting_systems(now: datetime) -> Sequence[uuid.UUID]:
    """Return the systems for which something waits whose time has come."""
    rows = await db.fetch_all(
        "SELECT DISTINCT system_id FROM system_event WHERE status = 'WAITING' AND next_try_at <= $1", now
    )
    return [row["system_id"] for row in rows]


async def count_by_status() -> Sequence[Row]:
    """Count what waits and what was given up, by system."""
    return await db.fetch_all(
        """SELECT s.code, wanted.status, count(e.id) AS count
           FROM department_system s CROSS JOIN (VALUES ('WAITING'), ('FAILED')) AS wanted (status)
           LEFT JOIN system_event e ON e.system_id = s.id AND e.status = wanted.status GROUP BY 1, 2"""
    )


async def list_unsent(limit: int) -> Sequence[Row]:
    """Return what was given up and what waits after a failed try, oldest first."""
    return await db.fetch_all(
        """SELECT e.event_no, s.code, e.kind, e.subject_no, e.status, e.attempts, e.last_error
           FROM system_event e JOIN department_system s ON s.id = e.system_id
           WHERE e.status = 'FAILED' OR (e.status = 'WAITING' AND e.attempts > 0)
           ORDER BY e.status, e.id LIMIT $1""",
        limit,
    )


async def requeue(event_no: str, at: datetime) -> bool:
    """Let an event that was given up go out again, with a whole day of tries."""
    row = await db.fetch_row(
        "UPDATE system_event SET status = 'WAITING', next_try_at = $2, first_tried_at = NULL"
        " WHERE event_no = $1 AND status IN ('FAILED', 'SKIPPED') RETURNING id",
        event_no,
        at,
    )
    return row is not None


async def skip(event_no: str) -> bool:
    """Leave out an event, so that the later ones of its case go out."""
    row = await db.fetch_row(
        "UPDATE system_event SET status = 'SKIPPED', sent_at = now()"
        " WHERE event_no = $1 AND status IN ('FAILED', 'WAITING') RETURNING id",
        event_no,
    )
    return row is not None


async def forget_sent(before: datetime) -> int:
    """Delete events that arrived long ago."""
    return await db.execute("DELETE FROM system_event WHERE status IN ('SENT', 'SKIPPED') AND sent_at < $1", before)
