"""The one HTTP layer under every vendor client: exact bytes out, exact bytes back, failures in our own words.

Clients call it with finished (signed) requests. It must not know any vendor, parse a body, follow a redirect
or put a URL into an exception or log: vendor URLs carry secrets and tokens.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import aiohttp
from aiohttp import hdrs
from yarl import URL

from app import clock
from app.errors import ProviderProtocolError, ProviderUnavailable
from clients.breaker import Breaker

Observer = Callable[[str, str, str, float], None]
"""Told after every try: provider, call, outcome (answered, timeout, …), seconds; feeds the metrics."""

Headers = Mapping[str, str] | Callable[[], Mapping[str, str]]
"""Fixed headers, or a function asked anew for every try (a signature with its own nonce and time)."""

_PAUSES_SECONDS = (0.2, 0.6)
_USER_AGENT = "sanjintong/1.0 (+aiohttp)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider sent: `headers` ignore case, `body` is the exact bytes (empty after a download)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ProviderUnreachable(ProviderUnavailable):
    """No useful answer. `nothing_sent` is true only if no try of the request left us: then repeating is safe.

    `answer_status` and `answer_body` are set when the provider answered with a failure of its own (5xx).
    """

    def __init__(
        self,
        provider: str,
        call: str,
        reason: str,
        *,
        nothing_sent: bool = False,
        answer_status: int = 0,
        answer_body: bytes = b"",
        provider_code: str = "",
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(
            retry_after_seconds=retry_after_seconds,
            provider=provider,
            call=call,
            reason=reason,
            nothing_sent=nothing_sent,
            answer_status=answer_status,
            provider_code=provider_code,
        )
        self.provider = provider
        self.call = call
        self.reason = reason
        self.answer_status = answer_status
        self.answer_body = answer_body
        self.provider_code = provider_code

    @property
    def nothing_sent(self) -> bool:
        """Say whether the request certainly never left; rooms read `details["nothing_sent"]`."""
        return self.details["nothing_sent"] is True


def answered_5xx(answer: Answer) -> bool:
    """Default test for `failed`: the provider's own failure, whose outcome nobody knows."""
    return answer.status >= 500


@dataclass(frozen=True, slots=True)
class _Request:
    call: str
    method: str
    url: str
    body: bytes | None
    headers: Headers | None
    deadline_seconds: float
    failed: Callable[[Answer], bool]
    write: Callable[[bytes], Awaitable[None]] | None
    max_bytes: int

    def fresh_headers(self) -> Mapping[str, str]:
        given = self.headers() if callable(self.headers) else self.headers
        return {"User-Agent": _USER_AGENT, **(given or {})}


def unobserved(provider: str, call: str, outcome: str, seconds: float) -> None:
    """Default observer: nobody listens."""


@lru_cache(256)
def _timeout(milliseconds: int, connect_milliseconds: int) -> aiohttp.ClientTimeout:
    """Make the limits of a try; those of first tries are always the same ones."""
    return aiohttp.ClientTimeout(total=milliseconds / 1000, connect=connect_milliseconds / 1000)


class Transport:
    """Calls of one provider over the shared session (opened with a DummyCookieJar), behind one breaker."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        provider: str,
        *,
        breaker: Breaker | None = None,
        observer: Observer = unobserved,
        connect_timeout_seconds: float = 3.0,
        max_answer_bytes: int = 4 * 1024 * 1024,
    ) -> None:
        self.provider = provider
        self.breaker = breaker or Breaker()
        self._session = session
        self._observer = observer
        self._connect_timeout_seconds = connect_timeout_seconds
        self._max_answer_bytes = max_answer_bytes

    async def send(
        self,
        call: str,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Headers | None = None,
        timeout_seconds: float = 10.0,
        repeatable: bool = False,
        failed: Callable[[Answer], bool] = answered_5xx,
    ) -> Answer:
        """Send these bytes to this already percent-encoded URL; return any answer that is not `failed`.

        `call` is a short fixed name for metrics and errors. `timeout_seconds` covers all tries together. Only
        a `repeatable` call (idempotent by a number in it, or a plain read) is tried again, at most twice.
        Raises: ProviderUnreachable (a ProviderUnavailable: outcome unknown unless `nothing_sent`),
        ProviderProtocolError when the answer is larger than allowed.
        """
        deadline_seconds = clock.monotonic() + timeout_seconds
        limit = self._max_answer_bytes
        request = _Request(call, method, url, body, headers, deadline_seconds, failed, None, limit)
        pauses = [pause + secrets.randbelow(100) / 1000 for pause in _PAUSES_SECONDS] if repeatable else []
        something_sent = False
        while True:
            try:
                return await self._try(request)
            except ProviderUnreachable as error:
                something_sent = something_sent or not error.nothing_sent
                error.details["nothing_sent"] = not something_sent
                too_late = not pauses or clock.monotonic() + pauses[0] >= deadline_seconds
                if too_late or error.reason == "circuit_open":
                    raise
                await asyncio.sleep(pauses.pop(0))

    async def download(
        self,
        call: str,
        url: str,
        write: Callable[[bytes], Awaitable[None]],
        *,
        headers: Headers | None = None,
        timeout_seconds: float = 300.0,
        max_bytes: int = 2 * 1024 * 1024 * 1024,
    ) -> Answer:
        """GET a file in chunks into `write`; a status other than 200 writes nothing and returns its body.

        Raises: as `send`; bytes may already be written then, the caller throws them away.
        """
        deadline_seconds = clock.monotonic() + timeout_seconds
        request = _Request(call, "GET", url, None, headers, deadline_seconds, answered_5xx, write, max_bytes)
        return await self._try(request)

    async def _try(self, request: _Request) -> Answer:
        call = request.call
        if not self.breaker.admit():
            self._observer(self.provider, call, "circuit_open", 0.0)
            wait_seconds = int(self.breaker.retry_after_seconds) + 1
            raise ProviderUnreachable(
                self.provider, call, "circuit_open", nothing_sent=True, retry_after_seconds=wait_seconds
            )
        begun_seconds = clock.monotonic()
        outcome = "abandoned"
        try:
            answer = await self._exchange(request, max(0.001, request.deadline_seconds - begun_seconds))
            outcome = "server_error" if request.failed(answer) else "answered"
        except ProviderUnreachable as error:
            outcome = error.reason
            raise
        except ProviderProtocolError:
            outcome = "too_large"
            raise
        finally:
            self._settle(outcome)
            self._observer(self.provider, call, outcome, clock.monotonic() - begun_seconds)
        if outcome == "server_error":
            raise ProviderUnreachable(
                self.provider, call, outcome, answer_status=answer.status, answer_body=answer.body
            )
        return answer

    def _settle(self, outcome: str) -> None:
        if outcome == "abandoned":
            self.breaker.record_abandoned()
        elif outcome in ("answered", "too_large"):
            self.breaker.record_success()
        else:
            self.breaker.record_failure()

    async def _exchange(self, request: _Request, seconds: float) -> Answer:
        connect_seconds = min(self._connect_timeout_seconds, seconds)
        try:
            async with self._session.request(
                request.method,
                # A string would be re-quoted (%2F, %7E) and the signed path would no longer be the sent one.
                URL(request.url, encoded=True),
                data=request.body,
                headers=request.fresh_headers(),
                timeout=_timeout(math.ceil(seconds * 1000), math.ceil(connect_seconds * 1000)),
                allow_redirects=False,
            ) as response:
                return await self._receive(request, response)
        # `from None` everywhere: aiohttp's texts contain the URL.
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            reason = "timeout" if isinstance(error, TimeoutError) else "connect_error"
            raise ProviderUnreachable(self.provider, request.call, reason, nothing_sent=True) from None
        except TimeoutError:
            raise ProviderUnreachable(self.provider, request.call, "timeout") from None
        except aiohttp.ClientError:
            raise ProviderUnreachable(self.provider, request.call, "connection_lost") from None

    async def _receive(self, request: _Request, response: aiohttp.ClientResponse) -> Answer:
        length = response.content_length
        # A packed answer may be larger than it says.
        is_plain = request.write is None and hdrs.CONTENT_ENCODING not in response.headers
        if is_plain and length is not None and length <= self._max_answer_bytes:
            return Answer(response.status, response.headers, await response.read())
        collected = bytearray()
        to_file = request.write if response.status == 200 else None
        received_bytes = 0
        async for chunk in response.content.iter_chunked(256 * 1024):
            received_bytes += len(chunk)
            if received_bytes > (request.max_bytes if to_file else self._max_answer_bytes):
                raise ProviderProtocolError(provider=self.provider, call=request.call, reason="answer_too_large")
            if to_file:
                await to_file(chunk)
            else:
                collected.extend(chunk)
        return Answer(response.status, response.headers, bytes(collected))
