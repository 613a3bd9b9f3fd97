"""The console's stream: topics to signed-in staff, for as long as the session lives and without keeping it alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest
from redis.asyncio import Redis

from app import db
from app.announcing import Announcing, topics_of
from app.broadcast import Broadcast
from app.events import DomainEvent
from app.live import Announcements
from handlers.staff import stream
from services.staff.types import Terms
from tests.doorway import served
from tests.integration.console.conftest import Browser, House
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def announcements(redis: Redis, house: House) -> AsyncIterator[Announcements]:
    """The house's announcements, listening, under the names that the door expects."""
    broadcast = Broadcast(redis)
    running = asyncio.create_task(broadcast.run())
    await until("the broadcast", lambda: broadcast.connected)
    house.announcements, house.limits = Announcements(broadcast), house.staff._limits  # type: ignore[attr-defined]
    yield house.announcements  # type: ignore[attr-defined]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def _open(browser: Browser) -> AsyncIterator[aiohttp.ClientResponse]:
    # Cookies go by host, not by port: the browser's session opens this door as well.
    async with (
        served(browser.house, stream.ROUTES) as base,
        browser.session.get(f"{base}/staff/stream", allow_redirects=False) as response,
    ):
        yield response


async def _line(response: aiohttp.ClientResponse) -> str:
    async with asyncio.timeout(20):
        while not (line := (await response.content.readline()).strip()):
            assert not response.content.at_eof(), "the stream has ended"
    return line.decode()


async def test_stream_names_what_changed(clerk: Browser, announcements: Announcements) -> None:
    async with _open(clerk) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert await _line(response) == "retry: 3000"
        for topic in ("cases", "refunds", "cases"):
            await announcements.publish(topic)
        assert set((await _line(response)).removeprefix("data: ").split()) <= {"cases", "refunds"}


async def test_nobody_signed_in_is_led_to_the_sign_in_page(browser: Browser, announcements: Announcements) -> None:
    async with _open(browser) as response:
        assert response.status == 303
        assert response.headers["Location"].startswith("/staff/sign-in")


async def test_heartbeats_keep_a_silent_stream_open(
    clerk: Browser, announcements: Announcements, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    async with _open(clerk) as response:
        assert [await _line(response) for _ in range(3)] == ["retry: 3000", ":", ":"]


async def test_stream_ends_with_the_session(
    clerk: Browser, announcements: Announcements, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    async with _open(clerk) as response:
        assert await _line(response) == "retry: 3000"
        await db.execute("UPDATE staff_session SET revoked_at = now()")
        async with asyncio.timeout(20):
            await response.content.read()


async def test_open_page_does_not_keep_an_unattended_session_alive(
    clerk: Browser, announcements: Announcements
) -> None:
    left = Terms().idle - timedelta(seconds=60)
    clerk.house.staff.sessions._seen.clear()
    await db.execute("UPDATE staff_session SET last_seen_at = now() - $1::interval", left)
    async with clerk.session.get(f"{clerk.base}/staff", headers={"X-Unattended": "1"}) as answer:
        assert answer.status == 200
    row = await db.fetch_row("SELECT now() - last_seen_at AS idle FROM staff_session")
    assert row is not None
    assert row["idle"] >= left
    async with clerk.session.get(f"{clerk.base}/staff") as answer:
        assert answer.status == 200
    row = await db.fetch_row("SELECT now() - last_seen_at AS idle FROM staff_session")
    assert row is not None
    assert row["idle"] < timedelta(seconds=30)


async def test_slow_reader_neither_grows_nor_holds_others_up(announcements: Announcements) -> None:
    async with announcements.subscribe() as slow, announcements.subscribe() as quick:
        for number in range(200):
            await announcements.publish(f"case:BJ{number}")
        heard: set[str] = set()
        async with asyncio.timeout(20):
            while len(heard) < 64:
                heard.update(await quick.changed())
        assert len(slow._named) <= 64


@pytest.mark.parametrize(
    ("event", "topics"),
    [
        (DomainEvent(name="application.accepted", subject_no="BJ1"), ["cases", "case:BJ1"]),
        (DomainEvent(name="refund.closed", subject_no="P1"), ["refunds"]),
        (DomainEvent(name="consultation.asked", subject_no="Z1"), ["consultations", "consultation:Z1"]),
        (
            DomainEvent(name="payment.closed", subject_no="P1", facts={"application_no": "BJ2"}),
            ["payments", "case:BJ2"],
        ),
        (DomainEvent(name="callback.quarantined", subject_no="1"), ["payments"]),
        (DomainEvent(name="citizen.merged", subject_no="1"), []),
    ],
)
async def test_topics_of_an_event(event: DomainEvent, topics: list[str]) -> None:
    assert topics_of(event) == topics


async def test_event_reaches_open_pages(announcements: Announcements) -> None:
    async with announcements.subscribe() as topics:
        await Announcing(announcements).announce(DomainEvent(name="application.accepted", subject_no="BJ1"))
        heard: set[str] = set()
        async with asyncio.timeout(20):
            while len(heard) < 2:
                heard.update(await topics.changed())
        assert heard == {"cases", "case:BJ1"}
