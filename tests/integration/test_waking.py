"""Job runners are woken after the commit, never by it: with a NOTIFY inside, writers of jobs commit one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from pgqueuer.domain.models import AnyEvent, TableChangedEvent
from pgqueuer.domain.settings import DBSettings

from app import db, jobs
from app.job_runner import JobRunner
from app.jobs import JobTable, NewJob

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def _heard(database: str) -> AsyncIterator[asyncio.Queue[str]]:
    link = await asyncpg.connect(database)
    messages: asyncio.Queue[str] = asyncio.Queue()
    await link.add_listener(DBSettings().channel, lambda *told: messages.put_nowait(str(told[-1])))
    yield messages
    await link.close()


async def test_commit_of_a_job_notifies_nobody_by_itself(database: str) -> None:
    async with _heard(database) as messages, db.connection() as link:
        await jobs.write(link, [NewJob("work", b"{}")])
        await asyncio.sleep(0.2)
        assert messages.empty()


async def test_transaction_with_jobs_wakes_the_runners_once_it_is_committed(database: str) -> None:
    async with _heard(database) as messages:
        for number in range(3):
            async with db.transaction() as tx:
                tx.enqueue("work", {"n": number})
        told = AnyEvent.model_validate_json(await asyncio.wait_for(messages.get(), 30)).root
        assert isinstance(told, TableChangedEvent)


async def test_transaction_without_jobs_wakes_nobody(database: str) -> None:
    async with _heard(database) as messages:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO audit_head (id, seq, entry_hash) VALUES (2, 0, '')")
        await asyncio.sleep(0.2)
        assert messages.empty()


async def test_statement_with_jobs_wakes_the_runners(database: str) -> None:
    statement = f"WITH queued AS ({jobs.insert_of('SELECT $1::text, $2::bytea')}) SELECT 1 AS done"
    async with _heard(database) as messages:
        row = await db.write_row(statement, "work", b"{}")
        assert row is not None
        await asyncio.wait_for(messages.get(), 30)


async def test_runner_that_heard_nothing_finds_the_job_by_itself(database: str) -> None:
    done = asyncio.Event()

    async def work(_: Any) -> None:
        done.set()

    link = await asyncpg.connect(database)
    runner = JobRunner(JobTable({"work": work}, {}, {}), link)
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(0.5)
    async with db.connection() as other:
        await jobs.write(other, [NewJob("work", b"null")])
    await asyncio.wait_for(done.wait(), 30)
    runner.stop()
    await asyncio.wait_for(running, 30)
    await link.close()


async def test_closing_the_database_leaves_no_call_to_the_runners_behind(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def slow(sql: str) -> int:
        reached.set()
        await asyncio.sleep(30)
        return 0

    monkeypatch.setattr(db, "execute", slow)
    before = asyncio.all_tasks()
    async with db.transaction() as tx:
        tx.enqueue("work", {})
    await asyncio.wait_for(reached.wait(), 30)
    await db.stop()
    assert asyncio.all_tasks() - before == set()
