"""Shared by all tests: one PostgreSQL and one Redis per run, a migrated template database, a guard on the network.

The first process of a run (the xdist controller, or pytest itself) starts the servers and names them in the
environment; workers clone the template, so every test that asks for `database` has a fresh one.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from app import db
from app.crypto import FieldCipher
from app.embedded import EmbeddedPostgres, EmbeddedRedis, database_url
from app.migrate import migrate

ROOT = Path(__file__).parent.parent
_SERVER, _REDIS = "SJT_TEST_SERVER_URL", "SJT_TEST_REDIS_URL"
TEMPLATE = "sjt_template"
_running: list[Any] = []
_TEST_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers of the run, once, in its first process."""
    if os.environ.get(_SERVER) or config.option.collectonly:
        return
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
    link = await asyncpg.connect(server_url)
    await link.execute(f"CREATE DATABASE {TEMPLATE}")
    await link.close()
    await migrate(database_url(server_url, TEMPLATE))


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
    """Give the URL of a fresh clone of the migrated template; it is dropped afterwards."""
    server = os.environ[_SERVER]
    name = f"t_{uuid.uuid4().hex}"
    link = await asyncpg.connect(server)
    await link.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    yield database_url(server, name)
    await link.execute(f"DROP DATABASE {name} WITH (FORCE)")
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
