"""Waiting for what another task, thread or process does: every such wait has an end, and says what did not come."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable


async def until(
    what: str, condition: Callable[[], object | Awaitable[object]], seconds: float = 30.0, pause: float = 0.01
) -> None:
    """Look again and again until something is so; fails the test when it does not come about in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = condition()
        if await found if inspect.isawaitable(found) else found:
            return
        assert asyncio.get_running_loop().time() < deadline, f"{what}: not within {seconds:g} s"
        await asyncio.sleep(pause)
