"""Jobs as the runner works them off: failures come again, reactions repeat alone, hopeless ones held, all counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app import db, job_runner, metrics, upkeep
from app.errors import ProviderRejected, ProviderUnavailable
from app.events import DomainEvent
from app.job_runner import JobRunner
from app.jobs import JobTable

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeats at once, and two tries in all."""
    monkeypatch.setattr(job_runner, "_delay", lambda _: timedelta(milliseconds=20))
    monkeypatch.setattr(job_runner, "MAX_ATTEMPTS", 1)


@asynccontextmanager
async def _running(database: str, table: JobTable) -> AsyncIterator[None]:
    connection = await asyncpg.connect(database)
    runner = JobRunner(table, connection)
    work = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        runner.stop()
        await asyncio.wait_for(work, 30)
        await connection.close()


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(40):
        while not await condition():
            await asyncio.sleep(0.02)


def _counted(job: str, outcome: str) -> float:
    return float(metrics.JOBS.labels(job, outcome)._value.get())


async def _enqueue(name: str, payload: Any = None) -> None:
    async with db.transaction() as tx:
        tx.enqueue(name, payload)


async def test_failed_job_comes_again_and_both_are_counted(database: str) -> None:
    calls: list[Any] = []

    async def once_bitten(payload: Any) -> None:
        calls.append(payload)
        if len(calls) == 1:
            raise ValueError("not yet")

    await _enqueue("test.shy", {"n": 1})
    async with _running(database, JobTable({"test.shy": once_bitten}, {}, {})):
        await _until(lambda: _is(lambda: _counted("test.shy", "done") == 1))
    assert calls == [{"n": 1}, {"n": 1}]
    assert _counted("test.shy", "failed") == 1


async def test_job_without_hope_is_held_for_an_operator(database: str) -> None:
    async def never(_: Any) -> None:
        raise ValueError("never")

    await _enqueue("test.hopeless")
    async with _running(database, JobTable({"test.hopeless": never}, {}, {})):
        await _until(lambda: _held("test.hopeless"))
    assert _counted("test.hopeless", "held") == 1
    assert _counted("test.hopeless", "done") == 0


async def test_outage_of_somebody_else_does_not_use_up_the_tries(database: str) -> None:
    calls: list[Any] = []

    async def waits_for_its_provider(payload: Any) -> None:
        calls.append(payload)
        if len(calls) < 6:
            raise (ProviderUnavailable, ConnectionResetError, TimeoutError)[len(calls) % 3]

    await _enqueue("test.patient")
    async with _running(database, JobTable({"test.patient": waits_for_its_provider}, {}, {})):
        await _until(lambda: _is(lambda: _counted("test.patient", "done") == 1))
    assert len(calls) == 6


async def test_outage_without_end_is_held_at_last(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runner, "OUTAGE_ATTEMPTS", 3)

    async def away(_: Any) -> None:
        raise ProviderRejected(provider="sf", provider_code="A1005", retryable=True)

    await _enqueue("test.away")
    async with _running(database, JobTable({"test.away": away}, {}, {})):
        await _until(lambda: _held("test.away"))
    assert _counted("test.away", "failed") == 3


async def test_failed_reaction_repeats_without_its_fellows(database: str) -> None:
    calls: Counter[str] = Counter()

    async def good(_: DomainEvent) -> None:
        calls["good"] += 1

    async def shy(_: DomainEvent) -> None:
        calls["shy"] += 1
        if calls["shy"] == 1:
            raise ValueError("not yet")

    async with db.transaction() as tx:
        tx.emit(DomainEvent(name="thing.happened", subject_no="1"))
    table = JobTable({}, {"thing.happened": [("test.shy_reaction", shy), ("test.good_reaction", good)]}, {})
    async with _running(database, table):
        await _until(lambda: _is(lambda: calls["shy"] == 2))
    assert calls == {"good": 1, "shy": 2}
    assert _counted("test.shy_reaction", "failed") == 1


async def test_failed_sweep_is_counted_and_comes_again(database: str) -> None:
    swept = asyncio.Event()

    async def sweep() -> None:
        if _counted("test.sweep", "failed") == 0:
            raise ValueError("not yet")
        swept.set()

    async with _running(database, JobTable({}, {}, {"test.sweep": ("* * * * * */1", sweep)})):
        await asyncio.wait_for(swept.wait(), 40)
    assert _counted("test.sweep", "failed") == 1


async def test_log_of_finished_jobs_is_forgotten_after_a_week(database: str) -> None:
    for days in (8, 6):
        await db.execute(
            "INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint)"
            " VALUES (now() - make_interval(days => $1), $1, 'successful', 0, 'test.logged')",
            days,
        )
    await upkeep.forget_job_log()
    assert len(await db.fetch_all("SELECT 1 FROM pgqueuer_log")) == 1


async def _is(condition: Callable[[], bool]) -> bool:
    return condition()


async def _held(name: str) -> bool:
    return await db.fetch_row("SELECT 1 FROM pgqueuer WHERE entrypoint = $1 AND status = 'failed'", name) is not None
