"""The page of rating figures: sums by department or item over some months, with a chart, and the same as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import msgspec

from app import clock
from handlers.doors import Call, Reply
from handlers.pages import page, page_route
from handlers.staff.addresses import address_of
from handlers.staff.sheets import Column, Format, Kind, Rows, export
from services.ratings.types import FEWEST, RatingSum, SumsBy

_ADDRESS = "/staff/rating-figures"
_TITLES = {SumsBy.DEPARTMENT: "部门", SumsBy.ITEM: "事项"}
_CHARTED = 20
"""Bars that a person takes in; the table below has them all."""
Months = Annotated[int, msgspec.Meta(ge=1, le=60)]


class FigureQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """By what, and over how many months, this one included."""

    by: Literal["department", "item"] = "department"
    months: Months = 12


class FigureExportQuery(FigureQuery, forbid_unknown_fields=True, kw_only=True):
    """The same, as what."""

    format: Format = "csv"


async def figures(call: Call[None]) -> Reply:
    """Show sums of ratings."""
    query: FigureQuery = call.query
    rows = await _named(call, query)
    charted = [
        (row.name, row.content_permille, f"{row.content_permille / 10:.1f}%（{row.total}次）")
        for row in rows
        if row.content_permille is not None
    ]
    return page(
        call,
        "staff/rating_figures.html",
        here="rating_figures",
        rows=rows,
        charted=charted[:_CHARTED],
        by=query.by,
        titles={by.value: title for by, title in _TITLES.items()},
        months=query.months,
        fewest=FEWEST,
        export_address=address_of(f"{_ADDRESS}/export", by=query.by, months=query.months),
    )


async def figures_export(call: Call[None]) -> Reply:
    """Send the sums as a file."""
    query: FigureExportQuery = call.query
    title = _TITLES[SumsBy(query.by)]
    columns = (
        Column(f"{title}代码", width=34),
        Column(title, width=34),
        Column("评价次数", Kind.COUNT),
        Column("满意率（%）"),
    )
    name, filters = f"好差评_{title}_{clock.beijing_date()}", {"by": query.by, "months": query.months}
    rows = _one_page(await _named(call, query))
    return await export(call, "rating_figures", name, columns, rows, query.format, title="好差评", filters=filters)


async def _named(call: Call[None], query: FigureQuery) -> list[RatingSum]:
    found = await call.house.ratings.desk.sums(call.staff, SumsBy(query.by), query.months)
    if query.by == "item":
        return found
    names = await call.house.catalogue.department_names()
    return [msgspec.structs.replace(row, name=names.get(row.code, row.code)) for row in found]


async def _one_page(found: list[RatingSum]) -> AsyncIterator[Rows]:
    yield [
        [row.code, row.name, row.total, "" if row.content_permille is None else f"{row.content_permille / 10:.1f}"]
        for row in found
    ]


ROUTES = (
    page_route(_ADDRESS, figures, "好差评统计", FigureQuery),
    page_route(f"{_ADDRESS}/export", figures_export, "导出好差评统计", FigureExportQuery),
)
