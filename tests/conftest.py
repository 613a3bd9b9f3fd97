"""Shared by all tests: one PostgreSQL and one Redis per run, a migrated template database, a guard on the network.

The first process of a run (the xdist controller, or pytest itself) starts the servers and names them in the
environment; workers clone the template and empty their clones, so every test that asks for `database` has a fresh one.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from app import db
from app.crypto import FieldCipher
from app.embedded import EmbeddedPostgres, EmbeddedRedis, database_url
from app.migrate import migrate

ROOT = Path(__file__).parent.parent
_SERVER, _REDIS = "SJT_TEST_SERVER_URL", "SJT_TEST_REDIS_URL"
TEMPLATE = "sjt_template"
# How long an example takes says more about what else the machine does than about the house.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
_running: list[Any] = []
_connect = asyncpg.connect
"""Kept from tests that take the database away."""
_TOO_LATE_SECONDS = 15.0
_TEST_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers of the run, once, in its first process."""
    if os.environ.get(_SERVER) or config.option.collectonly:
        return
    # A run that is told to end, by a time-out for one, stops its servers as at Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="sjt-test-"))
    postgres, redis = EmbeddedPostgres(folder, _TEST_OPTIONS), EmbeddedRedis(folder)
    _running.extend([postgres, redis, folder])
    os.environ[_SERVER], os.environ[_REDIS] = postgres.start(), redis.start()
    asyncio.run(_make_template(os.environ[_SERVER]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep together what shares a running product."""
    from tests import together

    return together.scheduler(config, log)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this process started."""
    if _running:
        postgres, redis, folder = _running
        _running.clear()
        postgres.stop()
        redis.stop()
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ[_SERVER], os.environ[_REDIS]


async def _make_template(server_url: str) -> None:
    link = await _connect(server_url)
    await link.execute(f"CREATE DATABASE {TEMPLATE}")
    await link.close()
    await migrate(database_url(server_url, TEMPLATE))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin no test in the last seconds of a day, in Beijing or in UTC: what it asks for would be of the next one."""
    for midnight in (16 * 3600, 0):
        left_seconds = (midnight - time.time()) % 86_400
        if left_seconds < _TOO_LATE_SECONDS:
            time.sleep(left_seconds + 0.1)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """Fail any test that talks to another machine."""
    original = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(("127.", "::1")):
            raise AssertionError(f"test talks to {address[0]}")
        original(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = original  # type: ignore[method-assign]


@asynccontextmanager
async def cloned_database() -> AsyncIterator[str]:
    """Give the URL of a database as migrations leave it: one that an earlier test has left and was emptied, else a
    fresh clone of the template."""
    server = os.environ[_SERVER]
    name = _left.pop() if _left else await _cloned(server)
    yield database_url(server, name)
    if await _is_as_new(database_url(server, name)):
        _left.append(name)
    else:
        await _drop(server, name)


_left: list[str] = []
"""Databases of this process that are as new; the server that holds them ends with the run."""


async def _cloned(server: str) -> str:
    name = f"t_{uuid.uuid4().hex}"
    link = await _connect(server)
    await link.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    await link.close()
    if not _template:
        link = await _connect(database_url(server, name))
        _template.update(await _described(link))
        TEMPLATE_ROWS.update(_template["rows"])
        await link.close()
    return name


async def _drop(server: str, name: str) -> None:
    link = await _connect(server)
    await link.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await link.close()


TEMPLATE_ROWS: dict[str, list[tuple[Any, ...]]] = {}
"""What migrations themselves write, by table; filled with the first clone."""
_template: dict[str, Any] = {}
_SHAPE = """SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
    SELECT c.relname || ':' || c.relkind::text || ':' || coalesce(c.reloptions::text, '') || ':' || (
        SELECT coalesce(string_agg(a.attname || a.atttypid::text || a.attnotnull::text, ',' ORDER BY a.attnum), '')
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) AS line
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    UNION ALL SELECT 'trigger:' || tgname || tgenabled::text FROM pg_trigger
    UNION ALL SELECT 'constraint:' || conname FROM pg_constraint
    UNION ALL SELECT 'function:' || proname || md5(prosrc) FROM pg_proc WHERE oid >= 16384) lines"""
_TABLES = """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = 'public' ORDER BY c.relname"""


async def _described(link: asyncpg.Connection) -> dict[str, Any]:
    """Return the shape of a database, the question which tables hold rows, and the rows of those that do."""
    tables = [row["relname"] for row in await link.fetch(_TABLES)]
    question = " UNION ALL ".join(f"(SELECT '{table}' AS name FROM \"{table}\" LIMIT 1)" for table in tables)
    seeded = [row["name"] for row in await link.fetch(question)]
    rows = {table: [tuple(row) for row in await link.fetch(f'SELECT * FROM "{table}"')] for table in seeded}
    return {"shape": await link.fetchval(_SHAPE), "question": question, "rows": rows}


async def _is_as_new(url: str) -> bool:
    """Empty a database that a test has used; False where it cannot be made as new that way."""
    link = await _connect(url)
    try:
        await link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        if await link.fetchval(_SHAPE) != _template["shape"]:
            return False
        used = [row["name"] for row in await link.fetch(_template["question"])]
        changed = [
            table
            for table in used
            if table not in _template["rows"]
            or [tuple(row) for row in await link.fetch(f'SELECT * FROM "{table}"')] != _template["rows"][table]
        ]
        if changed:
            await link.execute(f"TRUNCATE {', '.join(changed)}")
        for table in _template["rows"]:
            if table in changed or table not in used:
                rows = _template["rows"][table]
                await link.copy_records_to_table(table, records=rows)
        return True
    except asyncpg.PostgresError:
        return False
    finally:
        await link.close()


@pytest.fixture
async def database_name() -> AsyncIterator[str]:
    """A fresh clone for one test; its URL."""
    async with cloned_database() as url:
        yield url


@pytest.fixture
async def database(database_name: str) -> AsyncIterator[str]:
    """The same, with app.db opened on it in this process."""
    await db.start(database_name)
    yield database_name
    await db.stop()


@pytest.fixture
async def every_model(database_name: str) -> AsyncIterator[str]:
    """The same with the models of all tables, also of those that no running process asks through the ORM."""
    await db.start(database_name, models=db.MODELS)
    yield database_name
    await db.stop()


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The run's Redis, one logical database per worker."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return f"{os.environ[_REDIS]}?db={int(worker) % 16}"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """An empty Redis."""
    client = Redis.from_url(redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
def cipher() -> FieldCipher:
    """A field cipher with throw-away keys."""
    return FieldCipher({"test": secrets.token_bytes(32)}, secrets.token_bytes(32))
