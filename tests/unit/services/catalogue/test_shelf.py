"""The shelf: one loader at a time, bounded, fresh for its time, stale answers only while the database is away."""

from __future__ import annotations

import asyncio

import pytest

from app import clock
from services.catalogue.shelf import Shelf

pytestmark = pytest.mark.anyio


class Clock:
    """A movable monotonic clock."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that the shelf reads."""
    moved = Clock()
    monkeypatch.setattr(clock, "monotonic", moved)
    return moved


class Source:
    """Counts loads; fails while `away`."""

    def __init__(self) -> None:
        self.loads = 0
        self.away = False

    async def __call__(self) -> int:
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionRefusedError
        self.loads += 1
        return self.loads


async def test_answer_is_kept_for_its_time(moment: Clock) -> None:
    shelf, source = Shelf[int](10, most=5), Source()
    assert [await shelf.get("a", source) for _ in range(3)] == [1, 1, 1]
    moment.seconds += 10
    assert shelf.fresh("a") is None
    assert await shelf.get("a", source) == 2
    shelf.clear()
    assert await shelf.get("a", source) == 3


async def test_many_who_wait_load_once(moment: Clock) -> None:
    shelf, source = Shelf[int](10, most=5), Source()
    assert await asyncio.gather(*(shelf.get("a", source) for _ in range(50))) == [1] * 50
    assert source.loads == 1


async def test_oldest_answer_goes_first(moment: Clock) -> None:
    shelf, source = Shelf[int](10, most=2), Source()
    for key in "abc":
        await shelf.get(key, source)
    assert [shelf.fresh(key) for key in "abc"] == [None, 2, 3]


async def test_stale_answer_serves_while_the_database_is_away(moment: Clock) -> None:
    shelf, source = Shelf[int](10, most=2), Source()
    await shelf.get("a", source)
    source.away = True
    moment.seconds += 60
    assert await shelf.get("a", source) == 1
    with pytest.raises(ConnectionRefusedError):
        await shelf.get("b", source)
    moment.seconds += 600
    with pytest.raises(ConnectionRefusedError):
        await shelf.get("a", source)
