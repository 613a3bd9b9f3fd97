"""Rate limits over Redis with an in-process fallback: a missing Redis makes limits local, never the service dead."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil

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
_MOST_PACES = 1_000
_BEGIN = """
local left = redis.call('PTTL', KEYS[2])
if left > 0 then return left end
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
local over = n - tonumber(ARGV[1])
if over > 0 then redis.call('SET', KEYS[2], n, 'EX', math.min(2 ^ math.min(over, 20), tonumber(ARGV[2]))) end
return 0
"""
_TAKE_BACK = (
    "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DECR', KEYS[1]) end return redis.call('DEL', KEYS[2])"
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast something may be guessed at: so many wrong tries are free, then each is followed by a growing pause.

    A pause is two seconds, then twice as long each time, never longer than `most_seconds`; after `window_seconds` from
    the first wrong try all are free again. Unlike a limit it keeps nobody out for longer than its longest pause.
    """

    free: int
    most_seconds: int
    window_seconds: int


class RateLimits:
    """Counts hits per rule and key in fixed windows.

    Redis is asked with one round trip and 50 ms patience; on silence the count goes on in this process.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._tallies: dict[str, _Tally] = {}
        self._paces: dict[tuple[str, ...], _Pacing] = {}

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

    async def begin_try(self, pace: Pace, *key: str) -> None:
        """Count a try as a wrong one, until `take_back` says that it was right; one at a time while there are pauses.

        Raises TooManyRequests with the seconds that the present pause lasts.
        """
        try:
            async with asyncio.timeout(0.05):
                limits = (str(pace.free), str(pace.most_seconds), str(pace.window_seconds))
                left = int(await self._redis.eval(_BEGIN, 2, *_pace_keys(key), *limits)) / 1000
        except (RedisError, TimeoutError, OSError):
            left = self._begin_here(pace, key)
        if left > 0:
            raise TooManyRequests(retry_after_seconds=ceil(left))

    async def take_back(self, *key: str) -> None:
        """Say that the try just begun was right: it is not counted, and no pause follows it."""
        self._paces.pop(key, None)
        with suppress(RedisError, TimeoutError, OSError):
            async with asyncio.timeout(0.05):
                await self._redis.eval(_TAKE_BACK, 2, *_pace_keys(key))

    def _begin_here(self, pace: Pace, key: tuple[str, ...]) -> float:
        now = clock.monotonic()
        if len(self._paces) >= _MOST_PACES:
            self._paces = {known: each for known, each in self._paces.items() if now < each.free_again_at}
        return self._paces.setdefault(key, _Pacing()).begin(pace, now)

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


@dataclass(slots=True)
class _Pacing:
    """The wrong tries of one key in this process, while Redis is away."""

    count: int = 0
    paused_until: float = 0.0
    free_again_at: float = 0.0

    def begin(self, pace: Pace, now: float) -> float:
        """Count a try; return the seconds that are left of a pause, in which it does not count."""
        if now < self.paused_until:
            return self.paused_until - now
        if now >= self.free_again_at:
            self.count, self.free_again_at = 0, now + pace.window_seconds
        self.count += 1
        over = self.count - pace.free
        self.paused_until = now + min(2 ** min(over, 20), pace.most_seconds) if over > 0 else 0.0
        return 0.0


def _pace_keys(key: tuple[str, ...]) -> tuple[str, str]:
    name = f"pace:{':'.join(key)}"
    return f"{name}:tries", f"{name}:pause"


_parsed = lru_cache(64)(parse)
