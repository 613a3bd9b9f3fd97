"""The room over the simulated platforms: one process of simulators and one database for the tests of a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import asyncpg
import pytest

from app import db
from tests.conftest import cloned_database
from tests.contract.faults.house import RealHouse
from tests.contract.faults.platforms import Alipay, Fiscal, WeChat
from tests.contract.simulators.callback_sink import CallbackSink
from tests.contract.simulators.simulator_config import Keys
from tests.contract.simulators.simulator_process import Simulators


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulators]:
    """The simulators in their own process, with throw-away keys."""
    keys, sink = Keys(), CallbackSink()
    for role in ("merchant", "partner", "platform", "alipay_app", "alipay", "fiscal_app", "fiscal", "seal"):
        keys.make(role)
    keys.make("platform_certificate", certified=True)
    running = Simulators(tmp_path_factory.mktemp("faults"), keys, sink)
    running.start()
    yield running
    running.stop()
    sink.close()


@pytest.fixture(scope="module")
async def books() -> AsyncIterator[asyncpg.Connection]:
    """A database that the rows of the matrix use one after the other."""
    async with cloned_database() as url:
        await db.start(url)
        link = await asyncpg.connect(url)
        yield link
        await link.close()
        await db.stop()


@pytest.fixture
async def house(
    request: pytest.FixtureRequest, platforms: Simulators, books: asyncpg.Connection
) -> AsyncIterator[RealHouse]:
    """The room with one bill; platforms and books are empty otherwise."""
    platforms.control("POST", "/reset")
    platforms.sink.clear()
    await books.execute(
        "TRUNCATE bill, payment, refund, ledger_entry, inbox_event, quarantined_callback, fiscal_receipt, pgqueuer"
        " CASCADE"
    )
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        row, _ = request.node.callspec.params["case"]
        fiscal = Fiscal(platforms, session) if row.provider == "fiscal" else None
        house = RealHouse(WeChat(platforms, session), Alipay(platforms, session), fiscal)
        await house.begin()
        yield house
