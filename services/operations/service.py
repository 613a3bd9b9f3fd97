"""The door of the operations room: health of providers, the job queue with what may be done to parked jobs.

Administrators act, auditors look. Called by handlers only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app import clock, db, job_queue
from app.db import Row
from app.errors import FieldFault, InvalidRequest, NotFound
from services.operations import repository
from services.operations.ports import Audit, Breakers
from services.operations.types import (
    FailedJob,
    FailedJobs,
    JobCount,
    ProviderDetail,
    ProviderHealthView,
    ProviderHour,
    ProviderList,
    QueueView,
    SweepView,
)
from services.staff.types import Act, Role, StaffCaller

JOBS = "jobs"
"""The topic of pages that show the queue."""
_READERS = (Role.ADMINISTRATOR, Role.AUDITOR)
_GRAVITY = ("OPEN", "HALF_OPEN")


class OperationsService:
    """Use cases of those who keep the house running."""

    def __init__(self, breakers: Breakers, audit: Audit, announce: Callable[[str], Awaitable[None]]) -> None:
        self._breakers = breakers
        self._audit = audit
        self._announce = announce

    async def providers(self, caller: StaffCaller) -> ProviderList:
        """Show how every provider is doing. Raises: Forbidden `role_required`."""
        caller.require_role(*_READERS)
        states = await self._breakers.breakers()
        rows = await repository.health(self._breakers.names, clock.now())
        return ProviderList(data=[_health(row, _worst(states.get(row["provider"], []))) for row in rows])

    async def provider(self, caller: StaffCaller, name: str) -> ProviderDetail:
        """Show one provider with its last day. Raises: Forbidden `role_required`, NotFound."""
        listed = await self.providers(caller)
        found = next((one for one in listed.data if one.provider == name), None)
        if found is None:
            raise NotFound("没有这个服务商")
        hours = [
            ProviderHour(
                begins_at=clock.rfc3339(row["hour"]),
                succeeded=row["succeeded"],
                failed=row["failed"],
                refused=row["refused"],
            )
            for row in await repository.hours(name, clock.now())
        ]
        return ProviderDetail(health=found, hours=hours)

    async def queue(self, caller: StaffCaller) -> QueueView:
        """Show what the queue holds. Raises: Forbidden `role_required`."""
        caller.require_role(*_READERS)
        async with db.connection() as connection:
            counts = await job_queue.counts(connection)
            schedules = await job_queue.schedules(connection)
        return QueueView(
            runners=await repository.count_runners(),
            jobs=[
                JobCount(
                    job=one.name,
                    waiting=one.waiting,
                    running=one.running,
                    failed=one.failed,
                    oldest_seconds=one.oldest_seconds,
                )
                for one in counts
            ],
            sweeps=[
                SweepView(
                    sweep=str(one.entrypoint),
                    schedule=str(one.expression),
                    last_run_at=clock.rfc3339_or_none(one.last_run),
                    next_run_at=clock.rfc3339_or_none(one.next_run),
                    is_running=one.status == "picked",
                )
                for one in schedules
            ],
        )

    async def failed(self, caller: StaffCaller, job: str, offset: int, limit: int) -> FailedJobs:
        """List parked jobs, of one kind or all, the oldest first. Raises: Forbidden `role_required`."""
        caller.require_role(*_READERS)
        async with db.connection() as connection:
            found = await job_queue.parked(connection, job, offset, limit + 1)
        following = str(offset + limit) if len(found) > limit else None
        return FailedJobs(data=[_failed(one) for one in found[:limit]], next_cursor=following)

    async def requeue(self, caller: StaffCaller, job_id: int, address: str) -> None:
        """Have a parked job tried again. Raises: Forbidden `role_required`, NotFound, Conflict `job_waits_already`."""
        caller.require_role(Role.ADMINISTRATOR)
        async with db.transaction() as tx:
            found = await self._parked(tx, job_id)
            await job_queue.put_back(tx.connection, job_id)
            tx.wakes = True
            details = {"job": found.name, **found.facts}
            await self._audit.record(Act(caller.username, "job.requeued", "job", str(job_id), details, address), tx)
        await self._announce(JOBS)

    async def requeue_all(self, caller: StaffCaller, job: str, address: str) -> int:
        """Have the parked jobs of one kind tried again, a thousand at a time; returns how many.

        Raises: Forbidden `role_required`, NotFound, Conflict `job_waits_already`.
        """
        caller.require_role(Role.ADMINISTRATOR)
        async with db.transaction() as tx:
            count = await job_queue.put_all_back(tx.connection, job)
            if not count:
                raise NotFound("没有这类失败的任务，或同一任务已在队列中等待")
            tx.wakes = True
            act = Act(caller.username, "job.all_requeued", "job", job[:64], {"count": count}, address)
            await self._audit.record(act, tx)
        await self._announce(JOBS)
        return count

    async def discard(self, caller: StaffCaller, job_id: int, reason: str, address: str) -> None:
        """Throw a parked job away; the audit row says what it was for. Raises: Forbidden, NotFound, InvalidRequest."""
        caller.require_role(Role.ADMINISTRATOR)
        if not reason.strip():
            raise InvalidRequest(faults=(FieldFault("reason", "请填写原因"),))
        async with db.transaction() as tx:
            found = await self._parked(tx, job_id)
            await job_queue.throw_away(tx.connection, job_id)
            details = {"job": found.name, "error": found.error, **found.facts, "reason": reason.strip()}
            await self._audit.record(Act(caller.username, "job.discarded", "job", str(job_id), details, address), tx)
        await self._announce(JOBS)

    @staticmethod
    async def _parked(tx: db.Transaction, job_id: int) -> job_queue.Parked:
        found = await job_queue.find_parked(tx.connection, job_id)
        if found is None:
            raise NotFound("没有这个失败的任务，或已重新执行")
        return found


def _worst(states: list[str]) -> str:
    return next((state for state in _GRAVITY if state in states), "CLOSED")


def _health(row: Row, breaker: str) -> ProviderHealthView:
    return ProviderHealthView(
        provider=row["provider"],
        breaker=breaker,
        last_success_at=clock.rfc3339_or_none(row["last_success_at"]),
        last_failure_at=clock.rfc3339_or_none(row["last_failure_at"]),
        last_code=row["last_code"],
        calls_5=row["calls_5"],
        failed_5=row["failed_5"],
        calls_60=row["calls_60"],
        failed_60=row["failed_60"],
        refused_60=row["refused_60"],
        slowest_ms_60=row["slowest_ms_60"],
    )


def _failed(one: job_queue.Parked) -> FailedJob:
    return FailedJob(
        id=one.job_id,
        job=one.name,
        facts=one.facts,
        error=one.error,
        attempts=one.attempts,
        created_at=clock.rfc3339(one.created_at),
        failed_at=clock.rfc3339(one.failed_at),
    )
