"""The access token under load and trouble: one fetch for all, bounded repeats, life without Redis."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from redis.asyncio import Redis

from app.errors import ProviderRejected, ProviderUnavailable
from clients.transport import Transport
from clients.wechat.access_token import AccessTokens
from clients.wechat.api_wire import ApiWire
from clients.wechat.config import MiniProgramConfig
from clients.wechat.token_store import TokenStore

from .conftest import Desk

pytestmark = pytest.mark.anyio
TOKEN, CALL = "/cgi-bin/stable_token", "/wxaapi/newtmpl/gettemplate"


class FakeWeChat:
    """Counts token fetches; serves one token until it is forced; refuses tokens on demand."""

    def __init__(self) -> None:
        self.fetches: list[bool] = []
        self.calls: list[str] = []
        self.number = 1
        self.expires_in = 7200
        self.refuse: Callable[[str, int], bool] = lambda token, call_no: False
        self.token_answer: dict[str, Any] | None = None
        self.delay_seconds = 0.02
        self.go_on = asyncio.Event()
        self.go_on.set()

    @property
    def token(self) -> str:
        return f"TOKEN-{self.number}"

    async def give(self, request: web.Request, body: bytes) -> web.Response:
        forced = json.loads(body)["force_refresh"]
        self.fetches.append(forced)
        await asyncio.sleep(self.delay_seconds)
        await self.go_on.wait()
        if self.token_answer is not None:
            return web.json_response(self.token_answer)
        self.number += forced
        return web.json_response({"access_token": self.token, "expires_in": self.expires_in})

    async def serve(self, request: web.Request, body: bytes) -> web.Response:
        token = request.query["access_token"]
        self.calls.append(token)
        if token != self.token or self.refuse(token, len(self.calls)):
            return web.json_response({"errcode": 40001, "errmsg": "invalid credential rid: 1"})
        return web.Response(body=b'{"errcode":0,"data":[]}', content_type="text/plain")


@pytest.fixture
def wechat(desk: Desk) -> FakeWeChat:
    fake = FakeWeChat()
    desk.on("POST", TOKEN, fake.give)
    desk.on("GET", CALL, fake.serve)
    return fake


@pytest.fixture
def make_wire(desk: Desk, session: aiohttp.ClientSession) -> Callable[[Redis | None], ApiWire]:
    """Each made wire stands for one process."""

    def make(redis: Redis | None) -> ApiWire:
        config = MiniProgramConfig("wx0123456789abcdef", "secret", desk.base_url)
        transport = Transport(session, "wechat")
        return ApiWire(config, transport, AccessTokens(config, transport, redis))

    return make


Make = Callable[[Redis | None], ApiWire]


def ask(wire: ApiWire) -> Awaitable[dict[str, Any]]:
    return wire.call("get_templates", CALL)


async def test_fifty_callers_in_five_processes_fetch_once(redis: Redis, wechat: FakeWeChat, make_wire: Make) -> None:
    wechat.delay_seconds = 0.2
    processes = [make_wire(redis) for _ in range(5)]
    answers = await asyncio.gather(*(ask(processes[number % 5]) for number in range(50)))
    assert len(answers) == 50
    assert wechat.fetches == [False]
    assert set(wechat.calls) == {"TOKEN-1"}


async def test_stampede_of_refused_calls_renews_once(redis: Redis, wechat: FakeWeChat, make_wire: Make) -> None:
    processes = [make_wire(redis) for _ in range(5)]
    for process in processes:
        await ask(process)
    wechat.number, wechat.fetches = 2, []
    await asyncio.gather(*(ask(processes[number % 5]) for number in range(50)))
    assert wechat.fetches == [False]


async def test_refusal_by_mistake_is_repeated_once_with_the_kept_token(
    redis: Redis, wechat: FakeWeChat, make_wire: Make
) -> None:
    wechat.refuse = lambda token, call_no: call_no == 1
    await ask(make_wire(redis))
    assert (wechat.fetches, wechat.calls) == ([False, False], ["TOKEN-1", "TOKEN-1"])


async def test_stampede_of_refusals_by_mistake_renews_the_kept_token_once(
    redis: Redis, wechat: FakeWeChat, make_wire: Make
) -> None:
    wire = make_wire(redis)
    await ask(wire)
    wechat.refuse = lambda token, call_no: call_no <= 21
    await asyncio.gather(*(ask(wire) for _ in range(20)))
    assert wechat.fetches == [False, False]


async def test_token_that_stays_refused_is_forced_once_then_given_up(
    redis: Redis, wechat: FakeWeChat, make_wire: Make
) -> None:
    wechat.refuse = lambda token, call_no: True
    first, second = make_wire(redis), make_wire(redis)
    with pytest.raises(ProviderRejected) as refusal:
        await ask(first)
    assert refusal.value.provider_code == "40001"
    assert (wechat.fetches, len(wechat.calls)) == ([False, False, True], 3)
    with pytest.raises(ProviderRejected):
        await ask(second)
    assert wechat.fetches.count(True) == 1


async def test_forced_renewal_helps_when_the_kept_token_is_dead(
    redis: Redis, wechat: FakeWeChat, make_wire: Make
) -> None:
    wechat.refuse = lambda token, call_no: token == "TOKEN-1"
    await ask(make_wire(redis))
    assert wechat.calls == ["TOKEN-1", "TOKEN-1", "TOKEN-2"]


async def test_token_close_to_its_end_is_renewed_and_used_meanwhile(
    redis: Redis, wechat: FakeWeChat, make_wire: Make
) -> None:
    wechat.expires_in = 200
    await ask(make_wire(redis))
    wechat.expires_in, wechat.fetches = 7200, []
    wechat.go_on.clear()
    slow, quick = make_wire(redis), make_wire(redis)
    renewing = asyncio.ensure_future(ask(slow))
    async with asyncio.timeout(10):
        while not wechat.fetches:
            await asyncio.sleep(0.01)
    await ask(quick)
    assert not renewing.done()
    wechat.go_on.set()
    await renewing
    assert wechat.fetches == [False]


async def test_old_token_serves_while_wechat_cannot_renew(redis: Redis, wechat: FakeWeChat, make_wire: Make) -> None:
    wechat.expires_in = 200
    await ask(make_wire(redis))
    wechat.token_answer = {"errcode": -1, "errmsg": "busy"}
    await ask(make_wire(redis))
    assert wechat.calls == ["TOKEN-1", "TOKEN-1"]


async def test_wrong_secret_is_not_asked_again_in_a_loop(redis: Redis, wechat: FakeWeChat, make_wire: Make) -> None:
    wechat.token_answer = {"errcode": 40125, "errmsg": "invalid appsecret"}
    wire = make_wire(redis)
    for _ in range(5):
        with pytest.raises(ProviderRejected) as refusal:
            await ask(wire)
        assert refusal.value.provider_code == "40125"
    assert len(wechat.fetches) == 1


async def test_lock_of_a_killed_process_is_outlived(redis: Redis, wechat: FakeWeChat, make_wire: Make) -> None:
    await redis.set("wechat:{wx0123456789abcdef}:token:lock", "somebody", px=300)
    await ask(make_wire(redis))
    assert wechat.fetches == [False]


@pytest.mark.parametrize("url", [None, "unix:///nowhere/redis.sock"])
async def test_each_process_helps_itself_while_redis_is_away(
    url: str | None, wechat: FakeWeChat, make_wire: Make
) -> None:
    redis = Redis.from_url(url) if url else None
    wire = make_wire(redis)
    await asyncio.gather(*(ask(wire) for _ in range(10)))
    assert wechat.fetches == [False]
    wechat.number = 2
    await asyncio.gather(*(ask(wire) for _ in range(10)))
    assert wechat.fetches == [False, False]
    if redis is not None:
        await redis.aclose()


async def test_renewer_that_lost_its_lock_overwrites_nothing(redis: Redis) -> None:
    store = TokenStore(redis, "wx1")
    slow = await store.try_lock()
    assert slow is not None
    assert await store.try_lock() is None
    await redis.delete("wechat:{wx1}:token:lock")
    quick = await store.try_lock()
    assert quick is not None
    await store.release(slow)
    assert await store.save(slow, "OLD", 7200) is None
    saved = await store.save(quick, "NEW", 7200)
    assert saved == await store.read()
    assert saved is not None
    assert (saved.value, saved.generation) == ("NEW", 1)
    assert "NEW" not in repr(saved)


async def test_redis_keeps_the_token_with_its_life(redis: Redis, wechat: FakeWeChat, make_wire: Make) -> None:
    await ask(make_wire(redis))
    key = "wechat:{wx0123456789abcdef}:token"
    assert await redis.get(key) == b"1:TOKEN-1"
    assert 7190 < await redis.ttl(key) <= 7200
    assert await redis.exists(f"{key}:lock") == 0


async def test_busy_token_call_leaves_no_lock_behind(redis: Redis, wechat: FakeWeChat, make_wire: Make) -> None:
    wechat.token_answer = {"errcode": -1, "errmsg": "busy"}
    with pytest.raises(ProviderUnavailable):
        await ask(make_wire(redis))
    wechat.token_answer = None
    await asyncio.wait_for(ask(make_wire(redis)), 1)
