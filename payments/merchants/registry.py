"""Keeps this process's channels in step with the rows of merchant accounts and their secret files, without a restart.

Every API and job-runner process runs one. A lookup in the table stays a dict lookup; all work happens beside it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
import structlog

from app import clock, db, metrics
from payments.merchants import repository
from payments.merchants.ports import ChannelFactory, MadeChannel, UnusableMerchant
from payments.merchants.records import SETTINGS, Address, Merchant, PlatformKey
from payments.ports import ChannelTable
from payments.types import Channel

POLL_SECONDS = 5.0
_LEAST_SECONDS = 1.0
_PATIENCE_SECONDS = 20.0
_AWAY = (*db.AWAY, asyncpg.PostgresError)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Assembly:
    """What the stored accounts became: channels by code, and why some could not be made."""

    merchants: Mapping[str, Merchant] = field(default_factory=dict)
    made: Mapping[str, MadeChannel] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)


class Registry:
    """Loads accounts into a ChannelTable. Until the first load, and for what has no row, the settings' ones serve."""

    def __init__(self, channels: ChannelTable, factory: ChannelFactory) -> None:
        self._channels = channels
        self._of_settings = ChannelTable(channels.by_account, channels.by_address, channels.gateways)
        self._factory = factory
        self._stamp: object = None
        self._looked_at = float("-inf")
        self._generation = 0
        self._lock = asyncio.Lock()
        self._asked = asyncio.Event()
        self.present = Assembly()
        channels.missed = self._asked.set

    async def reload(self) -> bool:
        """Look whether anything was changed and take it over; tell whether it was. Raises what a lost database does."""
        async with self._lock:
            return await self._reload()

    async def look_again(self, *, patient: bool) -> bool:
        """Look because something was missing, at most once a second; tell whether anything has come.

        A database that is away has nothing to tell. Those who ask meanwhile wait for the one answer.

        Args:
            patient: wait where somebody has looked within this second; else that look must do.
        """
        before, asked_at = self._generation, clock.monotonic()
        with suppress(*_AWAY):
            wait_seconds = self._looked_at + _LEAST_SECONDS - asked_at
            if patient and wait_seconds > 0:
                await asyncio.sleep(wait_seconds)
            async with self._lock:
                is_due = clock.monotonic() - self._looked_at >= _LEAST_SECONDS
                if self._generation == before and self._looked_at < asked_at and is_due:
                    await self._reload()
        return self._generation != before

    async def run(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Look every POLL_SECONDS, and soon after a miss, until cancelled; `changed` is awaited after each change."""
        away = False
        while True:
            self._asked.clear()
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    if await self.reload():
                        await changed()
                away = False
            except _AWAY as error:
                if not away:
                    log.warning("merchants_not_loaded", error=type(error).__name__)
                away = True
            await asyncio.sleep(_LEAST_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), POLL_SECONDS - _LEAST_SECONDS)

    async def _reload(self) -> bool:
        self._looked_at = clock.monotonic()
        rows, references = await repository.current_stamp()
        stamp = (rows, await asyncio.to_thread(self._factory.stamp, [r for r in references if r != SETTINGS]))
        if stamp == self._stamp:
            return False
        merchants = await repository.list_merchants()
        self._take(await asyncio.to_thread(assemble, self._factory, merchants))
        self._stamp = stamp
        return True

    def _take(self, assembly: Assembly) -> None:
        """Put the new channels in the place of the old ones; no request is between them."""
        by_account, by_address = dict(self._of_settings.by_account), dict(self._of_settings.by_address)
        gateways = dict(self._of_settings.gateways)
        for code in sorted(assembly.made, key=lambda code: _rank(assembly.merchants[code]), reverse=True):
            made, address = assembly.made[code], assembly.merchants[code].address
            by_account[code] = made.channel
            by_address[address] = made.channel
            if made.gateway is not None and address[0] == Channel.ALIPAY:
                gateways[address[1]] = made.gateway
        self._channels.by_account, self._channels.by_address = by_account, by_address
        self._channels.gateways = gateways
        for code, reason in assembly.unusable.items():
            if self.present.unusable.get(code) != reason:
                log.error("merchant_unusable", account=code, reason=reason)
        metrics.UNUSABLE_MERCHANTS.set(len(assembly.unusable))
        self.present = assembly
        self._generation += 1


def assemble(factory: ChannelFactory, merchants: Sequence[Merchant]) -> Assembly:
    """Make every channel that can be made. An account believes the active keys of all accounts at its address,
    because they are one and the same contract with the provider. Blocking."""
    shared: defaultdict[Address, dict[str, PlatformKey]] = defaultdict(dict)
    for merchant in merchants:
        shared[merchant.address].update({key.key_id: key for key in merchant.active_keys})
    made: dict[str, MadeChannel] = {}
    unusable: dict[str, str] = {}
    for merchant in merchants:
        code = merchant.account.code
        try:
            made[code] = factory.make(merchant, [*shared[merchant.address].values()])
        except UnusableMerchant as refusal:
            unusable[code] = str(refusal)
    return Assembly({merchant.account.code: merchant for merchant in merchants}, made, unusable)


def _rank(merchant: Merchant) -> tuple[bool, bool, str]:
    """Order those who share an address: the settings' account reads the callbacks, else an enabled one by code."""
    return merchant.key_reference != SETTINGS, not merchant.enabled, merchant.account.code
