"""Sends the providers' callbacks (回调), repeats them by the provider's schedule, keeps a journal of attempts.

Used by providers through `world.callbacks.send`. Must not know any provider's format: the caller builds each message.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from simulators.clock import Clock

ATTEMPTS_KEPT = 2_000
ANSWER_CHARACTERS_KEPT = 500


@dataclass(frozen=True, slots=True)
class Message:
    """One HTTP request as it goes out. `url` is sent exactly as written, `body` byte for byte."""

    url: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. `status` 0 means no answer came (`answer` says why). `accepted`: the provider will not repeat it."""

    at: str
    provider: str
    url: str
    kind: str
    status: int
    answer: str
    attempt: int
    accepted: bool

    def as_json(self) -> dict[str, Any]:
        """Return the attempt as the control API shows it."""
        return asdict(self)


class Delivery:
    """A callback on its way: its attempts so far, and futures for the first attempt and the end."""

    def __init__(self, delay_seconds: float = 0) -> None:
        self._delay_seconds = delay_seconds
        self.attempts: list[Attempt] = []
        self._first = asyncio.Event()
        self._ended = asyncio.Event()

    def add(self, attempt: Attempt) -> None:
        """Note an attempt."""
        self.attempts.append(attempt)
        self._first.set()

    def end(self) -> None:
        """Say that no more attempts follow."""
        self._first.set()
        self._ended.set()

    async def first(self, within_seconds: float = 2.0) -> Attempt | None:
        """Return the first attempt's result, or None if there is none within the time (the sending goes on)."""
        if self._delay_seconds > within_seconds and not self.attempts:
            return None
        try:
            await asyncio.wait_for(self._first.wait(), within_seconds)
        except TimeoutError:
            return None
        return self.attempts[0] if self.attempts else None

    async def ended(self) -> list[Attempt]:
        """Wait until accepted or given up, then return all attempts."""
        await self._ended.wait()
        return self.attempts


class CallbackSender:
    """Sends callbacks in background tasks. `retry_scale` multiplies every wait of a schedule."""

    def __init__(self, clock: Clock, retry_scale: float) -> None:
        self._clock = clock
        self._retry_scale = retry_scale
        self._attempts: deque[Attempt] = deque(maxlen=ATTEMPTS_KEPT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Open the HTTP session; called once at start."""
        self._session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Cancel everything under way and close the session."""
        await self.cancel_all()
        if self._session is not None:
            await self._session.close()

    async def cancel_all(self) -> None:
        """Stop every delivery and background task (control reset)."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a provider's background work; it is cancelled at reset and stop."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def send(
        self,
        provider: str,
        kind: str,
        build: Callable[[], Message],
        *,
        accepted: Callable[[int, str], bool],
        schedule: Sequence[float] = (),
        delay_seconds: float = 0,
        timeout_seconds: float = 5,
    ) -> Delivery:
        """Send a callback now (or after a delay) and repeat it until accepted or the schedule is used up.

        Args: build makes the request anew for each attempt (fresh timestamp and signature); accepted(status, answer
        text) says whether the provider counts it as received (never called when no answer came); schedule = waits in
        provider seconds between attempts, multiplied by retry_scale; delay_seconds before the first, not multiplied.
        Both follow the movable clock. Redirects are not followed, as the providers do not.
        """
        delivery = Delivery(delay_seconds)

        async def run() -> None:
            try:
                await self._clock.sleep(delay_seconds)
                for number, wait in enumerate([0.0, *schedule], start=1):
                    await self._clock.sleep(wait * self._retry_scale)
                    attempt = await self._try(provider, kind, build(), number, accepted, timeout_seconds)
                    delivery.add(attempt)
                    if attempt.accepted:
                        break
            finally:
                delivery.end()

        self.spawn(run())
        return delivery

    def list(self, provider: str = "", limit: int = 50) -> list[Attempt]:
        """Return attempts newest first; an empty provider matches all."""
        found = [attempt for attempt in reversed(self._attempts) if provider in ("", attempt.provider)]
        return found[:limit]

    def clear(self) -> None:
        """Forget the journal of attempts."""
        self._attempts.clear()

    async def _try(
        self,
        provider: str,
        kind: str,
        message: Message,
        number: int,
        accepted: Callable[[int, str], bool],
        timeout_seconds: float,
    ) -> Attempt:
        at = self._clock.now().isoformat()
        status, answer = await self._exchange(message, timeout_seconds)
        shown = message.url.split("?", 1)[0]
        ok = status > 0 and accepted(status, answer)
        attempt = Attempt(at, provider, shown, kind, status, answer[:ANSWER_CHARACTERS_KEPT], number, ok)
        self._attempts.append(attempt)
        return attempt

    async def _exchange(self, message: Message, timeout_seconds: float) -> tuple[int, str]:
        if self._session is None:
            raise RuntimeError("CallbackSender.open was not awaited")
        try:
            async with self._session.request(
                message.method,
                URL(message.url, encoded=True),
                data=message.body,
                headers=message.headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            ) as response:
                return response.status, (await response.read()).decode("utf-8", "replace")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return 0, type(error).__name__
