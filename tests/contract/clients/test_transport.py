"""The HTTP layer on real sockets: exact bytes, honest failures, bounded repeats, a breaker that opens and closes."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from app.errors import ProviderProtocolError, ProviderUnavailable
from clients.breaker import Breaker
from clients.transport import ProviderUnreachable, Transport

pytestmark = pytest.mark.anyio
Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Provider:
    """A server whose behaviour the test sets, and the transport that calls it."""

    def __init__(self) -> None:
        self.url = ""
        self.serve: Serve = self.echo
        self.asked: list[tuple[str, str, bytes]] = []
        self.seen: list[tuple[str, str, str]] = []

    async def echo(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=await request.read())

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.raw_path, await request.read()))
        return await self.serve(request)

    def observe(self, provider: str, call: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.seen.append((provider, call, outcome))


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened


def transport(session: aiohttp.ClientSession, provider: Provider, max_answer_bytes: int = 1_000_000) -> Transport:
    return Transport(session, "vendor", observer=provider.observe, max_answer_bytes=max_answer_bytes)


def failing(status: int, times: int = 99) -> Serve:
    left = [times]

    async def serve(request: web.Request) -> web.StreamResponse:
        left[0] -= 1
        return web.Response(status=status if left[0] >= 0 else 200, body=b"secret-free body")

    return serve


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def drop(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def test_path_and_body_leave_byte_for_byte(provider: Provider, session: aiohttp.ClientSession) -> None:
    path, body = "/v3/file?token=AbC-_09%2Bx%3D%3D%7E&a=%40%2F&b=~", '{"名":"甲\\u4e00 "}\r\n'.encode()
    answer = await transport(session, provider).send("call", "POST", provider.url + path, body=body)
    assert provider.asked == [("POST", path, body)]
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["content-length"] == answer.headers["Content-Length"]
    assert provider.seen == [("vendor", "call", "answered")]


async def test_refusal_below_500_is_an_answer(provider: Provider, session: aiohttp.ClientSession) -> None:
    for status in (301, 404, 429):
        provider.serve = failing(status)
        assert (await transport(session, provider).send("call", "GET", provider.url)).status == status


@pytest.mark.parametrize(
    ("serve", "reason", "status"),
    [(failing(503), "server_error", 503), (hang, "timeout", 0), (drop, "connection_lost", 0)],
    ids=["server_error", "timeout", "connection_lost"],
)
async def test_lost_answer_is_unknown_and_tells_no_url(
    serve: Serve, reason: str, status: int, provider: Provider, session: aiohttp.ClientSession
) -> None:
    provider.serve = serve
    patience = 0.3 if serve is hang else 20
    with pytest.raises(ProviderUnreachable) as lost:
        await transport(session, provider).send(
            "call", "POST", f"{provider.url}/x?secret=S3", body=b"{}", timeout_seconds=patience
        )
    assert isinstance(lost.value, ProviderUnavailable)
    assert (lost.value.reason, lost.value.answer_status, lost.value.nothing_sent) == (reason, status, False)
    assert lost.value.details["nothing_sent"] is False
    assert "S3" not in f"{lost.value} {lost.value.details}"
    assert lost.value.__suppress_context__ or lost.value.__context__ is None
    assert len(provider.asked) == 1
    assert provider.seen == [("vendor", "call", reason)]


async def test_refused_connection_sent_nothing(session: aiohttp.ClientSession, provider: Provider) -> None:
    with pytest.raises(ProviderUnreachable) as lost:
        await transport(session, provider).send("call", "POST", "http://127.0.0.1:1/", body=b"{}")
    assert (lost.value.reason, lost.value.nothing_sent) == ("connect_error", True)


async def test_repeatable_call_is_repeated_with_fresh_headers(
    provider: Provider, session: aiohttp.ClientSession
) -> None:
    provider.serve = failing(500, times=2)
    made: list[int] = []

    def headers() -> dict[str, str]:
        made.append(1)
        return {"X-Try": str(len(made))}

    answer = await transport(session, provider).send(
        "call", "POST", provider.url, body=b"x", headers=headers, repeatable=True
    )
    assert (answer.status, len(provider.asked), len(made)) == (200, 3, 3)


async def test_other_call_is_never_repeated(provider: Provider, session: aiohttp.ClientSession) -> None:
    provider.serve = failing(500, times=1)
    with pytest.raises(ProviderUnreachable):
        await transport(session, provider).send("call", "POST", provider.url, body=b"x")
    assert len(provider.asked) == 1


async def test_repeat_that_cannot_connect_does_not_hide_that_the_first_was_sent(
    session: aiohttp.ClientSession,
) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        server.close()
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ProviderUnreachable) as lost:
        await Transport(session, "vendor").send("call", "POST", f"http://127.0.0.1:{port}/", body=b"x", repeatable=True)
    assert (lost.value.reason, lost.value.nothing_sent) == ("connect_error", False)


async def test_timeout_covers_all_tries(provider: Provider, session: aiohttp.ClientSession) -> None:
    provider.serve = hang
    started = asyncio.get_running_loop().time()
    with pytest.raises(ProviderUnreachable):
        await transport(session, provider).send("call", "GET", provider.url, timeout_seconds=1.5, repeatable=True)
    assert asyncio.get_running_loop().time() - started < 3.0, "as long as two tries"


async def test_too_large_answer_is_a_protocol_error(provider: Provider, session: aiohttp.ClientSession) -> None:
    async def bomb(request: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(bytes(5_000_000)), headers={"Content-Encoding": "gzip"})

    provider.serve = bomb
    with pytest.raises(ProviderProtocolError) as refusal:
        await transport(session, provider, max_answer_bytes=1_000_000).send("call", "GET", provider.url)
    assert refusal.value.details["reason"] == "answer_too_large"
    assert provider.seen == [("vendor", "call", "too_large")]


async def test_breaker_refuses_at_once_then_tries_one_call(session: aiohttp.ClientSession, provider: Provider) -> None:
    moment = [0.0]
    breaker = Breaker(failure_threshold=3, open_seconds=10, monotonic=lambda: moment[0])
    calls = Transport(session, "vendor", breaker=breaker, observer=provider.observe)
    provider.serve = failing(500, times=3)
    for _ in range(3):
        with pytest.raises(ProviderUnreachable):
            await calls.send("call", "GET", provider.url)
    with pytest.raises(ProviderUnreachable) as refused:
        await calls.send("call", "GET", provider.url, repeatable=True)
    assert (refused.value.reason, refused.value.nothing_sent, len(provider.asked)) == ("circuit_open", True, 3)
    assert refused.value.retry_after_seconds == 11
    moment[0] = 10.0
    assert (await calls.send("call", "GET", provider.url)).status == 200
    assert (await calls.send("call", "GET", provider.url)).status == 200


async def test_cancelled_trial_does_not_block_the_next(session: aiohttp.ClientSession, provider: Provider) -> None:
    moment = [0.0]
    breaker = Breaker(failure_threshold=1, open_seconds=10, monotonic=lambda: moment[0])
    calls = Transport(session, "vendor", breaker=breaker)
    provider.serve = failing(500)
    with pytest.raises(ProviderUnreachable):
        await calls.send("call", "GET", provider.url)
    moment[0], provider.serve = 10.0, hang
    trial = asyncio.ensure_future(calls.send("call", "GET", provider.url))
    await asyncio.sleep(0.1)
    with pytest.raises(ProviderUnreachable):
        await calls.send("call", "GET", provider.url)
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    provider.serve = provider.echo
    assert (await calls.send("call", "GET", provider.url)).status == 200


async def test_download_pours_chunks_and_returns_refusals(session: aiohttp.ClientSession, provider: Provider) -> None:
    content = bytes(range(256)) * 4096
    poured = bytearray()

    async def write(chunk: bytes) -> None:
        poured.extend(chunk)

    async def file(request: web.Request) -> web.StreamResponse:
        return web.Response(body=content)

    calls = transport(session, provider, max_answer_bytes=1000)
    provider.serve = file
    answer = await calls.download("file", provider.url, write)
    assert (answer.status, answer.body, bytes(poured)) == (200, b"", content)
    with pytest.raises(ProviderProtocolError):
        await calls.download("file", provider.url, write, max_bytes=len(content) - 1)
    provider.serve = failing(404)
    poured.clear()
    refused = await calls.download("file", provider.url, write)
    assert (refused.status, refused.body, bytes(poured)) == (404, b"secret-free body", b"")
