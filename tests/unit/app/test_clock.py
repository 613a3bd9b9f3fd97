"""Reading moments: what cannot be a moment in UTC is a faulty text, never another error."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app import clock


def test_beijing_time_becomes_utc() -> None:
    assert clock.from_beijing("2026-03-01 07:30:00") == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-02-30 00:00:00", "0001-01-01 00:00:00", "2026-01-01T00:00:00"])
def test_faulty_beijing_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        clock.from_beijing(text)


@pytest.mark.parametrize("text", ["", "2026-01-01T00:00:00", "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00"])
def test_faulty_rfc3339_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        clock.parse_rfc3339(text)
