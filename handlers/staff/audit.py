"""Doors of the audit trail: lists with filters, one act, the check of the chain. For auditors and administrators."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any

import msgspec

from app import clock
from app.errors import FieldFault, InvalidRequest, NotFound
from handlers.doors import Auth, Call, Reply, Route
from handlers.staff.sheets import PAGE_LENGTH, Column, Format, Kind, export, paged
from services.staff.types import AuditCheckView, AuditFilter, AuditPage, AuditRow

_TAG = "审计"
_ALL = "/api/staff/v1/audit"
_LARGEST = 9_223_372_036_854_775_807
Text = Annotated[str, msgspec.Meta(max_length=64)]
Day = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
Cursor = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,19}$")]


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which acts to list; days are Beijing days, both included; an action ending in a dot means a whole family."""

    actor: Text = ""
    action: Text = ""
    object_no: Text = ""
    since: Day = ""
    until: Day = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: Cursor = ""


class AuditExportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which acts to take along, and in which format."""

    actor: Text = ""
    action: Text = ""
    object_no: Text = ""
    since: Day = ""
    until: Day = ""
    format: Format = "csv"


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether to check the whole chain or what has come since the last check."""

    from_start: bool = True


async def list_entries(call: Call[None]) -> Reply:
    """List acts, the newest first."""
    query: AuditQuery = call.query
    return Reply(await call.house.staff.trail.page(call.staff, filter_of(query), seq_of(query.cursor), query.limit))


async def show(call: Call[None]) -> Reply:
    """Show one act."""
    digits = call.path["seq"]
    if not (digits.isascii() and digits.isdigit() and int(digits) <= _LARGEST):
        raise NotFound("没有这条审计记录")
    return Reply(await call.house.staff.trail.show(call.staff, int(digits)))


async def take(call: Call[None]) -> Reply:
    """Take acts along as a file."""
    return await exported(call, call.query)


async def checked(call: Call[None]) -> Reply:
    """Show how far the check came."""
    return Reply(await call.house.staff.trail.checked(call.staff))


async def start_check(call: Call[CheckRequest]) -> Reply:
    """Have the chain checked in the background."""
    trail = call.house.staff.trail
    begun = await trail.start_check(call.staff, call.address, from_start=call.body.from_start)
    return Reply(begun, status=202)


async def exported(call: Call[Any], query: AuditExportQuery) -> Reply:
    """Answer with a file of acts; the export is an act too."""
    trail, wanted = call.house.staff.trail, filter_of(query)

    async def load(cursor: str | None) -> tuple[list[AuditRow], str | None]:
        found = await trail.page(call.staff, wanted, seq_of(cursor or ""), PAGE_LENGTH)
        return found.data, found.next_cursor

    asked = {name: getattr(query, name) for name in ("actor", "action", "object_no", "since", "until")}
    name = f"审计记录_{clock.beijing_date():%Y-%m-%d}"
    return await export(
        call, "audit", name, _COLUMNS, paged(load, _line), query.format, title="审计记录", filters=asked
    )


def filter_of(query: AuditQuery | AuditExportQuery) -> AuditFilter:
    """Read a filter. Raises: InvalidRequest for days that no calendar has."""
    since, until = _day("since", query.since), _day("until", query.until)
    return AuditFilter(
        actor=query.actor.strip(),
        action=query.action.strip(),
        object_no=query.object_no.strip(),
        since=_midnight(since) if since else None,
        before=_midnight(until + timedelta(days=1)) if until else None,
    )


def seq_of(cursor: str) -> int | None:
    """Read the cursor of a list of acts. Raises: InvalidRequest."""
    if cursor and int(cursor) > _LARGEST:
        raise InvalidRequest(faults=(FieldFault("cursor", "游标无效"),))
    return int(cursor) if cursor else None


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(faults=(FieldFault(name, "日期不正确"),)) from None
    if not 2000 <= day.year <= 2999:
        raise InvalidRequest(faults=(FieldFault(name, "日期不正确"),))
    return day


def _midnight(day: date) -> datetime:
    return clock.from_beijing(f"{day} 00:00:00")


def _line(entry: AuditRow) -> list[Any]:
    details = msgspec.json.encode(entry.details).decode() if entry.details else ""
    moment = clock.parse_rfc3339(entry.occurred_at)
    return [
        entry.seq, moment, entry.actor, entry.address, entry.action, entry.object_kind, entry.object_no, details,
    ]  # fmt: skip


_COLUMNS = (
    Column("序号", Kind.COUNT, 10),
    Column("时间", Kind.MOMENT, 20),
    Column("操作人", width=20),
    Column("来源地址", width=18),
    Column("行为", width=26),
    Column("对象", width=14),
    Column("对象编号", width=26),
    Column("内容", width=60),
)
ROUTES = (
    Route("GET", _ALL, list_entries, Auth.STAFF, "审计记录", _TAG, query=AuditQuery, answer=AuditPage),
    Route("GET", f"{_ALL}/export", take, Auth.STAFF, "导出审计记录", _TAG, query=AuditExportQuery),
    Route("GET", f"{_ALL}/check", checked, Auth.STAFF, "审计链核验进度", _TAG, answer=AuditCheckView),
    Route(
        "POST",
        f"{_ALL}/check",
        start_check,
        Auth.STAFF,
        "开始核验审计链",
        _TAG,
        body=CheckRequest,
        answer=AuditCheckView,
        status=202,
        example={"from_start": True},
    ),
    Route("GET", f"{_ALL}/<seq:str>", show, Auth.STAFF, "一条审计记录", _TAG, answer=AuditRow),
)
