"""Starts the simulators once per test process; every simulator contract test uses them through the `sim` fixture."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.simulators.callback_sink import CallbackSink
from tests.contract.simulators.pay_caller import PayClient
from tests.contract.simulators.simulator_config import Keys
from tests.contract.simulators.simulator_process import Simulators


@pytest.fixture(scope="session")
def simulator_keys() -> Keys:
    """Keys of the merchants, the platforms and the apps, made once."""
    keys = Keys()
    for role in ("merchant", "partner", "platform", "alipay_app", "alipay", "fiscal_app", "fiscal", "seal"):
        keys.make(role)
    keys.make("platform_certificate", certified=True)
    return keys


@pytest.fixture(scope="session")
def running_simulators(tmp_path_factory: pytest.TempPathFactory, simulator_keys: Keys) -> Iterator[Simulators]:
    """The process, started once for all simulator tests of this test worker."""
    sink = CallbackSink()
    simulators = Simulators(tmp_path_factory.mktemp("simulators"), simulator_keys, sink)
    simulators.start()
    yield simulators
    code, seconds = simulators.stop()
    sink.close()
    assert code == 0
    assert seconds < 2


@pytest.fixture
def sim(running_simulators: Simulators) -> Simulators:
    """The running simulators, reset to a first start, with an empty sink."""
    running_simulators.control("POST", "/reset")
    running_simulators.sink.clear()
    return running_simulators


@pytest.fixture
def own_simulators(tmp_path: Path, simulator_keys: Keys) -> Iterator[Simulators]:
    """Simulators of the test's own, not started yet, to stop and start again."""
    sink = CallbackSink()
    simulators = Simulators(tmp_path, simulator_keys, sink)
    yield simulators
    if simulators.process is not None and simulators.process.poll() is None:
        simulators.stop()
    sink.close()


@pytest.fixture
def pay(sim: Simulators) -> PayClient:
    """The direct merchant."""
    return PayClient(sim, "1900000001", "merchant")


@pytest.fixture
def partner(sim: Simulators) -> PayClient:
    """The service provider (服务商) with one sub-merchant."""
    return PayClient(sim, "1900000100", "partner")


@pytest.fixture
def pay_for() -> Callable[[Simulators], PayClient]:
    """Make the direct merchant's client for simulators of the test's own, once they run."""
    return lambda sim: PayClient(sim, "1900000001", "merchant")
