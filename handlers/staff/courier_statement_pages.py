"""Pages of couriers' statements: send one, its sums by kind, its differences with a form to settle each, the file.

The same use cases as the JSON doors in handlers/staff/courier_statements.py.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import Conflict, InvalidRequest, PayloadTooLarge, SanjinError, TooManyRequests
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from handlers.parsing import read_cursor
from handlers.staff.addresses import address_of, turns
from handlers.staff.courier_statements import BODY_BYTES, MULTIPART, StatementForm, StatementsQuery, taken
from handlers.staff.sheets import PAGE_LENGTH, Column, Format, Kind, export, paged
from services.delivery.statements.types import AT_WORK, DIFFERENCE_TEXT, KEEPERS, MOST_BYTES, MOST_LINES, DifferenceLine
from services.delivery.statements.types import Kind as DifferenceKind

_LIST = "/staff/courier-statements"
_ONE = f"{_LIST}/<statement_no:str>"
_HERE = "courier_statements"
_PAGE_LENGTH = 20
_DONE = {"uploaded": "对账单已上传", "settled": "已登记处理结果", "compared": "正在重新比对"}
_COLUMNS = (
    Column("行号", Kind.COUNT),
    Column("运单号", width=24),
    Column("快递单号", width=24),
    Column("日期"),
    Column("差异", width=22),
    Column("计费重量（克）", Kind.COUNT),
    Column("对方计费（元）", Kind.FEN),
    Column("我方应计（元）", Kind.FEN),
    Column("处理结果", width=40),
    Column("处理人"),
)


class OneQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which differences to show; `done` names what has just been carried out."""

    difference: DifferenceKind = ""
    only_open: Annotated[str, msgspec.Meta(max_length=1)] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""
    done: Annotated[str, msgspec.Meta(max_length=16)] = ""


class ExportQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which differences, as what."""

    difference: DifferenceKind = ""
    format: Format = "csv"


class SettleForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """How a difference was settled; the kind and the place in the list to come back to."""

    line_id: Annotated[str, msgspec.Meta(max_length=40)] = ""
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


class CompareForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """A form with nothing to fill in."""


async def listed(call: Call[None]) -> Reply:
    """Show the statements and the form that sends one."""
    return await _listed(call)


async def upload(call: Call[StatementForm]) -> Reply:
    """Take a statement in; a refusal shows the form again."""
    try:
        made = await taken(call)
    except (InvalidRequest, Conflict, PayloadTooLarge, TooManyRequests) as refusal:
        return await _listed(call, refusal)
    return see_other(f"{_LIST}/{made.statement_no}?done=uploaded")


async def _listed(call: Call[Any], problem: SanjinError | None = None) -> Reply:
    desk = call.house.delivery.statements
    cursor = call.query.cursor if call.query else ""
    rows, following = await desk.page(call.staff, read_cursor(cursor), _PAGE_LENGTH)
    return page(
        call,
        "staff/courier_statements.html",
        status=problem.status if problem else 200,
        here=_HERE,
        problem=problem,
        rows=rows,
        couriers=desk.couriers(),
        may_keep=call.staff.may(*KEEPERS),
        most_lines=MOST_LINES,
        most_mib=MOST_BYTES // 1_048_576,
        **turns(_LIST, cursor, following),
    )


async def show(call: Call[None]) -> Reply:
    """Show one statement."""
    return await _shown(call)


async def show_part(call: Call[None]) -> Reply:
    """Show how far a job is with a statement."""
    found = await call.house.delivery.statements.show(call.staff, call.path["statement_no"])
    return page(call, "staff/courier_statement_part.html", shown=found.statement, is_part=True)


async def settle(call: Call[SettleForm]) -> Reply:
    """Note how a difference was settled; a refusal shows the statement with it."""
    form, number = call.body, call.path["statement_no"]
    note = form.note.replace("\r\n", "\n")
    try:
        await call.house.delivery.statements.settle(call.staff, number, form.line_id, note, call.address)
    except (InvalidRequest, Conflict) as refusal:
        return await _shown(call, refusal)
    return see_other(f"{_LIST}/{number}?only_open=1&done=settled")


async def compare(call: Call[CompareForm]) -> Reply:
    """Have a statement compared again; a refusal shows it."""
    number = call.path["statement_no"]
    try:
        await call.house.delivery.statements.compare_again(call.staff, number, call.address)
    except Conflict as refusal:
        return await _shown(call, refusal)
    return see_other(f"{_LIST}/{number}?done=compared")


async def _shown(call: Call[Any], problem: SanjinError | None = None) -> Reply:
    query: OneQuery = call.query or OneQuery()
    desk, number = call.house.delivery.statements, call.path["statement_no"]
    found = await desk.show(call.staff, number)
    rows, following = await desk.differences(
        call.staff,
        number,
        difference=query.difference,
        only_open=query.only_open != "",
        after=read_cursor(query.cursor),
        limit=_PAGE_LENGTH,
    )
    chosen = {"difference": query.difference, "only_open": query.only_open}
    return page(
        call,
        "staff/courier_statement.html",
        status=problem.status if problem else 200,
        here=_HERE,
        problem=problem,
        done=_DONE.get(query.done, ""),
        shown=found.statement,
        sums=found.sums,
        unpriced=found.unpriced,
        rows=rows,
        query=query,
        kinds=DIFFERENCE_TEXT,
        may_keep=call.staff.may(*KEEPERS) and found.statement.status == "COMPARED",
        is_part=False,
        is_at_work=found.statement.status in AT_WORK,
        export_address=address_of(f"{_LIST}/{number}/export", difference=query.difference),
        **turns(f"{_LIST}/{number}", query.cursor, following, **chosen),
    )


async def export_differences(call: Call[None]) -> Reply:
    """Send the differences of a statement as a file."""
    query: ExportQuery = call.query
    desk, number = call.house.delivery.statements, call.path["statement_no"]
    found = (await desk.show(call.staff, number)).statement
    rows = paged(
        lambda after: desk.differences(call.staff, number, difference=query.difference, after=after, limit=PAGE_LENGTH),
        _row,
    )
    name = f"快递对账差异_{found.courier_name}_{found.month}"
    filters = {"statement_no": number, "difference": query.difference}
    return await export(
        call, "courier_differences", name, _COLUMNS, rows, query.format, title="快递对账差异", filters=filters
    )


def _row(line: DifferenceLine) -> list[object]:
    return [
        line.line or None,
        line.waybill_no,
        line.shipment_no,
        line.carried_on,
        line.difference_text,
        line.weight_grams,
        line.charged_fen,
        line.expected_fen,
        line.note,
        line.settled_by,
    ]


ROUTES = (
    page_route(_LIST, listed, "快递对账", StatementsQuery),
    form_route(_LIST, upload, "上传快递对账单", StatementForm, limit_bytes=BODY_BYTES, consumes=MULTIPART),
    page_route(_ONE, show, "快递对账单", OneQuery),
    page_route(f"{_ONE}/part", show_part, "快递对账单（片段）"),
    page_route(f"{_ONE}/export", export_differences, "导出快递对账差异", ExportQuery),
    form_route(f"{_ONE}/settle", settle, "登记快递对账差异的处理结果", SettleForm),
    form_route(f"{_ONE}/compare", compare, "重新比对快递对账单", CompareForm),
)  # fmt: skip
