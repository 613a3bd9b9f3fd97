"""The foundation on a real database: migrations agree with the models, jobs commit with their transaction."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.migrations.autodetector import MigrationAutodetector

from app import clock, db
from app.errors import ServiceUnavailable
from app.events import DomainEvent
from app.ids import new_id
from app.partitions import PARTITIONED, make_partitions

pytestmark = pytest.mark.anyio


async def test_migrations_from_empty_agree_with_models(every_model: str) -> None:
    config = db.tortoise_config(every_model)
    changes = await MigrationAutodetector(Tortoise.apps, config["apps"]).changes()
    assert [list(writer.operations) for writer in changes] == []


async def test_growing_tables_are_partitioned_by_month(database: str) -> None:
    rows = await db.fetch_all("SELECT relname::text AS name FROM pg_class WHERE relkind = 'p'")
    assert {row["name"] for row in rows} == set(PARTITIONED)
    parts = await db.fetch_all("SELECT count(*) AS n, inhparent::regclass::text AS t FROM pg_inherits GROUP BY 2")
    assert all(row["n"] >= 6 for row in parts if row["t"] in PARTITIONED)


async def test_the_first_statement_of_a_process_may_run_beside_a_transaction(database: str) -> None:
    await db.stop()
    await db.start(database)
    async with db.transaction():
        row = await db.fetch_row("SELECT 1 AS n")
    assert row is not None
    assert row["n"] == 1


async def test_job_of_rolled_back_transaction_is_not_written(database: str) -> None:
    async def write_and_fail() -> None:
        async with db.transaction() as tx:
            tx.emit(DomainEvent(name="thing.happened", subject_no="1"))
            await tx.execute("INSERT INTO audit_head (id, seq, entry_hash) VALUES (2, 0, '')")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        await write_and_fail()
    assert await db.fetch_row("SELECT 1 FROM pgqueuer") is None
    assert await db.fetch_row("SELECT 1 FROM audit_head WHERE id = 2") is None


async def test_job_with_waiting_twin_is_written_once(database: str) -> None:
    for _ in range(2):
        async with db.transaction() as tx:
            tx.enqueue("work", {"n": 1}, dedupe_key="work:1")
    row = await db.fetch_row("SELECT count(*) AS n FROM pgqueuer")
    assert row is not None
    assert row["n"] == 1


_STRAYED = (
    "INSERT INTO inbox_event (id, occurred_at, received_at, provider, event_key, reference_no, outcome)"
    " VALUES ($1, now(), now(), 'sf', $2, '', '')"
)


async def test_month_whose_rows_strayed_is_made_and_gets_them(database: str) -> None:
    """A service that stood still for months wrote into the default partition before the sweep came."""
    month = f"{clock.now():%Y%m}"
    async with db.connection() as connection:
        await connection.execute(f"DROP TABLE inbox_event_{month}")
        for number in range(3):
            await connection.execute(_STRAYED, new_id(), f"k{number}")
        assert await connection.fetchval("SELECT count(*) FROM inbox_event_default") == 3
        await make_partitions(connection)
        await make_partitions(connection)
        assert await connection.fetchval("SELECT count(*) FROM inbox_event_default") == 0
        assert await connection.fetchval(f"SELECT count(*) FROM inbox_event_{month}") == 3
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(
                "INSERT INTO inbox_event SELECT (e).* FROM (SELECT e FROM inbox_event e LIMIT 1) AS one"
            )


async def test_a_database_that_hangs_is_away_within_the_patience(database: str) -> None:
    assert await db.ping() == (1,)
    async with db.connection() as other:
        await other.execute("BEGIN; LOCK TABLE runner_beat IN ACCESS EXCLUSIVE MODE")
        for _ in range(40):
            with pytest.raises(ServiceUnavailable):
                await db.ping("SELECT max(beat_at) FROM runner_beat", 0.02)
        assert await db.ping() == (1,), "asking again and again uses up no connections"
        await other.execute("ROLLBACK")
    assert await db.ping("SELECT max(beat_at) FROM runner_beat") == (None,)


async def test_transactions_that_are_given_up_at_any_moment_give_their_connections_back(database: str) -> None:
    async def some_work() -> None:
        async with db.transaction() as tx:
            await tx.execute("SELECT 1")

    for ticks in [*range(60)] * 5:
        tasks = [asyncio.ensure_future(some_work()) for _ in range(6)]
        for _ in range(ticks):
            await asyncio.sleep(0)
        for task in tasks[:4]:
            task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(*tasks, return_exceptions=True)
