"""Our mini-program client against the simulated WeChat: login, phone, shared token, messages, message push."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from app.errors import ProviderProtocolError, ProviderRejected
from clients.transport import Transport
from clients.wechat.access_token import AccessTokens
from clients.wechat.api_wire import ApiWire
from clients.wechat.config import MiniProgramConfig
from clients.wechat.message_push import MessagePush
from clients.wechat.miniprogram import MiniProgramClient, SubscribeMessage
from clients.wechat.push_events import PushMessage
from clients.wechat.template_values import fit_values

from .simulator_config import PEOPLE
from .simulator_process import Simulators

pytestmark = pytest.mark.anyio
Make = Callable[[], MiniProgramClient]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened


@pytest.fixture
def config(sim: Simulators) -> MiniProgramConfig:
    app: dict[str, Any] = sim.config["wechat"]["apps"][0]
    return MiniProgramConfig(
        app["app_id"],
        app["app_secret"],
        sim.url("wechat"),
        push_token=app["push_token"],
        push_aes_key=app["push_aes_key"],
    )


@pytest.fixture
def make(config: MiniProgramConfig, session: aiohttp.ClientSession, redis: Redis) -> Make:
    """Each made client stands for one process."""

    def made() -> MiniProgramClient:
        transport = Transport(session, "wechat")
        return MiniProgramClient(ApiWire(config, transport, AccessTokens(config, transport, redis)))

    return made


async def control(sim: Simulators, path: str, body: Any) -> Any:
    return await asyncio.to_thread(sim.control, "POST", path, body)


def calls(sim: Simulators, call: str) -> list[Any]:
    found: list[Any] = sim.control("GET", f"/requests?provider=wechat&call={call}&limit=200")
    return found


async def test_one_time_code_logs_the_person_in_once(sim: Simulators, make: Make) -> None:
    client = make()
    code = (await control(sim, "/wechat/login-codes", {"person": "zhang-wei"}))["code"]
    session = await client.code_to_session(code)
    assert session.openid == (await client.code_to_session("demo-zhang-wei")).openid
    assert session.openid != (await client.code_to_session("demo-li-na")).openid
    for bad, errcode in ((code, "40163"), ("no-such-code", "40029")):
        with pytest.raises(ProviderRejected) as refusal:
            await client.code_to_session(bad)
        assert refusal.value.provider_code == errcode


async def test_phone_number_belongs_to_the_person_who_logged_in(sim: Simulators, make: Make) -> None:
    client = make()
    zhang, li = [(await client.code_to_session(f"demo-{key}")).openid for key in ("zhang-wei", "li-na")]
    code = (await control(sim, "/wechat/phone-codes", {"person": "zhang-wei"}))["code"]
    with pytest.raises(ProviderRejected):
        await client.get_phone_number("demo-phone-zhang-wei", li)
    assert (await client.get_phone_number(code, zhang)).pure_phone_number == PEOPLE[0]["phone"]
    with pytest.raises(ProviderRejected) as refusal:
        await client.get_phone_number(code, zhang)
    assert refusal.value.provider_code == "40029"


async def test_phone_number_of_another_app_is_not_believed(sim: Simulators, make: Make) -> None:
    client = make()
    openid = (await client.code_to_session("demo-zhang-wei")).openid
    fault = {"provider": "wechat", "call": "getuserphonenumber", "kind": "wrong_app"}
    await control(sim, "/faults", fault)
    with pytest.raises(ProviderProtocolError):
        await client.get_phone_number("demo-phone-zhang-wei", openid)


async def test_real_name_check_tells_owner_match_and_mismatch(make: Make) -> None:
    client = make()
    openid = (await client.code_to_session("demo-zhang-wei")).openid
    verdicts = [
        await client.check_real_name(openid, name, number, "code")
        for name, number in (
            ("张伟", PEOPLE[0]["id_number"]),
            ("李娜", PEOPLE[1]["id_number"]),
            ("张伟", PEOPLE[1]["id_number"]),
        )
    ]
    seen = [(verdict.is_account_owner, verdict.name_matches_number) for verdict in verdicts]
    assert seen == [(True, True), (False, True), (False, False)]


async def test_fifty_callers_in_five_processes_fetch_one_token(sim: Simulators, make: Make) -> None:
    await control(sim, "/faults", {"provider": "wechat", "call": "stable_token", "kind": "delay", "delay_seconds": 0.3})
    processes = [make() for _ in range(5)]
    await asyncio.gather(*(processes[number % 5].get_templates() for number in range(50)))
    assert len(calls(sim, "stable_token")) == 1
    assert len(calls(sim, "gettemplate")) == 50


async def test_revoked_token_is_renewed_and_the_call_succeeds(sim: Simulators, make: Make) -> None:
    processes = [make() for _ in range(3)]
    await asyncio.gather(*(process.get_templates() for process in processes))
    await control(sim, "/wechat/tokens/revoke", {})
    await asyncio.gather(*(processes[number % 3].get_templates() for number in range(30)))
    assert len(calls(sim, "stable_token")) == 2


async def test_message_needs_a_permission_and_reaches_the_phone_once(sim: Simulators, make: Make) -> None:
    client = make()
    openid = (await client.code_to_session("demo-zhang-wei")).openid
    values = fit_values({"thing1": "居民身份证补领", "phrase2": "已受理", "date3": "2026年1月5日"})
    message = SubscribeMessage(
        openid, "TPL_progress_0000000000000000000000000000001", values, page="pages/case/index?no=1"
    )
    with pytest.raises(ProviderRejected) as refusal:
        await client.send_subscribe_message(message)
    assert refusal.value.provider_code == "43101"
    answer = {"person": "zhang-wei", "template_id": message.template_id, "result": "accept"}
    await control(sim, "/wechat/subscriptions", answer)
    await client.send_subscribe_message(message)
    (shown,) = sim.control("GET", "/messages?person=zhang-wei&channel=wechat")
    assert shown["template_id"] == message.template_id
    with pytest.raises(ProviderRejected):
        await client.send_subscribe_message(message)


async def pushed(sim: Simulators, config: MiniProgramConfig, method: str = "POST") -> PushMessage:
    """Open the newest message push that came to the sink."""
    found = await asyncio.to_thread(sim.sink.wait_for, f"/callbacks/wechat/{config.app_id}")
    item = [item for item in found if item.method == method][-1]
    return MessagePush(config).open(item.query, item.body)


async def test_answer_to_the_permission_panel_is_pushed(sim: Simulators, config: MiniProgramConfig, make: Make) -> None:
    openid = (await make().code_to_session("demo-zhang-wei")).openid
    answer = {"person": "zhang-wei", "template_ids": ["TPL1", "TPL2"], "result": "reject"}
    await control(sim, "/wechat/subscriptions", answer)
    message = await pushed(sim, config)
    assert (message.event, message.openid) == ("subscribe_msg_popup_event", openid)
    assert [(item.template_id, item.status) for item in message.items] == [("TPL1", "reject"), ("TPL2", "reject")]
    assert message.created_at is not None
    assert abs((message.created_at - datetime.now(UTC)).total_seconds()) < 60


async def test_person_writes_and_is_answered(sim: Simulators, config: MiniProgramConfig, make: Make) -> None:
    client = make()
    openid = (await client.code_to_session("demo-zhang-wei")).openid
    with pytest.raises(ProviderRejected):
        await client.send_custom_message(openid, "您好")
    await control(sim, "/wechat/messages", {"person": "zhang-wei", "text": "办到哪一步了？"})
    message = await pushed(sim, config)
    assert (message.kind, message.text, message.openid) == ("text", "办到哪一步了？", openid)
    await client.send_custom_message(openid, "您好，已受理。")
    (shown,) = sim.control("GET", "/messages?person=zhang-wei&channel=wechat")
    assert shown["text"] == "您好，已受理。"


async def test_url_check_is_answered(sim: Simulators, config: MiniProgramConfig) -> None:
    await control(sim, "/wechat/push-check", {"app_id": config.app_id})
    (item,) = await asyncio.to_thread(sim.sink.wait_for, f"/callbacks/wechat/{config.app_id}")
    assert MessagePush(config).answer_check(item.query) == item.query["echostr"]
