"""Plain HTTP as the phone, the counter and the demonstration's control of the simulators need it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")


class Unexpected(Exception):
    """The service did something that the demonstration did not expect."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers and the JSON value (bytes where it is something else)."""

    status: int
    headers: Mapping[str, str]
    value: Any

    def expect(self, *statuses: int) -> Any:
        """Return the value where the status is one of these. Raises Unexpected."""
        if self.status not in statuses:
            raise Unexpected(f"应答 {self.status}（预期 {'/'.join(map(str, statuses))}）：{self.value}")
        return self.value


def expect(condition: bool, what: str) -> None:
    """Raise Unexpected unless the condition holds."""
    if not condition:
        raise Unexpected(what)


class Wire:
    """One HTTP connection pool to one address."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self.base = base.rstrip("/")

    async def send(
        self,
        method: str,
        path: str,
        *,
        value: Any = None,
        form: aiohttp.FormData | None = None,
        token: str = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request; never raises for a status."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        options: dict[str, Any] = {"headers": sent}
        if form is not None:
            options["data"] = form
        elif value is not None:
            options["json"] = value
        async with self._session.request(method, self.base + path, **options) as response:
            is_json = "json" in response.headers.get("Content-Type", "")
            content = await response.json(content_type=None) if is_json else await response.read()
            return Answer(response.status, response.headers, content)


async def until(what: str, look: Callable[[], Awaitable[T]], good: Callable[[T], bool], seconds: float = 30.0) -> T:
    """Look again and again until the value is good. Raises Unexpected when it never is."""
    limit = time.monotonic() + seconds
    pause = 0.05
    while True:
        value = await look()
        if good(value):
            return value
        if time.monotonic() > limit:
            raise Unexpected(f"等待{what}超过 {seconds:.0f} 秒，最后看到：{value}")
        await asyncio.sleep(pause)
        pause = min(0.5, pause * 1.5)
