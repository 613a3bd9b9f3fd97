"""Answers to consultations over the simulated WeChat: five to a message within 48 hours, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from clients.transport import Transport
from clients.wechat.access_token import AccessTokens
from clients.wechat.api_wire import ApiWire
from clients.wechat.config import MiniProgramConfig
from clients.wechat.miniprogram import MiniProgramClient
from services.consultations.channels.wechat import LONGEST_BYTES, WeChatCustomerMessages
from services.consultations.states import Told

from .simulator_process import Simulators

pytestmark = pytest.mark.anyio


async def control(sim: Simulators, path: str, body: Any) -> Any:
    return await asyncio.to_thread(sim.control, "POST", path, body)


@pytest.fixture
async def chat(sim: Simulators, redis: Redis) -> AsyncIterator[WeChatCustomerMessages]:
    app: dict[str, Any] = sim.config["wechat"]["apps"][0]
    config = MiniProgramConfig(app["app_id"], app["app_secret"], sim.url("wechat"))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        transport = Transport(session, "wechat")
        wire = ApiWire(config, transport, AccessTokens(config, transport, redis))
        yield WeChatCustomerMessages(MiniProgramClient(wire))


@pytest.fixture
async def openid(sim: Simulators, chat: WeChatCustomerMessages) -> str:
    """Somebody who has just written."""
    body = {"person": "zhang-wei", "text": "你好"}
    return str((await control(sim, "/wechat/messages", body))["openid"])


async def test_five_answers_to_one_message_and_more_after_the_next(
    sim: Simulators, chat: WeChatCustomerMessages, openid: str
) -> None:
    assert [await chat.send(openid, f"第{n}条") for n in range(6)] == [Told.TAKEN] * 5 + [Told.REFUSED]
    await control(sim, "/wechat/messages", {"person": "zhang-wei", "text": "再问"})
    assert await chat.send(openid, "再答") is Told.TAKEN


async def test_after_48_hours_and_to_a_stranger_it_is_refused(
    sim: Simulators, chat: WeChatCustomerMessages, openid: str
) -> None:
    assert await chat.send("o-nobody", "您好") is Told.REFUSED
    await asyncio.to_thread(sim.control, "PUT", "/clock", {"offset_seconds": 48 * 3600 + 60})
    assert await chat.send(openid, "太迟") is Told.REFUSED


async def test_token_that_was_taken_back_is_renewed(sim: Simulators, chat: WeChatCustomerMessages, openid: str) -> None:
    assert await chat.send(openid, "一") is Told.TAKEN
    await control(sim, "/wechat/tokens/revoke", {})
    assert await chat.send(openid, "二") is Told.TAKEN


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"kind": "error", "code": "45015"}, Told.REFUSED),
        ({"kind": "error", "code": "45047"}, Told.REFUSED),
        ({"kind": "error", "code": "40003"}, Told.REFUSED),
        ({"kind": "error", "code": "-1"}, Told.LATER),
        ({"kind": "http", "status": 500}, Told.UNKNOWN),
        ({"kind": "drop"}, Told.UNKNOWN),
    ],
    ids=["out_of_time", "too_many", "wrong_openid", "busy", "500", "cut"],
)
async def test_faults(
    sim: Simulators, chat: WeChatCustomerMessages, openid: str, fault: dict[str, Any], told: Told
) -> None:
    await control(sim, "/faults", {"provider": "wechat", "call": "custom_send", "count": 9, **fault})
    assert await chat.send(openid, "您好") is told


async def test_long_answer_is_cut_to_what_the_platform_takes(
    sim: Simulators, chat: WeChatCustomerMessages, openid: str
) -> None:
    assert await chat.send(openid, "答" * 1000) is Told.TAKEN
    shown = sim.control("GET", "/requests?provider=wechat&call=custom_send&limit=5")
    assert len(shown) == 1
    assert LONGEST_BYTES < 2048
