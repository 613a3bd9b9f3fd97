"""Live events and broadcasts: bounded, private to a citizen, silent without Redis and back when Redis is."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from app.broadcast import Broadcast
from app.embedded import EmbeddedRedis
from app.events import DomainEvent
from app.live import BUFFERED, LiveEvents

pytestmark = pytest.mark.anyio


async def _until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "did not come about"
        await asyncio.sleep(0.01)


@pytest.fixture
async def broadcast(redis: Redis) -> AsyncIterator[Broadcast]:
    """A broadcast that is listening."""
    made = Broadcast(redis)
    running = asyncio.create_task(made.run())
    await _until(lambda: made.connected)
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _event(citizen_id: uuid.UUID, number: int = 0) -> DomainEvent:
    return DomainEvent(name="bill.paid", subject_no=f"BJ{number}", citizen_id=citizen_id.hex, facts={"n": number})


async def test_slow_reader_keeps_the_newest_events(broadcast: Broadcast) -> None:
    live, citizen = LiveEvents(broadcast), uuid.uuid4()
    async with live.subscribe(citizen) as waiting:
        for number in range(BUFFERED + 10):
            await live.publish(_event(citizen, number))
        await _until(lambda: msgspec.json.decode(waiting._queue[-1])["facts"]["n"] == BUFFERED + 9)  # type: ignore[attr-defined]  # asyncio's own deque
        assert waiting.qsize() == BUFFERED
        assert msgspec.json.decode(await waiting.get())["facts"]["n"] == 10


async def test_two_streams_of_one_citizen_hear_the_same_and_leave_alone(broadcast: Broadcast) -> None:
    live, citizen = LiveEvents(broadcast), uuid.uuid4()
    async with live.subscribe(citizen) as first:
        async with live.subscribe(citizen) as second:
            await live.publish(_event(citizen))
            assert await asyncio.wait_for(first.get(), 30) == await asyncio.wait_for(second.get(), 30)
        await live.publish(_event(citizen, 1))
        assert msgspec.json.decode(await asyncio.wait_for(first.get(), 30))["facts"] == {"n": 1}
        assert second.empty()


async def test_event_of_nobody_is_not_published(broadcast: Broadcast) -> None:
    await LiveEvents(broadcast).publish(DomainEvent(name="callback.quarantined", subject_no="1"))
    assert broadcast.connected


async def test_receivers_come_back_when_redis_does(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    client = Redis.from_url(await asyncio.to_thread(server.start))
    broadcast, heard = Broadcast(client), list[bytes]()
    await broadcast.listen("channel", heard.append)
    running = asyncio.create_task(broadcast.run())
    await _until(lambda: broadcast.connected)
    await asyncio.to_thread(server.stop)
    await _until(lambda: not broadcast.connected)
    assert not await broadcast.publish("channel", b"lost")
    await LiveEvents(broadcast).publish(_event(uuid.uuid4()))

    await asyncio.to_thread(server.start)
    await _until(lambda: broadcast.connected)
    assert await broadcast.publish("channel", b"found")
    await _until(lambda: heard == [b"found"])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await client.aclose()
    await asyncio.to_thread(server.stop)
