"""The simulators once a worker, and one stand after the other over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import pytest
from prometheus_client import REGISTRY

from tests.contract.couriers.stand import Stand
from tests.contract.couriers.stands import STANDS
from tests.contract.simulators.callback_sink import CallbackSink
from tests.contract.simulators.simulator_config import Keys
from tests.contract.simulators.simulator_process import Simulators


@pytest.fixture(scope="session")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulators]:
    """The simulators in a process of their own."""
    keys, sink = Keys(), CallbackSink()
    for role in ("merchant", "partner", "platform", "alipay_app", "alipay", "fiscal_app", "fiscal", "seal"):
        keys.make(role)
    keys.make("platform_certificate", certified=True)
    running = Simulators(tmp_path_factory.mktemp("couriers"), keys, sink)
    running.start()
    yield running
    running.stop()
    sink.close()


@pytest.fixture(params=sorted(STANDS))
async def stand(request: pytest.FixtureRequest, platforms: Simulators) -> AsyncIterator[Stand]:
    """A courier over its simulator, which is as at its first start."""
    platforms.control("POST", "/reset")
    platforms.sink.clear()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield STANDS[request.param](platforms, session)


@pytest.fixture
def counted(stand: Stand) -> Callable[[], float]:
    """How many unknown codes of this courier were counted since the test began."""

    def count() -> float:
        return REGISTRY.get_sample_value("sjt_unknown_codes_total", {"provider": stand.provider}) or 0

    before = count()
    return lambda: count() - before
