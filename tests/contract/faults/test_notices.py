"""Every row of the fault matrix of notices against the simulated platforms and a real database: what is made of the
fault, where it leaves the notice and the permission, and that the phone has the message once the fault is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import asyncpg
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from app import clock, db
from notify.delivering.allowances import next_midnight
from notify.service import NotifyService
from tests.contract.faults.notice_matrix import ROWS, NoticeRow
from tests.contract.faults.notice_stands import NoticeStand
from tests.contract.simulators.simulator_process import Simulators

pytestmark = pytest.mark.anyio
CASES = [case for row in ROWS for case in row.cases()]


def _name(case: tuple[NoticeRow, str]) -> str:
    row, fault = case
    return f"{row.channel} {fault}".replace(" ", "-")


@pytest.fixture
async def clean(platforms: Simulators, books: asyncpg.Connection, redis: Redis) -> AsyncIterator[aiohttp.ClientSession]:
    """Empty platforms, books and Redis."""
    platforms.control("POST", "/reset")
    platforms.sink.clear()
    await books.execute("TRUNCATE notice, notice_attempt, subscription, notice_template, pgqueuer, inbox_event")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


def _alarms() -> float:
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        if metric.name == "sjt_notice_faults"
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


@pytest.mark.parametrize("case", CASES, ids=_name)
async def test_row(
    clean: aiohttp.ClientSession, platforms: Simulators, redis: Redis, case: tuple[NoticeRow, str]
) -> None:
    row, fault = case
    stand = NoticeStand(platforms, clean, redis, row.channel)
    await stand.begin()
    house, alarms = stand.house, _alarms()
    await house.service.tell(house.event())
    notice = await house.notice()
    with stand.trouble(fault):
        await house.service.deliver(notice["id"], notice["occurred_at"])
        assert await stand.state() == row.notice.removesuffix(" until midnight")
        assert [outcome for channel, outcome in await house.attempts() if channel == stand.name][:1] == [row.outcome]
        assert await stand.stock() == row.stock
        assert (_alarms() > alarms) is row.alarm
    if fault == "timeout":
        await asyncio.sleep(0.6)
    if row.notice == "QUEUED until midnight":
        late = (await house.notice())["next_try_at"] - next_midnight(clock.now())
        assert timedelta() < late <= timedelta(minutes=30)
    await house.retry_now()
    assert (await stand.state()).startswith(row.end)
    # SMS have neither number nor permission: one whose answer was lost arrives twice where the policy repeats it.
    twice = fault in ("lost", "timeout") and stand.name == "SMS"
    here = row.end == f"SENT / {stand.name}"
    assert stand.seen() == (int(here) + twice if here else 0)


def test_every_code_stands_once() -> None:
    names = [(row.channel, fault) for row, fault in CASES]
    assert len(names) == len(set(names))


async def test_a_refused_token_is_renewed_by_exactly_one_of_two_processes(
    clean: aiohttp.ClientSession, platforms: Simulators, redis: Redis
) -> None:
    one, other = (NoticeStand(platforms, clean, redis, "WECHAT") for _ in range(2))
    await one.begin()
    for _ in range(8):
        await one.allow()
    await one.house.service.tell(one.house.event())
    await one.house.drain()
    platforms.control("POST", "/wechat/tokens/revoke", {})
    for _ in range(8):
        await one.house.service.tell(one.house.event())
    rows = await db.fetch_all("SELECT id, occurred_at FROM notice WHERE status = 'QUEUED'")
    services = [one.house.service, NotifyService(other.house.service.table, one.house.recipients)]
    before = len(platforms.control("GET", "/requests?provider=wechat&call=stable_token&limit=50"))
    await asyncio.gather(*(services[at % 2].deliver(row["id"], row["occurred_at"]) for at, row in enumerate(rows)))
    renewals = len(platforms.control("GET", "/requests?provider=wechat&call=stable_token&limit=50")) - before
    assert renewals == 1
    assert one.seen() == 9
