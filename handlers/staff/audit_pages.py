"""Pages of the audit trail: acts by filter, and the check of the chain with its progress."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec

from app.errors import Conflict, InvalidRequest, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from handlers.staff.audit import AuditExportQuery, AuditQuery, exported, filter_of, seq_of

_LIST = "/staff/audit"
_PAGE_LENGTH = 50
_FILTERS = ("actor", "action", "object_no", "since", "until")


class AuditPageQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which acts to show; what is wrong with it is said on the page."""

    actor: Annotated[str, msgspec.Meta(max_length=64)] = ""
    action: Annotated[str, msgspec.Meta(max_length=64)] = ""
    object_no: Annotated[str, msgspec.Meta(max_length=64)] = ""
    since: Annotated[str, msgspec.Meta(max_length=16)] = ""
    until: Annotated[str, msgspec.Meta(max_length=16)] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=24)] = ""


class CheckForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Which of the two buttons was pressed."""

    scope: Literal["all", "new"] = "all"


async def entries(call: Call[None]) -> Reply:
    """Show a page of acts."""
    return await _entries(call, call.query)


async def take(call: Call[None]) -> Reply:
    """Take acts along as a file."""
    return await exported(call, call.query)


async def check_part(call: Call[None]) -> Reply:
    """Answer with the part of the page that tells of the check."""
    return page(call, "staff/audit_check.html", check=await call.house.staff.trail.checked(call.staff))


async def start_check(call: Call[CheckForm]) -> Reply:
    """Have the chain checked in the background."""
    try:
        await call.house.staff.trail.start_check(call.staff, call.address, from_start=call.body.scope == "all")
    except Conflict as refusal:
        return await _entries(call, AuditPageQuery(), refusal)
    return see_other(_LIST)


async def _entries(call: Call[Any], query: AuditPageQuery, refusal: SanjinError | None = None) -> Reply:
    trail, rows, following = call.house.staff.trail, [], None
    check = await trail.checked(call.staff)
    try:
        asked = msgspec.convert(_given(query), AuditQuery)
        found = await trail.page(call.staff, filter_of(asked), seq_of(asked.cursor), _PAGE_LENGTH)
        rows, following = found.data, found.next_cursor
    except msgspec.ValidationError:
        refusal = InvalidRequest("查询条件不正确，日期应为 年-月-日")
    except InvalidRequest as fault:
        refusal = fault
    return page(
        call,
        "staff/audit.html",
        here="audit",
        status=refusal.status if refusal else 200,
        rows=rows,
        query=query,
        check=check,
        shown=_shown,
        export_address=f"{_LIST}/export?{urlencode({name: getattr(query, name) for name in _FILTERS})}",
        next_address=_address(query, following) if following else "",
        first_address=_address(query) if query.cursor else "",
        problem=refusal,
    )


def _given(query: AuditPageQuery) -> dict[str, str]:
    return {name: getattr(query, name) for name in (*_FILTERS, "cursor")}


def _address(query: AuditPageQuery, cursor: str = "") -> str:
    chosen = {name: value for name, value in {**_given(query), "cursor": cursor}.items() if value}
    return f"{_LIST}?{urlencode(chosen)}" if chosen else _LIST


def _shown(value: Any) -> str:
    """Write one detail of an act for a person."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(_shown(one) for one in value) or "无"
    if isinstance(value, dict):
        return "；".join(f"{name}：{_shown(one)}" for name, one in value.items()) or "无"
    return "—" if value is None else str(value)


ROUTES = (
    page_route(_LIST, entries, "审计", AuditPageQuery),
    page_route(f"{_LIST}/export", take, "导出审计记录", AuditExportQuery),
    page_route(f"{_LIST}/check", check_part, "审计链核验进度"),
    form_route(f"{_LIST}/check", start_check, "开始核验审计链", CheckForm),
)
