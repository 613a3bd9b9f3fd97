"""When a courier may come to pick up: the windows on offer, what a person may ask for, and moving on from a past one.

Pure; moments are aware UTC, hours are Beijing's.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from app import clock
from app.errors import FieldFault, InvalidRequest

_FIRST_HOUR, _LAST_HOUR = 9, 19
_LENGTH = timedelta(hours=2)
_NOTICE = timedelta(hours=1)
_DAYS = 3
_SHORTEST, _LONGEST, _FURTHEST = timedelta(hours=1), timedelta(hours=10), timedelta(days=7)


def windows(now: datetime) -> list[tuple[datetime, datetime]]:
    """Return the two-hour windows of today and the days after, that begin late enough for a courier to hear of them."""
    today = clock.beijing_date(now)
    starts = (
        datetime.combine(today + timedelta(days=day), time(hour), clock.BEIJING)
        for day in range(_DAYS)
        for hour in range(_FIRST_HOUR, _LAST_HOUR, 2)
    )
    return [(start, start + _LENGTH) for start in starts if start >= now + _NOTICE]


def require_window(since: datetime | None, until: datetime | None, now: datetime) -> None:
    """Refuse a pick-up time that no courier could keep; none at all is fine. Raises: InvalidRequest."""
    if since is None and until is None:
        return
    if since is None or until is None:
        raise _wrong("pickup_from" if since is None else "pickup_until", "请同时选择上门取件的开始和结束时间")
    if since < now:
        raise _wrong("pickup_from", "上门取件时间应晚于现在")
    if since > now + _FURTHEST:
        raise _wrong("pickup_from", "上门取件时间应在7天以内")
    if not _SHORTEST <= until - since <= _LONGEST:
        raise _wrong("pickup_until", "上门取件时间段应为1至10小时")
    if clock.to_beijing(since).hour < _FIRST_HOUR - 1 or clock.to_beijing(since).hour >= _LAST_HOUR + 1:
        raise _wrong("pickup_from", "上门取件时间应在8时至20时之间")


def still_ahead(
    since: datetime | None, until: datetime | None, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return a pick-up time that has not passed: the same hours of the next day that is still ahead."""
    if since is None or until is None:
        return None, None
    days = 0
    while since + timedelta(days=days) < now:
        days += 1
    return since + timedelta(days=days), until + timedelta(days=days)


def _wrong(field: str, sentence: str) -> InvalidRequest:
    return InvalidRequest(faults=(FieldFault(field, sentence),))
