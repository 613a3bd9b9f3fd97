"""The fiscal platform twice, each with its other side: the adapter before the simulator, and the fake in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clients.fiscal.client import FiscalClient
from clients.fiscal.types import FiscalAccount
from clients.fiscal.wire import FiscalWire
from clients.rsa_keys import load_public_keys
from clients.transport import Transport
from payments.channels.fiscal import FiscalAdapter
from payments.fiscal.neutral import FiscalRefusal
from payments.fiscal.ports import FiscalPlatform
from tests.contract.simulators.conftest import running_simulators, sim, simulator_keys
from tests.contract.simulators.simulator_process import Simulators
from tests.fakes.fiscal_platform import FakeFiscalPlatform

__all__ = ["running_simulators", "sim", "simulator_keys"]


class Stand(Protocol):
    """A platform with its other side."""

    platform: FiscalPlatform

    async def hold(self) -> None: ...

    async def release(self) -> None: ...

    async def set_late_fee(self, payment_code: str, fen: int) -> None: ...

    async def pay_elsewhere(self, payment_code: str) -> None: ...

    async def lose_entry(self, reference_no: str) -> None: ...

    async def fail(self, call: str, kind: str, times: int = 1) -> None: ...


class FakeStand:
    """The fake is its own other side."""

    def __init__(self) -> None:
        self.fake = FakeFiscalPlatform()
        self.platform: FiscalPlatform = self.fake

    async def hold(self) -> None:
        self.fake.holds = True

    async def release(self) -> None:
        self.fake.release()

    async def set_late_fee(self, payment_code: str, fen: int) -> None:
        self.fake.grow_late_fee(payment_code, fen)

    async def pay_elsewhere(self, payment_code: str) -> None:
        self.fake.pay_elsewhere(payment_code)

    async def lose_entry(self, reference_no: str) -> None:
        self.fake.lost.add(reference_no)

    async def fail(self, call: str, kind: str, times: int = 1) -> None:
        self.fake.fail(call, kind, times, FiscalRefusal.OTHER)


class SimulatedStand:
    """The adapter, over real HTTP."""

    calls: Mapping[str, str] = {
        "issue": "notice/issue",
        "query": "notice/query",
        "void": "notice/void",
        "confirm": "payment/confirm",
        "receipt": "receipt/query",
        "reverse": "receipt/reverse",
        "list_day": "statement/list",
    }

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        self.sim, self.session = sim, session
        self.platform: FiscalPlatform = self.adapter()

    def account(self, app_id: str = "SJTTEST140000", region: str = "140000", code_length: int = 20) -> FiscalAccount:
        """Our access, as the simulator knows it."""
        key = load_pem_private_key(self.sim.keys.private["fiscal_app"].encode(), None)
        assert isinstance(key, RSAPrivateKey)
        return FiscalAccount(
            base_url=self.sim.url("fiscal"),
            app_id=app_id,
            region=region,
            private_key=key,
            platform_keys=load_public_keys(self.sim.keys.public["fiscal"].encode()),
            code_length=code_length,
        )

    def adapter(
        self,
        account: FiscalAccount | None = None,
        *,
        page_size: int = 2,
        timeout_seconds: float = 10.0,
        paid_status: str = "1",
    ) -> FiscalAdapter:
        """Make an adapter of the test's own."""
        transport = Transport(self.session, "fiscal")
        wire = FiscalWire(account or self.account(), transport, timeout_seconds=timeout_seconds)
        return FiscalAdapter(FiscalClient(wire, page_size=page_size), paid_status)

    async def control(self, method: str, path: str, body: object = None) -> object:
        """Call the control API of the simulator."""
        return await asyncio.to_thread(self.sim.control, method, path, body)

    async def hold(self) -> None:
        held = {"confirm_seconds": 600, "receipt_seconds": 600, "reverse_seconds": 600}
        await self.control("POST", "/fiscal/hold", held)

    async def release(self) -> None:
        await self.control("POST", "/fiscal/release")

    async def set_late_fee(self, payment_code: str, fen: int) -> None:
        await self.control("POST", f"/fiscal/bills/{payment_code}/late-fee", {"late_fee_fen": fen})

    async def pay_elsewhere(self, payment_code: str) -> None:
        await self.control("POST", f"/fiscal/bills/{payment_code}/pay-elsewhere", {})

    async def lose_entry(self, reference_no: str) -> None:
        await self.control("POST", "/fiscal/statement", {"lose": reference_no})

    async def arm(self, call: str, kind: str, times: int = 1, **more: object) -> None:
        """Arm a fault of the simulator."""
        fault = {"provider": "fiscal", "call": self.calls[call], "kind": kind, "times": times, **more}
        await self.control("POST", "/faults", fault)

    async def fail(self, call: str, kind: str, times: int = 1) -> None:
        words = {"before": "http", "after": "drop_after", "reject": "error"}
        # The transport tries a call three times before it gives up.
        tries = times if kind == "reject" else 3 * times
        await self.arm(call, words[kind], tries, code="NT7777" if kind == "reject" else "")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """One session, as wiring opens it."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened


@pytest.fixture
def simulated(sim: Simulators, session: aiohttp.ClientSession) -> SimulatedStand:
    """The adapter before the simulator."""
    return SimulatedStand(sim, session)


@pytest.fixture(params=["simulated", "fake"])
def stand(request: pytest.FixtureRequest) -> Stand:
    """Each implementation of the port."""
    if request.param == "fake":
        return FakeStand()
    found: SimulatedStand = request.getfixturevalue("simulated")
    return found
