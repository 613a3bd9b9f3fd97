"""Rate limits over Redis with an in-process fallback: a missing Redis makes limits local, never the service dead."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import lru_cache

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app import clock
from app.errors import TooManyRequests

_LUA = (
    "local n = redis.call('INCRBY', KEYS[1], ARGV[2])"
    " if n == tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], ARGV[1]) end return n"
)
_FREE_SHARE = 10


class RateLimits:
    """Counts hits per rule and key in fixed windows.

    Redis is asked with one round trip and 50 ms patience; on silence the count goes on in this process.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._tallies: dict[str, _Tally] = {}

    async def hit(self, rule: str, *key: str) -> None:
        """Count one hit. Raises TooManyRequests with the seconds to wait.

        Args:
            rule: as `30/minute`.
            key: what is counted, as ("login", address).
        """
        await self._hit(_parsed(rule), key, 1)

    async def hit_often(self, rule: str, *key: str) -> None:
        """Count one hit of something that ordinary people do far less often than the rule allows.

        The first tenth of the allowance is counted in this process alone, without a round trip; whoever goes beyond it
        is counted in Redis with all their hits. Raises TooManyRequests as `hit`.
        """
        item = _parsed(rule)
        tally = self._tallies.get(rule)
        window = int(clock.monotonic() // item.get_expiry())
        if tally is None or tally.window != window:
            tally = self._tallies[rule] = _Tally(window)
        count = tally.counts[key] = tally.counts.get(key, 0) + 1
        free = item.amount // _FREE_SHARE
        if count > free:
            await self._hit(item, key, count if count == free + 1 else 1)

    async def _hit(self, item: RateLimitItem, key: tuple[str, ...], cost: int) -> None:
        try:
            async with asyncio.timeout(0.05):
                allowed = await self._count(item, key, cost) <= item.amount
        except (RedisError, TimeoutError, OSError):
            allowed = await self._local.hit(item, *key, cost=cost)
        if not allowed:
            raise TooManyRequests(retry_after_seconds=item.get_expiry())

    async def _count(self, item: RateLimitItem, key: tuple[str, ...], cost: int) -> int:
        name = f"limit:{':'.join(key)}:{item.amount}:{item.get_expiry()}"
        return int(await self._redis.eval(_LUA, 1, name, str(item.get_expiry()), str(cost)))


@dataclass(slots=True)
class _Tally:
    """The hits of one window in this process."""

    window: int
    counts: dict[tuple[str, ...], int] = field(default_factory=dict)


_parsed = lru_cache(64)(parse)
