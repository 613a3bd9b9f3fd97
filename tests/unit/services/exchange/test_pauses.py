"""The pauses between tries of an event."""

from __future__ import annotations

from datetime import timedelta

from services.exchange.delivery import pause_after


def test_pauses_grow_to_half_an_hour_and_are_never_alike() -> None:
    assert timedelta(seconds=1.6) <= pause_after(0) <= timedelta(seconds=2.4)
    assert timedelta(minutes=24) <= pause_after(30) <= timedelta(minutes=36)
    assert len({pause_after(5) for _ in range(20)}) > 1
