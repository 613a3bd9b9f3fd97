"""Health of providers: counted in memory, added up over processes, with the breakers' states; gone after a week."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from app import db
from app.errors import Forbidden, NotFound
from app.provider_health import ProviderHealth, forget_minutes
from clients.breaker import Breaker
from services.operations.types import ProviderHealthView
from tests.integration.operations.conftest import ADMINISTRATOR, AUDITOR, CLERK, House

pytestmark = pytest.mark.anyio


async def _one(house: House, provider: str) -> ProviderHealthView:
    listed = await house.operations.providers(AUDITOR)
    return next(row for row in listed.data if row.provider == provider)


def _call(health: ProviderHealth, outcome: str, times: int = 1, provider: str = "sms") -> None:
    for _ in range(times):
        health.observe(provider, "send", outcome, 0.25)


async def test_counts_of_all_processes_add_up(house: House, redis: Redis) -> None:
    other = ProviderHealth(redis)
    _call(house.health, "answered", 6)
    _call(other, "timeout", 2)
    _call(other, "circuit_open", 3)
    _call(other, "abandoned", 9)
    await asyncio.gather(house.health.flush(), other.flush())
    shown = await _one(house, "sms")
    assert (shown.calls_5, shown.failed_5, shown.calls_60, shown.failed_60, shown.refused_60) == (8, 2, 8, 2, 3)
    assert (shown.last_code, shown.slowest_ms_60) == ("timeout", 250)
    assert shown.last_success_at is not None
    assert shown.last_failure_at is not None


async def test_nothing_is_written_on_the_calls_path_and_nothing_twice(house: House) -> None:
    _call(house.health, "answered")
    assert await db.fetch_all("SELECT 1 FROM provider_minute") == []
    assert await house.health.flush()
    assert not await house.health.flush()
    assert (await _one(house, "sms")).calls_60 == 1


async def test_what_a_database_that_is_away_did_not_take_comes_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> int:
        _call(house.health, "timeout")
        raise ConnectionError

    _call(house.health, "answered", 2)
    with monkeypatch.context() as patched:
        patched.setattr(db, "execute", away)
        assert not await house.health.flush()
    assert await house.health.flush()
    shown = await _one(house, "sms")
    assert (shown.calls_60, shown.failed_60) == (3, 1)


async def test_open_breaker_of_any_process_is_seen(house: House, redis: Redis) -> None:
    other, breaker = ProviderHealth(redis), Breaker(failure_threshold=1)
    house.health.watch("alipay", Breaker())
    other.watch("alipay", breaker)
    await asyncio.gather(house.health.publish_breakers(), other.publish_breakers())
    assert (await _one(house, "alipay")).breaker == "CLOSED"
    assert breaker.admit()
    breaker.record_failure()
    await other.publish_breakers()
    assert (await _one(house, "alipay")).breaker == "OPEN"


async def test_note_of_a_process_that_is_gone_is_not_believed(house: House, redis: Redis) -> None:
    await redis.hset("sjt:breakers", "gone:1", b'{"at": 5, "states": {"alipay": "OPEN"}}')
    house.health.watch("alipay", Breaker())
    assert (await _one(house, "alipay")).breaker == "CLOSED"


async def test_department_systems_are_one_provider(house: House) -> None:
    for system in range(5):
        _call(house.health, "answered", provider=f"department:{system}-with-a-very-long-code")
    await house.health.flush()
    assert (await _one(house, "department")).calls_60 == 5


async def test_last_day_is_shown_by_the_hour(house: House) -> None:
    _call(house.health, "answered", 4)
    await house.health.flush()
    detail = await house.operations.provider(ADMINISTRATOR, "sms")
    assert len(detail.hours) == 24
    assert detail.hours[-1].succeeded == 4
    with pytest.raises(NotFound):
        await house.operations.provider(ADMINISTRATOR, "nobody")


async def test_clerks_do_not_look(house: House) -> None:
    with pytest.raises(Forbidden):
        await house.operations.providers(CLERK)


async def test_minutes_are_kept_for_a_week(house: House) -> None:
    _call(house.health, "answered")
    await house.health.flush()
    await forget_minutes()
    assert (await _one(house, "sms")).calls_60 == 1
    await db.execute("UPDATE provider_minute SET minute_at = minute_at - interval '8 days'")
    await forget_minutes()
    assert await db.fetch_all("SELECT 1 FROM provider_minute") == []


async def test_statement_that_fails_once_does_not_lose_what_was_counted(house: House) -> None:
    _call(house.health, "answered", 2)
    async with db.connection() as link:
        await link.execute("ALTER TABLE provider_minute RENAME TO provider_minute_away")
        try:
            assert not await house.health.flush()
        finally:
            await link.execute("ALTER TABLE provider_minute_away RENAME TO provider_minute")
    assert await house.health.flush()
    assert (await _one(house, "sms")).calls_60 == 2
