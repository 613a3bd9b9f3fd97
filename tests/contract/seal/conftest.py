"""The seal adapter before the simulator, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from clients.rsa_keys import load_public_keys
from clients.seal.client import SealClient
from clients.seal.types import SealAccount
from clients.transport import Transport
from services.licences.adapters.seal import SealAdapter
from tests.contract.simulators.conftest import running_simulators, sim, simulator_keys
from tests.contract.simulators.simulator_process import Simulators

__all__ = ["running_simulators", "sim", "simulator_keys"]


class SealStand:
    """The adapter and its other side."""

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        self.sim, self.session = sim, session
        self.authority = self.adapter()

    def adapter(self, *, timeout_seconds: float = 10.0, **changes: Any) -> SealAdapter:
        """Make an adapter, also one with other credentials."""
        account: dict[str, Any] = {
            "base_url": self.sim.url("seal"),
            "app_id": "SJTSEALTEST",
            "secret": "z" * 32,
            "authority_keys": load_public_keys(self.sim.keys.public["seal"].encode()),
        }
        transport = Transport(self.session, "seal")
        return SealAdapter(SealClient(SealAccount(**(account | changes)), transport, timeout_seconds=timeout_seconds))

    async def arm(self, call: str, kind: str, times: int = 1, **more: object) -> None:
        """Arm a fault."""
        fault = {"provider": "seal", "call": call, "kind": kind, "times": times, **more}
        await asyncio.to_thread(self.sim.control, "POST", "/faults", fault)

    async def sealed(self) -> list[dict[str, Any]]:
        """Return what the authority has sealed."""
        listed: list[dict[str, Any]] = await asyncio.to_thread(self.sim.control, "GET", "/seal/statements")
        return listed


@pytest.fixture
async def stand(sim: Simulators) -> AsyncIterator[SealStand]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield SealStand(sim, session)
