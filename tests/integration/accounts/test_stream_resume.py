"""The stream goes on where it was: each event once, in order, whatever broke; what is not known is told as a gap."""
# ruff: noqa: F811  # tests name the fixture that is imported

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import aiohttp
import pytest

from app.events import DomainEvent
from app.live_log import History
from handlers.citizen import live_stream, stream
from tests.integration.accounts.conftest import House
from tests.integration.accounts.test_doors import Phone, phone  # noqa: F401  # the fixture
from tests.waiting import until

pytestmark = pytest.mark.anyio


def _event(citizen_id: str, number: int) -> DomainEvent:
    return DomainEvent(
        name="application.accepted", subject_no=f"BJ{number}", citizen_id=uuid.UUID(citizen_id).hex, facts={"n": number}
    )


async def _next(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """The next message that is no heartbeat."""
    message: dict[str, Any] = await socket.receive_json(timeout=30)
    return message if message["event"] != "stream.heartbeat" else await _next(socket)


class Listener:
    """A phone's stream: what it has seen, and the last id it knows."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self.seen: list[int] = []
        self.told: list[str] = []
        self.last_id = ""
        self.resumed = False

    async def listen(self, until: int, *, at_most: int | None = None) -> None:
        """Connect, go on after the last id, and hang up after so many events or when `until` was seen."""
        headers = {"Authorization": f"Bearer {self._phone.token}"}
        address = f"{self._phone.base}{stream.PATH}?last_event_id={self.last_id}"
        async with self._phone.session.ws_connect(address, headers=headers) as socket:
            while until not in self.seen and at_most != 0:
                message: dict[str, Any] = await socket.receive_json(timeout=30)
                self.last_id = message.get("id", self.last_id)
                self.told.append(message["event"])
                self.resumed = message.get("resumed", self.resumed)
                if "facts" in message:
                    self.seen.append(message["facts"]["n"])
                    at_most = None if at_most is None else at_most - 1


async def test_each_event_is_seen_once_over_many_reconnects(phone: Phone, house: House) -> None:
    citizen_id = (await phone.sign_in())["citizen"]["id"]
    listener, last = Listener(phone), 119
    await listener.listen(-1, at_most=0)
    async with phone.session.ws_connect(
        f"{phone.base}{stream.PATH}", headers={"Authorization": f"Bearer {phone.token}"}
    ) as socket:
        listener.last_id = (await _next(socket))["id"]

    async def happen() -> None:
        for number in range(last + 1):
            await house.live.publish(_event(citizen_id, number))
            await asyncio.sleep(0.002)

    happening = asyncio.create_task(happen())
    async with asyncio.timeout(60):
        while last not in listener.seen:
            await listener.listen(last, at_most=7)
        await happening
    assert listener.seen == list(range(last + 1))
    assert listener.resumed
    assert "stream.gap" not in listener.told


async def test_place_that_is_too_old_is_a_gap_and_then_it_goes_on(phone: Phone, house: House) -> None:
    citizen_id = (await phone.sign_in())["citizen"]["id"]
    headers = {"Authorization": f"Bearer {phone.token}"}
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}?last_event_id=1-0", headers=headers) as socket:
        ready, gap = await _next(socket), await _next(socket)
        assert (ready["event"], ready["resumed"], gap["event"]) == ("stream.ready", False, "stream.gap")
        await house.live.publish(_event(citizen_id, 1))
        assert (await _next(socket))["facts"] == {"n": 1}


async def test_place_may_come_with_the_first_message(phone: Phone, house: House) -> None:
    signed_in = await phone.sign_in()
    await house.live.publish(_event(signed_in["citizen"]["id"], 0))
    start = (await house.live.since(uuid.UUID(signed_in["citizen"]["id"]), "")).last_id
    await house.live.publish(_event(signed_in["citizen"]["id"], 1))
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}") as socket:
        await socket.send_json({"access_token": signed_in["access_token"], "last_event_id": start})
        assert (await _next(socket))["resumed"] is True
        assert (await _next(socket))["facts"] == {"n": 1}


async def test_what_redis_dropped_meanwhile_is_read_again(phone: Phone, house: House) -> None:
    citizen_id = (await phone.sign_in())["citizen"]["id"]
    headers = {"Authorization": f"Bearer {phone.token}"}
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}", headers=headers) as socket:
        await _next(socket)
        link = house.broadcast._link
        assert link is not None
        # The link breaks; what is published before it is back is in the log only.
        await link.connection.disconnect()  # type: ignore[union-attr]  # there is one while it listens
        for number in range(3):
            await house.live.publish(_event(citizen_id, number))
        assert [(await _next(socket))["facts"]["n"] for _ in range(3)] == [0, 1, 2]


async def test_what_redis_dropped_while_the_log_was_read_is_read_again(
    phone: Phone, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen_id = (await phone.sign_in())["citizen"]["id"]
    headers = {"Authorization": f"Bearer {phone.token}"}
    reads, breaks = house.live.since, [True]

    async def since(asked: uuid.UUID, last_id: str) -> History:
        history: History = await reads(asked, last_id)
        if breaks.pop() if breaks else False:
            link = house.broadcast._link
            assert link is not None
            await link.connection.disconnect()  # type: ignore[union-attr]  # there is one while it listens
            await house.live.publish(_event(citizen_id, 7))
            await until("a new link", lambda: house.broadcast._link not in (None, link))
            await asyncio.sleep(0.3)  # by now the streams have been told that they may have missed something
        return history

    monkeypatch.setattr(house.live, "since", since)
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}", headers=headers) as socket:
        assert (await _next(socket))["event"] == "stream.ready"
        async with asyncio.timeout(10):
            assert (await _next(socket))["facts"] == {"n": 7}


async def test_log_that_is_gone_is_told_on_an_open_stream(phone: Phone, house: House) -> None:
    citizen_id = (await phone.sign_in())["citizen"]["id"]
    headers = {"Authorization": f"Bearer {phone.token}"}
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}", headers=headers) as socket:
        await _next(socket)
        await house.broadcast.redis.delete(f"sjt:live-log:{uuid.UUID(citizen_id).hex}")
        assert house.broadcast._link is not None
        await house.broadcast._link.connection.disconnect()  # type: ignore[union-attr]  # there is one while it listens
        gap = await _next(socket)
        assert gap["event"] == "stream.gap"
        assert gap["id"]


async def test_slow_phone_is_sent_away_and_loses_nothing(
    phone: Phone,
    house: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    citizen_id = (await phone.sign_in())["citizen"]["id"]
    listener = Listener(phone)
    headers = {"Authorization": f"Bearer {phone.token}"}
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}", headers=headers) as socket:
        await _next(socket)
        for number in range(3):
            await house.live.publish(_event(citizen_id, number))
            listener.last_id = (found := await _next(socket))["id"]
            listener.seen.append(found["facts"]["n"])
        monkeypatch.setattr(live_stream, "BUFFERED", 0)  # one event that waits is one too many
        await asyncio.gather(*(house.live.publish(_event(citizen_id, number)) for number in range(3, 20)))
        async with asyncio.timeout(30):
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                assert json.loads(message.data)["event"] == "stream.heartbeat"
        assert socket.close_code == stream.RECONNECT
    monkeypatch.setattr(live_stream, "BUFFERED", 64)
    await listener.listen(-1, at_most=17)
    assert sorted(listener.seen) == list(range(20))
