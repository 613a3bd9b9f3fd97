"""How the providers are doing, over all processes: calls counted a minute at a time, and where each breaker stands.

Counting happens in memory on the calls' path; every few seconds it is added to the table, and the breakers' states go
to Redis. A process that is killed loses what it has counted since. Clients know nothing of it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import asyncpg
import msgspec
import structlog
from prometheus_client import Histogram
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app import clock, db, metrics
from app.ids import new_id

TOPIC = "providers"
FLUSH_SECONDS = 10.0
_STALE_SECONDS = 40
_KEY = "sjt:breakers"
_PATIENCE_SECONDS = 1.0
_AWAY = (RedisError, OSError, TimeoutError)
_REFUSED, _IGNORED = "circuit_open", "abandoned"
_NAME_LENGTH = 24
log = structlog.get_logger()


class Breaker(Protocol):
    """What is asked of a transport's breaker."""

    @property
    def state(self) -> str:
        """CLOSED, OPEN or HALF_OPEN."""


@dataclass(slots=True)
class _Minute:
    succeeded: int = 0
    failed: int = 0
    refused: int = 0
    slowest_ms: int = 0
    last_code: str = ""


class ProviderHealth:
    """Counts the calls of this process, and knows its breakers."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._minutes: dict[tuple[str, datetime], _Minute] = {}
        self._breakers: dict[str, Breaker] = {}
        self._times: dict[tuple[str, str, str], Histogram] = {}
        """The metric's children: looking one up by its labels takes a third of what counting does."""
        self._own_name = f"{socket.gethostname()}:{os.getpid()}"

    @property
    def names(self) -> tuple[str, ...]:
        """The providers that this process may call."""
        return tuple(sorted(self._breakers))

    def watch(self, provider: str, breaker: Breaker) -> None:
        """Keep an eye on a provider's breaker."""
        self._breakers[provider] = breaker

    def observe(self, provider: str, call: str, outcome: str, seconds: float) -> None:
        """Count a call to a provider, with its time. Never waits, never fails."""
        key = (provider, call, outcome)
        if (times := self._times.get(key)) is None:
            times = self._times[key] = metrics.PROVIDER_CALLS.labels(*key)
        times.observe(seconds)
        if outcome == _IGNORED:
            return
        name = provider.partition(":")[0][:_NAME_LENGTH]
        at = (name, clock.now().replace(second=0, microsecond=0))
        if (minute := self._minutes.get(at)) is None:
            minute = self._minutes[at] = _Minute()
        minute.slowest_ms = max(minute.slowest_ms, int(seconds * 1000))
        if outcome == "answered":
            minute.succeeded += 1
        elif outcome == _REFUSED:
            minute.refused += 1
        else:
            minute.failed += 1
            minute.last_code = outcome[:64]

    async def run(self, announce: Callable[[str], Awaitable[None]]) -> None:
        """Pass on what was counted until cancelled; what the database does not take now it gets later."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.publish_breakers()
            if await self.flush():
                await announce(TOPIC)

    async def flush(self) -> bool:
        """Add what was counted to the table; False where there was nothing, or the database does not take it now."""
        counted, self._minutes = self._minutes, {}
        if not counted:
            return False
        try:
            await db.execute(_ADD, *_columns(counted))
        except (asyncpg.PostgresError, *db.AWAY) as error:  # a deadlock or a time-out must not end the counting
            log.warning("provider_minutes_kept", error=type(error).__name__)
            for key, minute in self._minutes.items():
                _merge(counted.setdefault(key, _Minute()), minute)
            self._minutes = counted
            return False
        return True

    async def publish_breakers(self) -> None:
        """Tell the other processes where the breakers of this one stand. Without Redis nobody hears it."""
        states = {name: str(breaker.state) for name, breaker in self._breakers.items() if breaker.state != "CLOSED"}
        note = msgspec.json.encode({"at": clock.timestamp(), "states": states})
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._redis.hset(_KEY, self._own_name, note)  # type: ignore[misc]  # redis types both worlds
                await self._redis.expire(_KEY, 3600)
        except _AWAY as error:
            log.warning("breakers_not_told", error=type(error).__name__)

    async def breakers(self) -> Mapping[str, list[str]]:
        """Return the breakers that are not closed, provider → states, one a process. Empty without Redis."""
        found: dict[str, list[str]] = {}
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                notes = await self._redis.hgetall(_KEY)  # type: ignore[misc]  # redis types both worlds
        except _AWAY:
            notes = {}
        fresh = [note for note in map(msgspec.json.decode, notes.values()) if _is_fresh(note["at"])]
        for note in fresh:
            for provider, state in note["states"].items():
                found.setdefault(provider, []).append(state)
        return found


def _is_fresh(at: int) -> bool:
    return at > clock.timestamp() - _STALE_SECONDS


def _merge(into: _Minute, more: _Minute) -> None:
    into.succeeded += more.succeeded
    into.failed += more.failed
    into.refused += more.refused
    into.slowest_ms = max(into.slowest_ms, more.slowest_ms)
    into.last_code = more.last_code or into.last_code


def _columns(counted: Mapping[tuple[str, datetime], _Minute]) -> list[list[object]]:
    """Turn the counts into columns, in one order for all processes: two that flush at once must not wait in a ring."""
    rows = [
        (new_id(), clock.now(), name, at, one.succeeded, one.failed, one.refused, one.slowest_ms, one.last_code)
        for (name, at), one in sorted(counted.items())
    ]
    return [list(column) for column in zip(*rows, strict=True)]


async def forget_minutes() -> None:
    """Delete the minutes that are more than a week old. Idempotent."""
    await db.execute("DELETE FROM provider_minute WHERE minute_at < now() - interval '7 days'")


_ADD = """
INSERT INTO provider_minute AS m (id, created_at, provider, minute_at, succeeded, failed, refused, slowest_ms,
                                  last_code)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::timestamptz[], $5::int[], $6::int[], $7::int[],
                     $8::int[], $9::text[])
ON CONFLICT (provider, minute_at) DO UPDATE SET
    succeeded = m.succeeded + excluded.succeeded, failed = m.failed + excluded.failed,
    refused = m.refused + excluded.refused, slowest_ms = greatest(m.slowest_ms, excluded.slowest_ms),
    last_code = CASE WHEN excluded.last_code <> '' THEN excluded.last_code ELSE m.last_code END
"""
