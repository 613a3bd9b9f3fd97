"""Connections that single statements hand on to one another, beside the pool; used by `db` only.

The pool guards every loan with a task and a reset, which costs a short statement as much again as running it. No
session state is ever set here, so a connection on which a statement has ended well can serve the next one as it is.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg


class Links:
    """Runs single statements over a few connections that stay borrowed from the pool.

    Args:
        most: how many; less than the pool has, so that transactions always find one.
    """

    def __init__(self, pool: asyncpg.Pool, most: int) -> None:
        self.pool = pool
        self._turns = asyncio.Semaphore(most)
        self._idle: list[asyncpg.Connection] = []
        self._is_open = True

    async def run(self, how: str, sql: str, values: tuple[Any, ...]) -> Any:
        """Run a statement by the connection's method of this name. Whatever goes wrong, the pool clears up after it."""
        async with self._turns:
            link = self._idle_one() or await self.pool.acquire()
            ended_well = False
            try:
                found = await getattr(link, how)(sql, *values)
                ended_well = True
            finally:
                if ended_well and self._is_open:
                    self._idle.append(link)
                else:
                    await self.pool.release(link)
        return found

    async def close(self) -> None:
        """Give everything back to the pool, and keep nothing from now on."""
        self._is_open = False
        while self._idle:
            await self.pool.release(self._idle.pop())

    def _idle_one(self) -> asyncpg.Connection | None:
        while self._idle:
            link = self._idle.pop()
            if _is_alive(link):
                return link
        return None


def _is_alive(link: asyncpg.Connection) -> bool:
    try:
        return not link.is_closed()
    except asyncpg.InterfaceError:
        # The server closed it while it was idle, and the pool has taken it back already.
        return False
