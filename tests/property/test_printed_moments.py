"""Printed moments: every instant is shown as it is read in Beijing, to the second, and read back as itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from app import clock

_EAST_8 = timezone(timedelta(hours=8))
_FIRST, _LAST = datetime.fromisoformat("1000-01-02"), datetime.fromisoformat("9999-12-30")
_ZONES = st.sampled_from([UTC, _EAST_8, timezone(timedelta(hours=-5, minutes=-30))])


@given(st.datetimes(_FIRST, _LAST, timezones=_ZONES))
def test_moment_is_printed_to_the_second_at_plus_eight(moment: datetime) -> None:
    printed = clock.rfc3339(moment)
    assert printed == moment.astimezone(_EAST_8).isoformat(timespec="seconds")
    assert clock.parse_rfc3339(printed) == moment.replace(microsecond=0)
