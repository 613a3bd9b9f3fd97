"""The job runner process: its beat is the truth about it, and it outlives the connection it works on."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from app import db, worker
from app.jobs import JobTable
from app.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats and repeats in tenths of a second."""
    monkeypatch.setattr(worker, "_BEAT_SECONDS", 0.1)
    monkeypatch.setattr(worker, "_AGAIN_SECONDS", 0.1)


async def _beats() -> list[Any]:
    return [row["beat_at"] for row in await db.fetch_all("SELECT beat_at FROM runner_beat")]


async def _until_beating() -> None:
    async with asyncio.timeout(30):
        while not await _beats():
            await asyncio.sleep(0.05)


def _house() -> Any:
    return SimpleNamespace(job_table=JobTable({}, {}, {}))


async def test_beats_while_it_runs_and_takes_its_beat_back_when_it_stops(database: str) -> None:
    stopping = asyncio.Event()
    running = asyncio.create_task(worker._run_once(Settings(database_url=database), _house(), stopping))
    await _until_beating()
    before = (await _beats())[0]
    async with asyncio.timeout(30):
        while (await _beats())[0] == before:
            await asyncio.sleep(0.05)
    stopping.set()
    async with asyncio.timeout(30):
        await running
    assert await _beats() == []


async def test_a_runner_without_its_connection_beats_no_more(database: str) -> None:
    stopping = asyncio.Event()
    running = asyncio.create_task(worker._run_once(Settings(database_url=database), _house(), stopping))
    await _until_beating()
    await db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND query NOT LIKE '%runner_beat%'"
    )
    async with asyncio.timeout(30):
        await running
    assert await _beats() == []
    await asyncio.sleep(0.3)
    assert await _beats() == []


async def test_waiting_for_the_database_leaves_no_task_behind(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(worker.asyncpg, "connect", refused)
    monkeypatch.setattr(worker, "_AGAIN_SECONDS", 0.01)
    stopping, before = asyncio.Event(), len(asyncio.all_tasks())
    for _ in range(5):
        await worker._run_once(Settings(database_url=database), _house(), stopping)
    assert len(asyncio.all_tasks()) == before


async def test_no_beat_while_the_database_takes_no_runner(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(worker.asyncpg, "connect", refused)
    await worker._run_once(Settings(database_url=database), _house(), asyncio.Event())
    assert await _beats() == []
