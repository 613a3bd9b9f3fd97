"""The access token as all processes share it in Redis, and the lock of the one that renews it.

Used by access_token only. Every Redis fault becomes StoreAway, so that the caller can go on alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app import clock

T = TypeVar("T")

LOCK_MILLISECONDS = 10_000
# WeChat allows 20 forced renewals a day; one in 90 minutes are 16.
FORCE_GUARD_SECONDS = 90 * 60

# Only the lock's owner may store: a renewer that was too slow must not overwrite a newer token.
_SAVE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local generation = redis.call('INCR', KEYS[3])
redis.call('SET', KEYS[2], generation .. ':' .. ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[1])
return generation
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `generation` grows with every renewal, `dies_at_seconds` is on this process's own clock."""

    value: str = field(repr=False)
    generation: int
    dies_at_seconds: float = field(compare=False)


class StoreAway(Exception):
    """Redis does not answer."""


class TokenStore:
    """Token, lock and force guard of one mini-program. The expiry is kept by the clock of Redis."""

    def __init__(self, redis: Redis, app_id: str, *, monotonic: Callable[[], float] = clock.monotonic) -> None:
        self._redis = redis
        self._monotonic = monotonic
        # The braces keep the keys of one app on one node of a Redis Cluster.
        prefix = f"wechat:{{{app_id}}}:token"
        self._token_key, self._lock_key = prefix, f"{prefix}:lock"
        self._generation_key, self._force_key = f"{prefix}:generation", f"{prefix}:forced"

    async def read(self) -> Token | None:
        """Return the shared token, alive or about to die; None if there is none. Raises StoreAway."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(self._token_key)
        pipe.pttl(self._token_key)
        stored, left_milliseconds = await _guarded(pipe.execute())
        if stored is None or left_milliseconds < 0:
            return None
        generation, _, value = _text(stored).partition(":")
        return Token(value, int(generation), self._monotonic() + left_milliseconds / 1000)

    async def try_lock(self) -> str | None:
        """Become the one who renews; return the owner mark, or None if somebody else is. Raises StoreAway."""
        owner = secrets.token_hex(16)
        won = await _guarded(self._redis.set(self._lock_key, owner, nx=True, px=LOCK_MILLISECONDS))
        return owner if won else None

    async def save(self, owner: str, value: str, lifetime_seconds: int) -> Token | None:
        """Store a renewed token and free the lock; None if the lock was lost meanwhile. Raises StoreAway."""
        keys = (self._lock_key, self._token_key, self._generation_key)
        generation = await self._evaluate(_SAVE, keys, owner, value, lifetime_seconds * 1000)
        return Token(value, generation, self._monotonic() + lifetime_seconds) if generation else None

    async def release(self, owner: str) -> None:
        """Free the lock if it is still ours. Idempotent. Raises StoreAway."""
        await self._evaluate(_RELEASE, (self._lock_key,), owner)

    async def may_force(self) -> bool:
        """Claim the right to one forced renewal, for all processes together. Raises StoreAway."""
        return bool(await _guarded(self._redis.set(self._force_key, "1", nx=True, ex=FORCE_GUARD_SECONDS)))

    async def _evaluate(self, script: str, keys: tuple[str, ...], *arguments: str | int) -> int:
        answer: Any = self._redis.eval(script, len(keys), *keys, *arguments)
        return int(await _guarded(answer))


async def _guarded(command: Awaitable[T]) -> T:
    try:
        return await command
    except (RedisError, OSError, TimeoutError):
        raise StoreAway from None


def _text(stored: bytes | str) -> str:
    return stored.decode() if isinstance(stored, bytes) else stored
