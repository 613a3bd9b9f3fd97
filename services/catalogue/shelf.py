"""Keeps ready answers in this process for a short time; called by the service only.

Each process has its own shelf and nothing invalidates across processes: the time to keep is the promise. When the
database is away, an answer that went stale a while ago is still better than none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from app import clock, db

V = TypeVar("V")
_STALE_SECONDS = 600.0


class Shelf(Generic[V]):
    """A bounded map with one loader at a time for each key.

    Args:
        kept_seconds: how long an answer counts as fresh.
        most: how many answers are kept; the oldest goes first.
    """

    def __init__(self, kept_seconds: float, most: int) -> None:
        self._kept_seconds = kept_seconds
        self._most = most
        self._held: dict[Hashable, tuple[float, V]] = {}
        self._loading: dict[Hashable, asyncio.Lock] = {}

    def fresh(self, key: Hashable) -> V | None:
        """Return the answer when it is there and fresh."""
        held = self._held.get(key)
        return held[1] if held is not None and held[0] > clock.monotonic() else None

    async def get(self, key: Hashable, load: Callable[[], Awaitable[V]]) -> V:
        """Return the fresh answer, else load it once for all who wait. Raises what `load` raises."""
        if (found := self.fresh(key)) is not None:
            return found
        lock = self._loading.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                if (found := self.fresh(key)) is not None:
                    return found
                return await self._load(key, load)
        finally:
            self._loading.pop(key, None)

    def clear(self) -> None:
        """Forget everything, after an import in this process."""
        self._held.clear()

    async def _load(self, key: Hashable, load: Callable[[], Awaitable[V]]) -> V:
        try:
            value = await load()
        except db.AWAY:
            held = self._held.get(key)
            if held is None or held[0] + _STALE_SECONDS < clock.monotonic():
                raise
            return held[1]
        self._held.pop(key, None)
        while len(self._held) >= self._most:
            del self._held[next(iter(self._held))]
        self._held[key] = (clock.monotonic() + self._kept_seconds, value)
        return value
