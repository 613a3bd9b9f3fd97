"""Phones whose connection breaks while a door is at work: the work ends well, and a repeat gets its answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from app.crypto import FieldCipher
from app.errors import Conflict
from app.ids import new_id
from app.tokens import AccessTokens
from handlers.doors import Auth, Call, Reply, Route
from tests.doorway import served
from tests.knocking import Heard, Knocker, check_problem

pytestmark = pytest.mark.anyio


@dataclass
class _House:
    tokens: AccessTokens
    cipher: FieldCipher
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    done: list[str] = field(default_factory=list)


async def _slow(call: Call[None]) -> Reply:
    house: _House = call.house  # type: ignore[assignment]  # the test's own
    house.begun.set()
    await house.go_on.wait()
    house.done.append(call.request_id)
    return Reply({"number": len(house.done)}, status=201)


async def _busy(call: Call[None]) -> Reply:
    house: _House = call.house  # type: ignore[assignment]  # the test's own
    house.done.append(call.request_id)
    if len(house.done) == 1:
        raise Conflict("正在处理", code="busy", retry_after_seconds=1)
    return Reply({"number": len(house.done)})


ROUTES = (
    Route("POST", "/slow", _slow, Auth.CITIZEN, "慢", "试"),
    Route("POST", "/busy", _busy, Auth.CITIZEN, "忙", "试"),
)


@pytest.fixture
async def house(database: str, cipher: FieldCipher) -> _House:
    return _House(AccessTokens({"k": b"k" * 32}), cipher)


@pytest.fixture
async def knocker(house: _House) -> AsyncIterator[Knocker]:
    async with served(house, ROUTES) as base:
        yield Knocker(base, house.tokens.issue(new_id(), new_id(), new_id(), "WECHAT"))


async def _knock(knocker: Knocker, path: str) -> Heard:
    return await asyncio.to_thread(knocker.knock, "POST", path, headers={"Idempotency-Key": "k1"})


def _hang_up(knocker: Knocker) -> socket.socket:
    parts = urlsplit(knocker.base)
    link = socket.create_connection((parts.hostname, parts.port))
    link.sendall(
        f"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nIdempotency-Key: k1\r\n"
        f"Authorization: Bearer {knocker.token}\r\n\r\n".encode()
    )
    return link


async def test_work_under_a_key_ends_though_nobody_listens_any_more(house: _House, knocker: Knocker) -> None:
    link = await asyncio.to_thread(_hang_up, knocker)
    await asyncio.wait_for(house.begun.wait(), 30)
    link.close()
    await asyncio.sleep(0.1)
    assert check_problem(await _knock(knocker, "/slow"), 409)["code"] == "request_in_progress"
    house.go_on.set()
    async with asyncio.timeout(30):
        while (heard := await _knock(knocker, "/slow")).status == 409:
            await asyncio.sleep(0.02)
    assert (heard.status, heard.value) == (201, {"number": 1})
    assert heard.headers["idempotent-replay"] == "true"
    assert len(house.done) == 1


async def test_a_hang_up_is_no_fault_in_the_log(
    house: _House, knocker: Knocker, capsys: pytest.CaptureFixture[str]
) -> None:
    link = await asyncio.to_thread(_hang_up, knocker)
    await asyncio.wait_for(house.begun.wait(), 30)
    link.close()
    await asyncio.sleep(0.2)
    house.go_on.set()
    assert "unhandled_error" not in capsys.readouterr().out


async def test_come_again_is_no_answer_to_be_kept(house: _House, knocker: Knocker) -> None:
    first = await _knock(knocker, "/busy")
    assert (check_problem(first, 409)["code"], first.headers["retry-after"]) == ("busy", "1")
    assert (await _knock(knocker, "/busy")).value == {"number": 2}
    assert (await _knock(knocker, "/busy")).value == {"number": 2}
