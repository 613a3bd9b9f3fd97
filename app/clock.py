"""The one source of time. Everything inside is aware UTC; Asia/Shanghai appears only at the edges."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")
_EAST_8 = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def now() -> datetime:
    """Return the present moment as aware UTC."""
    return datetime.now(UTC)


def timestamp() -> int:
    """Return the present moment as whole Unix seconds."""
    return int(now().timestamp())


def monotonic() -> float:
    """Return seconds of a clock that never goes back; for durations only."""
    return time.monotonic()


def to_beijing(moment: datetime) -> datetime:
    """Convert an aware moment to Asia/Shanghai."""
    return moment.astimezone(BEIJING)


def from_beijing(text: str, pattern: str = "%Y-%m-%d %H:%M:%S") -> datetime:
    """Read a zone-less Beijing time as vendors print it; return aware UTC. Raises ValueError."""
    return _in_utc(datetime.strptime(text, pattern).replace(tzinfo=BEIJING))


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # the first and the last day that can be written
        raise ValueError("moment out of range") from error


def beijing_date(moment: datetime | None = None) -> date:
    """Return the calendar day in Beijing of a moment (default: now)."""
    return to_beijing(moment or now()).date()


def rfc3339(moment: datetime) -> str:
    """Print an aware moment as RFC 3339 with +08:00 and whole seconds, the form WeChat Pay and our API use."""
    minutes, rest = divmod(moment - _EPOCH, _MINUTE)
    return f"{_minute(minutes)}{rest.seconds:02}+08:00"


def rfc3339_or_none(moment: datetime | None) -> str | None:
    """Print a moment that may not have come yet."""
    return None if moment is None else rfc3339(moment)


@lru_cache(4096)
def _minute(minutes: int) -> str:
    """Print a minute since the epoch up to where its seconds begin; the moments of a row often share one."""
    return (_EPOCH + minutes * _MINUTE).astimezone(_EAST_8).isoformat()[:17]


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 moment with offset; return aware UTC. Raises ValueError (also when the offset is missing)."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("moment without offset")
    return _in_utc(moment)


def last_day_of_months(day: date, months: int | None) -> date | None:
    """Return the last day of so many months from `day` on: the day before the same day so many months later.

    None where there is no end.
    """
    if months is None:
        return None
    total = day.year * 12 + day.month - 1 + months
    first = date(total // 12, total % 12 + 1, 1)
    following = date((total + 1) // 12, (total + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1)) - timedelta(days=1)
