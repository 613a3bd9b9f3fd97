"""Pages of the catalogue: items with search, one with its versions, the check report, and their files.

The same use cases as the JSON doors in handlers/staff/items.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import msgspec

from app import clock
from handlers.doors import Call, Reply
from handlers.pages import page, page_route
from handlers.parsing import read_cursor
from handlers.staff.addresses import address_of, turns
from handlers.staff.sheets import PAGE_LENGTH, Column, Format, Kind, Rows, export, paged
from services.catalogue.publishing.types import STATUS_TEXT, ItemFinding, VersionView

LIST = "/staff/items"
_REPORT = f"{LIST}/report"
_PAGE_LENGTH = 20
_MOST_FINDINGS = 500
"""Findings that a page shows; the file has them all."""
_COLUMNS = (
    Column("实施编码", width=34),
    Column("版本", Kind.COUNT),
    Column("事项名称", width=40),
    Column("区划代码"),
    Column("部门代码", width=22),
    Column("状态", width=16),
    Column("实施日期"),
    Column("来源", width=18),
    Column("发布时间", Kind.MOMENT, 20),
    Column("发布人"),
    Column("下架时间", Kind.MOMENT, 20),
)
_REPORT_COLUMNS = (
    Column("实施编码", width=34),
    Column("版本", Kind.COUNT),
    Column("要素", width=34),
    Column("问题", width=60),
)
Text = Annotated[str, msgspec.Meta(max_length=64)]


class ItemQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which versions: by code or words of the name, by status (empty: waiting or published), by department."""

    q: Text = ""
    status: Literal["", "DRAFT", "PUBLISHED", "WITHDRAWN"] = ""
    department: Annotated[str, msgspec.Meta(max_length=18)] = ""
    cursor: Text = ""


class ItemExportQuery(ItemQuery, forbid_unknown_fields=True, kw_only=True):
    """The same, as what."""

    format: Format = "csv"


class ReportExportQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """As what."""

    format: Format = "csv"


async def items(call: Call[None]) -> Reply:
    """Show a page of items."""
    query: ItemQuery = call.query
    rows, following = await call.house.publishing.page(
        call.staff,
        query.status,
        read_cursor(query.cursor),
        _PAGE_LENGTH,
        text=query.q.strip(),
        department_code=query.department,
    )
    chosen = {"q": query.q.strip(), "status": query.status, "department": query.department}
    names = await call.house.catalogue.department_names()
    return page(
        call,
        "staff/items.html",
        here="items",
        rows=rows,
        query=query,
        statuses=STATUS_TEXT,
        names=names,
        departments=sorted(names.items(), key=lambda each: each[1]),
        export_address=address_of(f"{LIST}/export", **chosen),
        **turns(LIST, query.cursor, following, **chosen),
    )


async def items_export(call: Call[None]) -> Reply:
    """Send the items as a file."""
    query: ItemExportQuery = call.query
    publishing, text = call.house.publishing, query.q.strip()
    rows = paged(
        lambda after: publishing.page(
            call.staff, query.status, after, PAGE_LENGTH, text=text, department_code=query.department
        ),
        _row,
    )
    filters = {"q": text, "status": query.status, "department": query.department}
    name = f"事项_{clock.beijing_date()}"
    return await export(call, "items", name, _COLUMNS, rows, query.format, title="事项", filters=filters)


async def item(call: Call[None]) -> Reply:
    """Show an item with its versions."""
    found = await call.house.publishing.versions(call.staff, call.path["item_code"])
    names = await call.house.catalogue.department_names()
    return page(call, "staff/item.html", here="items", versions=found.data, newest=found.data[0], names=names)


async def report(call: Call[None]) -> Reply:
    """Show what the rules say of the items in scope."""
    found = await call.house.publishing.report(call.staff)
    return page(
        call,
        "staff/item_report.html",
        here="items",
        looked_at=found.looked_at,
        total=len(found.findings),
        findings=found.findings[:_MOST_FINDINGS],
        export_address=f"{_REPORT}/export",
    )


async def report_export(call: Call[None]) -> Reply:
    """Send the report as a file."""
    found = await call.house.publishing.report(call.staff)
    name = f"要素检查_{clock.beijing_date()}"
    rows = _findings(found.findings)
    return await export(call, "item_report", name, _REPORT_COLUMNS, rows, call.query.format, title="要素检查")


async def _findings(found: tuple[ItemFinding, ...]) -> AsyncIterator[Rows]:
    yield [[each.item_code, each.version, each.path, each.message] for each in found]


def _row(view: VersionView) -> list[object]:
    return [
        view.item_code,
        view.version,
        view.name,
        view.division_code,
        view.department_code,
        view.status_text,
        view.effective_on,
        view.feed,
        clock.parse_rfc3339(view.published_at) if view.published_at else None,
        view.published_by,
        clock.parse_rfc3339(view.withdrawn_at) if view.withdrawn_at else None,
    ]


ROUTES = (
    page_route(LIST, items, "事项库", ItemQuery),
    page_route(f"{LIST}/export", items_export, "导出事项", ItemExportQuery),
    page_route(_REPORT, report, "要素检查"),
    page_route(f"{_REPORT}/export", report_export, "导出要素检查", ReportExportQuery),
    page_route(f"{LIST}/<item_code:str>", item, "事项的版本"),
)
