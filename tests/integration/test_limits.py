"""Rate limits: shared through Redis, local without it, and free of charge for those who stay far below."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from app import clock
from app.errors import TooManyRequests
from app.limits import Pace, RateLimits

pytestmark = pytest.mark.anyio
RULE = "20/minute"
PACE = Pace(free=3, most_seconds=8, window_seconds=100)


async def _allowed(hit: Callable[..., Awaitable[None]], key: str, times: int) -> int:
    """Hit so many times; return how many were allowed."""
    refusals = []
    for _ in range(times):
        try:
            await hit(RULE, "write", key)
        except TooManyRequests as refused:
            refusals.append(refused.retry_after_seconds)
    assert set(refusals) <= {60}
    return times - len(refusals)


async def test_every_hit_is_counted_for_all_processes(redis: Redis) -> None:
    first, second = RateLimits(redis), RateLimits(redis)
    assert await _allowed(first.hit, "a", 15) == 15
    assert await _allowed(second.hit, "a", 15) == 5
    assert await _allowed(first.hit, "b", 3) == 3


async def test_rare_hits_cost_no_round_trip(redis: Redis) -> None:
    assert await _allowed(RateLimits(redis).hit_often, "a", 2) == 2
    assert await redis.keys() == []


async def test_who_goes_beyond_the_free_share_is_counted_whole(redis: Redis) -> None:
    assert await _allowed(RateLimits(redis).hit_often, "a", 30) == 20
    assert await _allowed(RateLimits(redis).hit_often, "a", 10) == 2, "the free share of another process"


async def test_a_new_window_begins_anew(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = RateLimits(redis)
    assert await _allowed(limits.hit_often, "a", 30) == 20
    await redis.flushdb()
    later = clock.monotonic() + 60
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert await _allowed(limits.hit_often, "a", 30) == 20


async def test_without_redis_each_process_counts_for_itself() -> None:
    limits = RateLimits(Redis.from_url("unix:///nowhere/redis.sock"))
    assert await _allowed(limits.hit, "a", 30) == 20
    assert await _allowed(limits.hit_often, "b", 30) == 20


async def _pauses(limits: RateLimits, tries: int) -> list[int]:
    """Guess wrongly so many times; return the pauses that were told."""
    told = []
    for _ in range(tries):
        try:
            await limits.begin_try(PACE, "door")
        except TooManyRequests as refused:
            told.append(refused.retry_after_seconds)
    return told


async def test_wrong_tries_are_followed_by_growing_pauses_for_all_processes(redis: Redis) -> None:
    first, second = RateLimits(redis), RateLimits(redis)
    assert await _pauses(first, 4) == [], "the one that begins a pause is still looked at"
    assert await _pauses(second, 2) == [2, 2]
    for pause in (4, 8, 8):
        await redis.delete("pace:door:pause")
        assert await _pauses(first, 3) == [pause, pause]
    await redis.delete("pace:door:tries", "pace:door:pause")
    assert await _pauses(first, 3) == [], "its window has ended"


async def test_right_try_is_not_counted_and_lifts_no_wrong_one(redis: Redis) -> None:
    limits = RateLimits(redis)
    for _ in range(10):
        await limits.begin_try(PACE, "door")
        await limits.take_back("door")
    assert await _pauses(limits, 4) == []
    assert await _pauses(limits, 1) == [2]
    await redis.delete("pace:door:pause")
    await limits.begin_try(PACE, "door")
    await limits.take_back("door")
    assert await _pauses(limits, 2) == [4], "the wrong ones before still count"


async def test_pauses_are_kept_in_the_process_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, now = RateLimits(Redis.from_url("unix:///nowhere/redis.sock")), clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    assert await _pauses(limits, 6) == [2, 2]
    now += 2
    assert await _pauses(limits, 2) == [4]
    now += 100
    assert await _pauses(limits, 4) == []
