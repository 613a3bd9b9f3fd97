"""Live events and broadcasts: bounded, private to a citizen, silent without Redis and back when Redis is."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from app.broadcast import Broadcast
from app.embedded import EmbeddedRedis
from app.events import DomainEvent
from app.live import LiveEvents
from app.live_log import KEPT_EVENTS, KEPT_SECONDS, Entry
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def broadcast(redis: Redis) -> AsyncIterator[Broadcast]:
    """A broadcast that is listening."""
    made = Broadcast(redis)
    running = asyncio.create_task(made.run())
    await until("a link", lambda: made.connected)
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _event(citizen_id: uuid.UUID, number: int = 0) -> DomainEvent:
    return DomainEvent(name="bill.paid", subject_no=f"BJ{number}", citizen_id=citizen_id.hex, facts={"n": number})


async def _heard(queue: asyncio.Queue[Entry]) -> dict[str, Any]:
    event: dict[str, Any] = msgspec.json.decode((await asyncio.wait_for(queue.get(), 30)).text)
    return event


async def test_two_streams_of_one_citizen_hear_the_same_and_leave_alone(broadcast: Broadcast) -> None:
    live, citizen = LiveEvents(broadcast), uuid.uuid4()
    first, second = asyncio.Queue[Entry](), asyncio.Queue[Entry]()
    async with live.subscribe(citizen, first.put_nowait, lambda: None):
        async with live.subscribe(citizen, second.put_nowait, lambda: None):
            await live.publish(_event(citizen))
            assert await _heard(first) == await _heard(second)
        await live.publish(_event(citizen, 1))
        assert (await _heard(first))["facts"] == {"n": 1}
        assert second.empty()


async def test_log_tells_what_came_after_an_event(broadcast: Broadcast) -> None:
    live, citizen = LiveEvents(broadcast), uuid.uuid4()
    start = await live.since(citizen, "")
    assert (start.is_whole, start.entries) == (True, ())
    for number in range(3):
        await live.publish(_event(citizen, number))
    whole = await live.since(citizen, start.last_id)
    assert [msgspec.json.decode(entry.text)["facts"]["n"] for entry in whole.entries] == [0, 1, 2]
    rest = await live.since(citizen, whole.entries[1].id)
    assert [entry.id for entry in rest.entries] == [whole.last_id]
    assert (await live.since(citizen, whole.last_id)).entries == ()


@pytest.mark.parametrize("last_id", ["1-0", "0-0", "9" * 15 + "-0", "x", "1", "-", "+", "1-0 LIMIT 1"])
async def test_unknown_place_in_the_log_is_a_gap(broadcast: Broadcast, last_id: str) -> None:
    live, citizen = LiveEvents(broadcast), uuid.uuid4()
    await live.publish(_event(citizen))
    found = await live.since(citizen, last_id)
    assert (found.is_whole, found.entries) == (False, ())
    assert (await live.since(citizen, found.last_id)).is_whole


async def test_log_is_bounded_and_ends_after_an_hour(broadcast: Broadcast, redis: Redis) -> None:
    live, citizen = LiveEvents(broadcast), uuid.uuid4()
    start = await live.since(citizen, "")
    for number in range(KEPT_EVENTS * 2):
        await live.publish(_event(citizen, number))
    assert not (await live.since(citizen, start.last_id)).is_whole
    key = f"sjt:live-log:{citizen.hex}"
    assert await redis.xlen(key) < KEPT_EVENTS * 2
    assert 0 < await redis.ttl(key) <= KEPT_SECONDS


async def test_event_of_nobody_is_not_published(broadcast: Broadcast) -> None:
    await LiveEvents(broadcast).publish(DomainEvent(name="callback.quarantined", subject_no="1"))
    assert broadcast.connected


async def test_receivers_come_back_when_redis_does(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    client = Redis.from_url(await asyncio.to_thread(server.start))
    broadcast, heard = Broadcast(client), list[bytes]()
    await broadcast.listen("channel", heard.append)
    running = asyncio.create_task(broadcast.run())
    await until("a link", lambda: broadcast.connected)
    await asyncio.to_thread(server.stop)
    await until("no link", lambda: not broadcast.connected)
    assert not await broadcast.publish("channel", b"lost")
    await LiveEvents(broadcast).publish(_event(uuid.uuid4()))

    await asyncio.to_thread(server.start)
    await until("a link", lambda: broadcast.connected)
    assert await broadcast.publish("channel", b"found")
    await until("the message", lambda: heard == [b"found"])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await client.aclose()
    await asyncio.to_thread(server.stop)
