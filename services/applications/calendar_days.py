"""Published days: reads a plan from a file, stores it, and keeps the calendar of this process in step with the table.

Called by run.py and by every process's background; the counting itself stands in clock.py.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import date

import msgspec
import structlog

from app import db
from app.errors import FieldFault, InvalidRequest
from services.applications import calendar_repository
from services.applications.calendar_repository import PublishedDay
from services.applications.clock import Calendar

_EVERY_SECONDS = 60
_YES, _NO = ("1", "true", "是", "班"), ("0", "false", "否", "休")
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
log = structlog.get_logger()


async def refresh(calendar: Calendar) -> bool:
    """Take over the table as it is now; tell whether anything was new."""
    return calendar.learn(await calendar_repository.read_days())


async def watch(calendar: Calendar) -> None:
    """Keep the calendar in step with the table until cancelled; outlives a database that is away."""
    while True:
        try:
            if await refresh(calendar):
                log.info("calendar_changed", days=len(calendar.overrides))
        except db.AWAY as error:
            log.warning("calendar_not_read", error=type(error).__name__)
        await asyncio.sleep(_EVERY_SECONDS)


async def publish(days: Sequence[PublishedDay]) -> list[date]:
    """Store a plan; return the days that are new or have changed. Idempotent."""
    return await calendar_repository.write_days(days)


def read_plan(content: bytes, *, is_json: bool) -> list[PublishedDay]:
    """Read a plan: a JSON list, or CSV with a head line; columns day, is_working, source.

    Raises: InvalidRequest naming every fault by its line; nothing of a faulty plan is used.
    """
    days, faults = [], []
    for place, entry in _entries(content, is_json=is_json):
        try:
            days.append(_day(entry))
        except ValueError as error:
            faults.append(FieldFault(place, str(error)))
    twice = {each.day for each in days if sum(other.day == each.day for other in days) > 1}
    faults += [FieldFault(day.isoformat(), "同一天出现多次") for day in sorted(twice)]
    if faults or not days:
        raise InvalidRequest("放假安排文件有误" if faults else "放假安排文件中没有日期", faults=tuple(faults))
    return days


def _entries(content: bytes, *, is_json: bool) -> list[tuple[str, dict[str, object]]]:
    try:
        if is_json:
            listed = msgspec.json.decode(content, type=list[dict[str, object]])
            return [(f"第{place}项", entry) for place, entry in enumerate(listed, 1)]
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        return [(f"第{reader.line_num}行", dict(entry)) for entry in reader]
    except (msgspec.DecodeError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest("放假安排文件无法读取：应为 UTF-8 的 CSV 或 JSON") from error


def _day(entry: dict[str, object]) -> PublishedDay:
    unknown = set(entry) - {"day", "is_working", "source"}
    if unknown:
        raise ValueError(f"不认识的列：{'、'.join(sorted(map(str, unknown)))}")
    try:
        day = date.fromisoformat(str(entry.get("day", "")).strip())
    except ValueError as error:
        raise ValueError("day 应为 2027-01-01 形式的日期") from error
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError("day 的年份不合理")
    said = str(entry.get("is_working", "")).strip().lower()
    if said not in (*_YES, *_NO):
        raise ValueError("is_working 应为 true（上班）或 false（放假）")
    source = str(entry.get("source") or "").strip()
    if not source or len(source) > 100:
        raise ValueError("source 应写明文件依据，不超过100字")
    return PublishedDay(day, said in _YES, source)
