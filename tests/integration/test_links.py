"""Connections handed on between statements: few, never broken ones, and all given back at the end."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from app import db
from app.links import Links, _is_alive

pytestmark = pytest.mark.anyio


async def _backend() -> int:
    row = await db.fetch_row("SELECT pg_backend_pid() AS pid")
    assert row is not None
    return int(row["pid"])


async def test_statements_in_a_row_share_one_connection(database: str) -> None:
    assert len({await _backend() for _ in range(5)}) == 1


def _links_are_open() -> bool:
    """Tell whether the closing of every idle connection has yet to be noticed."""
    return any(_is_alive(link) for link in db._opened[0]._idle)


async def test_connection_that_the_server_closed_is_not_used_again(database: str) -> None:
    pid = await _backend()
    async with db.connection() as other:
        await other.execute("SELECT pg_terminate_backend($1)", pid)
    async with asyncio.timeout(20):
        while _links_are_open():
            await asyncio.sleep(0.02)
    assert await _backend() != pid


async def test_failed_statement_leaves_a_working_connection(database: str) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await db.fetch_row("SELECT 1 FROM no_such_table")
    assert await db.fetch_row("SELECT 1 AS one") is not None


async def test_cancelled_statement_does_not_answer_the_next_one(database: str) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(db.fetch_row("SELECT pg_sleep(5), 'late' AS said"), 0.1)
        row = await db.fetch_row("SELECT 'next' AS said")
        assert row is not None
        assert row["said"] == "next"


async def test_many_statements_at_once_leave_connections_for_transactions(database: str) -> None:
    gate = await asyncpg.connect(database)
    await gate.execute("SELECT pg_advisory_lock(1)")
    crowd = [asyncio.create_task(db.fetch_row("SELECT pg_advisory_xact_lock_shared(1)")) for _ in range(60)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(20):
        await asyncio.gather(*(_in_transaction() for _ in range(8)))
    assert not any(task.done() for task in crowd)
    await gate.close()
    await asyncio.gather(*crowd)
    assert len(db._opened[0]._idle) == 16


async def test_crowd_is_served_in_its_order(database: str) -> None:
    served: list[int] = []

    async def ask(number: int) -> None:
        await db.fetch_row("SELECT pg_sleep(0.01)")
        served.append(number)

    await asyncio.gather(*(db.fetch_row("SELECT pg_sleep(0.3)") for _ in range(16)))
    await asyncio.gather(*(ask(number) for number in range(400)))
    assert set(served[:100]) <= set(range(200))
    assert set(served[-100:]) <= set(range(200, 400))


async def _in_transaction() -> None:
    async with db.transaction() as tx:
        await tx.fetch_row("SELECT pg_sleep(0.01)")


async def test_close_keeps_nothing_that_is_still_under_way(database: str) -> None:
    pool = await asyncpg.create_pool(database, min_size=1, max_size=2)
    links = Links(pool, 1)
    running = asyncio.create_task(links.run("fetchval", "SELECT 1 FROM pg_sleep(0.2)", ()))
    await asyncio.sleep(0.05)
    await links.close()
    assert await running == 1
    await asyncio.wait_for(pool.close(), 20)
