"""What the job queue holds, for those who operate it: counts, parked jobs, putting back, throwing away.

pgqueuer's own statements over one connection, inside the caller's transaction where one is given. What a payload holds
may be personal: only harmless keys of it ever leave this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from app.errors import Conflict
from app.jobs import QUEUE, QUEUE_LOG

if TYPE_CHECKING:
    from pgqueuer.adapters.persistence.queries import Queries
    from pgqueuer.domain.models import Job, Schedule

MOST_AT_ONCE = 1_000
_HARMLESS = re.compile(r"[A-Za-z0-9._:\-]{1,64}")
_HARMLESS_KEYS = frozenset(
    "name reaction subject_no part application_no package_no bill_no out_trade_no out_refund_no shipment_no waybill_no"
    " licence_no campaign_no consultation_no notice_id campaign_id run_id event_no system_code template_code item_code"
    " occurred_at id".split()
)
_ERROR_CODE = re.compile(r"([a-z][a-z0-9_]{2,40}): ")


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked job in harmless words: which, what about, what went wrong as a type or a stable code."""

    job_id: int
    name: str
    facts: dict[str, str]
    error: str
    attempts: int
    created_at: datetime
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs of one kind by state, and the age of the oldest waiting one."""

    name: str
    waiting: int
    running: int
    failed: int
    oldest_seconds: int


def _statements(connection: asyncpg.Connection) -> Queries:
    # An API process that nobody asks about its jobs is spared the library: that are 7 MiB.
    from app.job_runner import queries

    return queries(connection)


async def counts(connection: asyncpg.Connection) -> list[Waiting]:
    """Count the jobs by kind and state."""
    statements = _statements(connection)
    found: dict[str, dict[str, int]] = {}
    for one in await statements.queue_size():
        states = found.setdefault(one.entrypoint, {})
        states[one.status] = states.get(one.status, 0) + one.count
    ages = {str(age.entrypoint): int(age.oldest_age_seconds) for age in await statements.queue_age()}
    return [
        Waiting(name, states.get("queued", 0), states.get("picked", 0), states.get("failed", 0), ages.get(name, 0))
        for name, states in sorted(found.items())
    ]


async def schedules(connection: asyncpg.Connection) -> list[Schedule]:
    """List the sweeps with when they ran and will run."""
    return sorted(await _statements(connection).peek_schedule(), key=lambda one: str(one.entrypoint))


async def parked(connection: asyncpg.Connection, name: str, offset: int, limit: int) -> list[Parked]:
    """List parked jobs, of one kind or all, the oldest first."""
    statements = _statements(connection)
    jobs = await statements.browse_queue(limit, offset, ["failed"], [name] if name else None)
    errors = await _errors(connection, jobs)
    return [_parked(job, errors) for job in jobs]


async def find_parked(connection: asyncpg.Connection, job_id: int) -> Parked | None:
    """Find a parked job, and keep it parked until the transaction ends."""
    if await connection.fetchrow(_HOLD, job_id) is None:
        return None
    statements = _statements(connection)
    job = await statements.queue_job_by_id(job_id)  # type: ignore[arg-type]  # a number is its number
    if job is None or job.status != "failed":
        return None
    return _parked(job, await _errors(connection, [job]))


async def put_back(connection: asyncpg.Connection, job_id: int) -> None:
    """Have a parked job tried again from its first try. Raises: Conflict `job_waits_already`."""
    await _requeue(connection, [job_id])


async def put_all_back(connection: asyncpg.Connection, name: str) -> int:
    """Have the parked jobs of one kind tried again, MOST_AT_ONCE at most; returns how many.

    Of those with one key a single one is, unless that waits already. Raises: Conflict `job_waits_already`.
    """
    ids = [row["id"] for row in await connection.fetch(_HOLD_ALL, name, MOST_AT_ONCE)]
    if ids:
        await _requeue(connection, ids)
    return len(ids)


async def _requeue(connection: asyncpg.Connection, ids: Sequence[int]) -> None:
    try:
        await _statements(connection).requeue_jobs(list(ids))  # type: ignore[arg-type]  # a number is its number
    except asyncpg.UniqueViolationError as error:
        raise Conflict("同一任务已在队列中等待，无须重新执行；可放弃此任务", code="job_waits_already") from error


async def throw_away(connection: asyncpg.Connection, job_id: int) -> None:
    """Take a parked job out of the queue for good; the queue's own log keeps its number. Idempotent."""
    statements = _statements(connection)
    job = await statements.queue_job_by_id(job_id)  # type: ignore[arg-type]  # a number is its number
    if job is not None and job.status == "failed":
        await statements.log_jobs([(job, "deleted", None)])


def _parked(job: Job, errors: Mapping[int, str]) -> Parked:
    return Parked(
        job_id=int(job.id),
        name=str(job.entrypoint),
        facts=harmless(job.payload),
        error=errors.get(int(job.id), ""),
        attempts=job.attempts,
        created_at=job.created,
        failed_at=job.updated,
    )


def harmless(payload: bytes | None) -> dict[str, str]:
    """Return those parts of a payload that name things and never people."""
    try:
        value = msgspec.json.decode(payload or b"null")
    except msgspec.DecodeError:
        return {}
    return _facts(value) if isinstance(value, dict) else {}


def _facts(value: dict[str, Any]) -> dict[str, str]:
    facts = {
        key: str(one)
        for key, one in value.items()
        if key in _HARMLESS_KEYS and isinstance(one, str | int) and _HARMLESS.fullmatch(str(one))
    }
    inner = value.get("event")
    return facts | _facts(inner) if isinstance(inner, dict) else facts


async def _errors(connection: asyncpg.Connection, jobs: Sequence[Job]) -> dict[int, str]:
    """Name the newest error of each job: its stable code, else its type. Its text may hold what nobody should read."""
    rows = await connection.fetch(_NEWEST_ERRORS, [job.id for job in jobs])
    return {row["job_id"]: _named(row["kind"] or "", row["message"] or "") for row in rows}


def _named(kind: str, message: str) -> str:
    code = _ERROR_CODE.match(message)
    return code[1] if code else kind


_HOLD = f"SELECT id FROM {QUEUE} WHERE id = $1 AND status = 'failed' FOR UPDATE"

_HOLD_ALL = f"""
SELECT id FROM {QUEUE} AS job WHERE entrypoint = $1 AND status = 'failed' AND (dedupe_key IS NULL OR NOT EXISTS (
    SELECT 1 FROM {QUEUE} AS twin WHERE twin.dedupe_key = job.dedupe_key
        AND (twin.status IN ('queued', 'picked') OR twin.status = 'failed' AND twin.id < job.id)))
ORDER BY id LIMIT $2 FOR UPDATE
"""

_NEWEST_ERRORS = f"""
SELECT wanted.id AS job_id, line.traceback ->> 'exception_type' AS kind,
       line.traceback ->> 'exception_message' AS message
FROM unnest($1::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT traceback FROM {QUEUE_LOG} WHERE job_id = wanted.id AND traceback IS NOT NULL
    ORDER BY created DESC LIMIT 1) AS line
"""
