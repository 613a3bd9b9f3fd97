"""Rate limits over Redis with an in-process fallback: a missing Redis makes limits local, never the service dead."""

from __future__ import annotations

import asyncio

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.errors import TooManyRequests

_LUA = "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end return n"


class RateLimits:
    """Counts hits per rule and key in fixed windows.

    Redis is asked with one round trip and 50 ms patience; on silence the count goes on in this process.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._local = FixedWindowRateLimiter(MemoryStorage())

    async def hit(self, rule: str, *key: str) -> None:
        """Count one hit. Raises TooManyRequests with the seconds to wait.

        Args:
            rule: as `30/minute`.
            key: what is counted, as ("login", address).
        """
        item = parse(rule)
        try:
            async with asyncio.timeout(0.05):
                count = await self._count(item, key)
            allowed = count <= item.amount
        except (RedisError, TimeoutError, OSError):
            allowed = await self._local.hit(item, *key)
        if not allowed:
            raise TooManyRequests(retry_after_seconds=item.get_expiry())

    async def _count(self, item: RateLimitItem, key: tuple[str, ...]) -> int:
        name = f"limit:{':'.join(key)}:{item.amount}:{item.get_expiry()}"
        return int(await self._redis.eval(_LUA, 1, name, str(item.get_expiry())))
