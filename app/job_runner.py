"""Running jobs: pgqueuer's runner over the tables of wiring, its own tables, and what happens to a job that fails.

A job that fails is run again with growing delay; one that has used up its tries is parked (`failed`) for an operator,
never dropped. An outage of others leaves it far more. Used by the worker and by migrations.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import structlog
from pgqueuer import PgQueuer
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence import qb
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job, Schedule
from pgqueuer.domain.settings import DBSettings

from app import metrics
from app.errors import ProviderRejected, ProviderUnavailable, SanjinError, ServiceUnavailable
from app.events import DomainEvent
from app.jobs import EVENT, REACTION, JobFunction, JobTable, NewJob, Sweep

MAX_ATTEMPTS = 12
OUTAGE_ATTEMPTS = 450
"""Tries of a job that fails because somebody else is away: three days of them at ten minutes' distance."""
HEARTBEAT = timedelta(seconds=10)
POLL = timedelta(seconds=1)
log = structlog.get_logger()

_builders = (qb.QueryBuilderEnvironment(), qb.QueryQueueBuilder(), qb.QuerySchedulerBuilder())


def queries(connection: asyncpg.Connection) -> Queries:
    """Return pgqueuer's statements over one raw connection."""
    return Queries(AsyncpgDriver(connection), *_builders)


_names = DBSettings()


async def install(connection: asyncpg.Connection) -> None:
    """Create or upgrade pgqueuer's tables. Idempotent.

    Its trigger is switched off: a transaction with a NOTIFY holds a lock of the whole server until its commit is on the
    disk, so that no two writers of jobs could commit together. `db` sends WAKE after the commit instead, and a runner
    that missed it looks by itself every POLL.
    """
    statements = queries(connection)
    if await statements.schema_is_installed():
        await statements.upgrade()
    else:
        await statements.install()
    await connection.execute(f"ALTER TABLE {_names.queue_table} DISABLE TRIGGER {_names.trigger}")


class JobRunner:
    """Runs waiting jobs and the scheduled sweeps of one process until told to stop."""

    def __init__(self, table: JobTable, connection: asyncpg.Connection) -> None:
        self._table = table
        self._queue = PgQueuer(connection=AsyncpgDriver(connection))
        self._reactions = {name: call for listed in table.reactions.values() for name, call in listed}
        functions: dict[str, JobFunction] = {EVENT: self._react, REACTION: self._react_once, **table.functions}
        for name, function in functions.items():
            self._queue.entrypoint(name, on_failure="hold", accepts_context=False)(_retrying(name, function))
        for name, (cron, sweep) in table.sweeps.items():
            self._queue.schedule(name, cron, accepts_context=False)(_swept(name, sweep))

    async def run(self) -> None:
        """Work until `stop`; a job of a killed runner comes back when its heartbeat is older than HEARTBEAT."""
        await self._queue.run(
            dequeue_timeout=POLL,
            batch_size=32,
            heartbeat_timeout=HEARTBEAT,
            shutdown_on_listener_failure=True,
        )

    def stop(self) -> None:
        """Finish what is running and return from `run`."""
        self._queue.shutdown.set()

    async def _react(self, payload: Any) -> None:
        """Call every reaction of an event; one that fails runs again alone, so that its fellows do not repeat."""
        event = msgspec.convert(payload, DomainEvent)
        failed = []
        for name, reaction in self._table.reactions.get(event.name, ()):
            try:
                await reaction(event)
            except Exception as error:  # noqa: BLE001  # the worker loop: one reaction must not stop the others
                metrics.JOBS.labels(name, "failed").inc()
                log.warning("reaction_failed", reaction=name, event_name=event.name, error=_described(error))
                failed.append(NewJob(REACTION, msgspec.json.encode({"reaction": name, "event": event}), 2))
        if failed:
            await self._queue.queries.enqueue(  # type: ignore[union-attr]  # set by PgQueuer itself
                [job.name for job in failed],
                [job.payload for job in failed],
                [0] * len(failed),
                [timedelta(seconds=job.delay_seconds) for job in failed],
            )

    async def _react_once(self, payload: Any) -> None:
        await self._reactions[payload["reaction"]](msgspec.convert(payload["event"], DomainEvent))


def _retrying(name: str, function: JobFunction) -> Callable[[Job], Awaitable[None]]:
    async def run(job: Job) -> None:
        try:
            await function(msgspec.json.decode(job.payload or b"null"))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.warning("job_failed", job=name, attempt=job.attempts, error=_described(error))
            is_last = job.attempts >= (OUTAGE_ATTEMPTS if _is_outage(error) else MAX_ATTEMPTS)
            metrics.JOBS.labels(name, "held" if is_last else "failed").inc()
            if is_last:
                raise
            raise RetryRequested(delay=_delay(job.attempts), reason=_described(error)) from error
        metrics.JOBS.labels(name, "done").inc()

    return run


def _is_outage(error: BaseException) -> bool:
    """Tell whether only somebody else's return is needed: no operator could do more than wait."""
    if isinstance(error, ProviderRejected):
        return error.retryable
    away = (ProviderUnavailable, ServiceUnavailable, OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
    return isinstance(error, away)


def _swept(name: str, sweep: Sweep) -> Callable[[Schedule], Awaitable[None]]:
    async def run(_: Schedule) -> None:
        try:
            await sweep()
        except Exception as error:  # noqa: BLE001  # the worker loop: a sweep comes again by its schedule
            metrics.JOBS.labels(name, "failed").inc()
            log.warning("sweep_failed", sweep=name, error=_described(error))
        else:
            metrics.JOBS.labels(name, "done").inc()

    return run


def _delay(attempts: int) -> timedelta:
    """Grow from 1 s to 10 min, with jitter so that failures of one moment do not come back together."""
    return timedelta(seconds=min(600.0, 2.0**attempts) * random.uniform(0.8, 1.2))


def _described(error: BaseException) -> str:
    return error.stable_code if isinstance(error, SanjinError) else type(error).__name__
