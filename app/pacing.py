"""How fast something may be done by all processes together, and until when it must rest; shared through Redis.

Used where a provider allows so many calls a second. With Redis away each process keeps its own measure: slower to learn
of a rest, never dead.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app import clock

_PATIENCE_SECONDS = 0.05
_KNOWN_SECONDS = 1.0
_MOST_REST_SECONDS = 86_400 * 2
_RESERVE = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local free = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local wait = free - now - tonumber(ARGV[2])
if wait > tonumber(ARGV[3]) then return tostring(wait) end
local ends = free + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.6f', ends), 'EX', math.ceil(ends - now) + 5)
return tostring(wait)
"""


class Pacing:
    """A token bucket a name, one second deep, and rests by name. `redis` None means that this process is alone."""

    def __init__(self, redis: Redis | None = None) -> None:
        self._redis = redis
        self._free_at_seconds: dict[str, float] = {}
        self._rests: dict[str, datetime] = {}
        self._asked_at_seconds: dict[str, float] = {}

    async def reserve(self, name: str, per_second: float, count: int, most_seconds: float) -> float:
        """Take `count` turns in a row, 1/per_second apart; return the seconds until the first of them.

        A first turn in the past (negative, at most by a second) belongs to those that nobody took. Where the first is
        further away than `most_seconds`, nothing was taken.
        """
        length, depth = count / per_second, 1.0
        if self._redis is not None:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    return float(
                        await self._redis.eval(_RESERVE, 1, f"pace:{name}", str(length), str(depth), str(most_seconds))
                    )
            except (RedisError, TimeoutError, OSError):
                pass
        now_seconds = clock.monotonic()
        free = max(now_seconds, self._free_at_seconds.get(name, 0.0))
        wait = free - now_seconds - depth
        if wait <= most_seconds:
            self._free_at_seconds[name] = free + length
        return wait

    async def rest(self, name: str, until: datetime) -> None:
        """Have everybody leave something alone until a moment."""
        self._rests[name] = max(until, self._rests.get(name, until))
        seconds = min(_MOST_REST_SECONDS, math.ceil((until - clock.now()).total_seconds()))
        if self._redis is not None and seconds > 0:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._redis.set(f"rest:{name}", until.isoformat(), ex=seconds)
            except (RedisError, TimeoutError, OSError):
                return

    async def resting(self, names: Sequence[str]) -> Mapping[str, datetime]:
        """Return which of these rest, and until when. What others decided is heard within a second."""
        await self._hear(names)
        now = clock.now()
        return {name: until for name in names if (until := self._rests.get(name)) is not None and until > now}

    async def _hear(self, names: Sequence[str]) -> None:
        now_seconds = clock.monotonic()
        stale = [name for name in names if now_seconds - self._asked_at_seconds.get(name, -10.0) > _KNOWN_SECONDS]
        if self._redis is None or not stale:
            return
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                found = await self._redis.mget([f"rest:{name}" for name in stale])
        except (RedisError, TimeoutError, OSError):
            return
        for name, value in zip(stale, found, strict=True):
            self._asked_at_seconds[name] = now_seconds
            if value is not None:
                self._rests[name] = datetime.fromisoformat(value if isinstance(value, str) else value.decode())
