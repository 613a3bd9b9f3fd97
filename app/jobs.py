"""Jobs through pgqueuer in the same PostgreSQL: writing them inside the current transaction.

Jobs are at-least-once, so every job function is idempotent. They are run by job_runner.py; an API process, which only
writes them, is spared the library. Its table and channel are named here as that module finds them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg

from app.events import DomainEvent

EVENT = "event"
REACTION = "reaction"
QUEUE, QUEUE_LOG, CHANNEL = "pgqueuer", "pgqueuer_log", "ch_pgqueuer"

JobFunction = Callable[[Any], Awaitable[None]]
Reaction = Callable[[DomainEvent], Awaitable[None]]
Sweep = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to write: name of the job table, encoded payload, delay, and the key that makes it the only one waiting.

    Of those that wait, jobs of a higher priority are taken first; mass pushes stand below the 0 of everything else.
    """

    name: str
    payload: bytes
    delay_seconds: int = 0
    dedupe_key: str | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class JobTable:
    """What wiring knows about jobs.

    Attributes:
        functions: job name → coroutine of the decoded payload.
        reactions: event name → reactions, each (name, coroutine of the event).
        sweeps: sweep name → (cron expression, coroutine).
    """

    functions: Mapping[str, JobFunction]
    reactions: Mapping[str, Sequence[tuple[str, Reaction]]]
    sweeps: Mapping[str, tuple[str, Sweep]]


async def write(connection: asyncpg.Connection, new: Sequence[NewJob]) -> None:
    """Write jobs on this connection, in whatever transaction it has open.

    As pgqueuer's own `enqueue` with skipped conflicts, but without a second row for its log: of a job's life that says
    only that it began, as the job itself does.
    """
    await connection.execute(
        _WRITE,
        [job.priority for job in new],
        [job.name for job in new],
        [job.payload for job in new],
        [timedelta(seconds=job.delay_seconds) for job in new],
        [job.dedupe_key for job in new],
    )


_WRITE = f"""
INSERT INTO {QUEUE} (priority, entrypoint, payload, execute_after, dedupe_key, status)
SELECT priority, entrypoint, payload, now() + delay, dedupe_key, 'queued'
FROM unnest($1::int[], $2::text[], $3::bytea[], $4::interval[], $5::text[])
    AS job (priority, entrypoint, payload, delay, dedupe_key)
ON CONFLICT (dedupe_key) WHERE status IN ('queued', 'picked') AND dedupe_key IS NOT NULL DO NOTHING
"""


def insert_of(rows: str, priority: int = 0) -> str:
    """Return the INSERT that writes jobs out of `rows`, a SELECT of (name, payload) without any parameter of ours.

    For hot statements that change state and write their jobs in one round trip, run by `db.write_row`; `write` is for
    everything else.
    """
    return (
        f"INSERT INTO {QUEUE} (priority, entrypoint, payload, execute_after, status)"
        f" SELECT {priority:d}, job.name, job.payload, now(), 'queued' FROM ({rows}) AS job (name, payload)"
    )


WAKE = f"""
SELECT pg_notify('{CHANNEL}', json_build_object('channel', '{CHANNEL}', 'operation', 'insert',
       'sent_at', now(), 'table', '{QUEUE}', 'type', 'table_changed_event')::text)
"""
"""Tells waiting runners to look for jobs, as pgqueuer's trigger would."""
