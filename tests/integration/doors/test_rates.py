"""How often one citizen may write; reading is free, and others are not concerned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from app.factory import _config
from app.ids import new_id
from app.limits import RateLimits
from app.settings import Settings
from app.tokens import AccessTokens
from handlers.doors import Auth, Call, Reply, Route
from tests.doorway import served
from tests.knocking import Heard, Knocker, check_problem

pytestmark = pytest.mark.anyio


@dataclass
class _House:
    tokens: AccessTokens
    limits: RateLimits


async def _answer(call: Call[None]) -> Reply:
    return Reply({"address": call.address})


ROUTES = (
    Route("GET", "/thing", _answer, Auth.CITIZEN, "读", "试"),
    Route("POST", "/thing", _answer, Auth.CITIZEN, "写", "试", remembers=False),
    Route("POST", "/open", _answer, Auth.PUBLIC, "公开", "试", remembers=False),
)


@pytest.fixture
async def knocker(redis: Redis) -> AsyncIterator[Knocker]:
    house = _House(AccessTokens({"k": b"k" * 32}), RateLimits(redis))
    async with served(house, ROUTES, citizen_rate="20/minute") as base:
        yield Knocker(base, _token(house.tokens))


def _token(tokens: AccessTokens) -> str:
    return tokens.issue(new_id(), new_id(), new_id(), "WECHAT")


async def _knock(knocker: Knocker, method: str, path: str) -> Heard:
    return await asyncio.to_thread(knocker.knock, method, path)


async def test_too_many_writes_of_one_citizen_are_refused_with_the_time_to_wait(knocker: Knocker) -> None:
    answers = [await _knock(knocker, "POST", "/thing") for _ in range(21)]
    assert [heard.status for heard in answers[:20]] == [200] * 20
    assert check_problem(answers[20], 429)["code"] == "too_many_requests"
    assert answers[20].headers["retry-after"] == "60"
    assert (await _knock(knocker, "GET", "/thing")).status == 200
    assert (await _knock(knocker, "POST", "/open")).status == 200
    other = Knocker(knocker.base, _token(AccessTokens({"k": b"k" * 32})))
    assert (await _knock(other, "POST", "/thing")).status == 200


async def test_forwarded_addresses_are_not_believed_without_a_trusted_proxy(knocker: Knocker) -> None:
    forged = {"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.8", "Forwarded": "for=203.0.113.9"}
    heard = await asyncio.to_thread(knocker.knock, "GET", "/thing", headers=forged)
    assert heard.value == {"address": "127.0.0.1"}


def test_number_of_trusted_proxies_comes_from_the_settings() -> None:
    assert _config(Settings()).PROXIES_COUNT is None
    assert _config(Settings(proxies=2)).PROXIES_COUNT == 2
