"""The board of parcels: columns by what is to be done, one parcel with its road, booking again what was refused.

The same use cases as the JSON doors in handlers/staff/deliveries.py.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app import clock
from app.errors import Conflict
from handlers.doors import Call, Reply
from handlers.pages import form_route, page, page_route, see_other
from handlers.parsing import read_cursor
from handlers.staff.addresses import address_of, turns
from handlers.staff.deliveries import SectionName
from handlers.staff.sheets import PAGE_LENGTH, Column, Format, Kind, export, paged
from services.delivery.tasks.types import TaskKind
from services.delivery.types import CUSTODY_TEXT, SECTION_TEXT, BoardLine, Section, ShipmentView
from services.staff.types import Role

_LIST = "/staff/deliveries"
_ONE = f"{_LIST}/<shipment_no:str>"
_PAGE_LENGTH = 20
_UNDER_WAY = ("COURIER", "CITIZEN")
"""Whose hands a parcel is in that may be declared lost or damaged."""
_COLUMNS = (
    Column("快递单号", width=24),
    Column("办件编号", width=26),
    Column("内容", width=20),
    Column("收件人", width=34),
    Column("快递公司"),
    Column("运单号", width=20),
    Column("状态"),
    Column("保管"),
    Column("区划代码"),
    Column("部门代码", width=22),
    Column("申请寄送", Kind.MOMENT, 20),
    Column("最近动态", Kind.MOMENT, 20),
    Column("签收", Kind.MOMENT, 20),
)


class BoardQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A page of a column, or the parcels of one number."""

    section: SectionName = "TO_SEND"
    q: Annotated[str, msgspec.Meta(max_length=64)] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class ExportQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which column, as what."""

    section: SectionName = "TO_SEND"
    format: Format = "csv"


class ParcelQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`done` after a parcel was handed to its courier again."""

    done: Annotated[str, msgspec.Meta(max_length=1)] = ""


class CsrfForm(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A form with nothing to fill in."""

    csrf_token: Annotated[str, msgspec.Meta(max_length=128)] = ""


async def board(call: Call[None]) -> Reply:
    """Show a column of the board, or what was searched for."""
    return page(call, "staff/deliveries.html", here="deliveries", **await _board(call))


async def board_part(call: Call[None]) -> Reply:
    """Show what of the board changes."""
    return page(call, "staff/deliveries_part.html", **await _board(call))


async def board_export(call: Call[None]) -> Reply:
    """Send a column as a file."""
    query: ExportQuery = call.query
    desk = call.house.delivery.board
    section = Section(query.section)
    rows = paged(lambda after: desk.page(call.staff, section, after, PAGE_LENGTH), _row)
    name = f"快递_{SECTION_TEXT[section]}_{clock.beijing_date()}"
    filters = {"section": query.section}
    return await export(call, "deliveries", name, _COLUMNS, rows, query.format, title="快递", filters=filters)


async def parcel(call: Call[None]) -> Reply:
    """Show one parcel."""
    return await _parcel(call, done=call.query.done != "")


async def parcel_part(call: Call[None]) -> Reply:
    """Show what of one parcel changes."""
    return page(call, "staff/delivery_part.html", **await _facts(call))


async def rebook(call: Call[CsrfForm]) -> Reply:
    """Have a refused parcel booked again; a refusal shows the parcel with it."""
    number = call.path["shipment_no"]
    try:
        goes_on = await call.house.applications.aftercare.rebook(call.staff, number, call.address)
    except Conflict as refusal:
        return await _parcel(call, problem=refusal)
    return see_other(f"{_LIST}/{goes_on}?done=1")


async def _board(call: Call[None]) -> dict[str, Any]:
    query: BoardQuery = call.query
    desk, number, section = call.house.delivery.board, query.q.strip(), Section(query.section)
    if number:
        rows, following = await desk.search(call.staff, number), None
    else:
        rows, following = await desk.page(call.staff, section, read_cursor(query.cursor), _PAGE_LENGTH)
    chosen = {"section": query.section, "q": number}
    return {
        "counts": await desk.counts(call.staff),
        "rows": rows,
        "number": number,
        "chosen": "" if number else query.section,
        "title": SECTION_TEXT[section],
        "fragment_address": address_of(f"{_LIST}/part", **chosen, cursor=query.cursor),
        "export_address": address_of(f"{_LIST}/export", section=query.section),
        **turns(_LIST, query.cursor, following, **chosen),
    }


async def _parcel(call: Call[Any], *, done: bool = False, problem: Conflict | None = None) -> Reply:
    facts = await _facts(call)
    return page(
        call,
        "staff/delivery.html",
        status=problem.status if problem else 200,
        here="deliveries",
        done=done,
        problem=problem,
        may_declare=facts["parcel"].custody in _UNDER_WAY and call.staff.may(Role.WINDOW, Role.DISPATCHER),
        may_label=facts["parcel"].waybill_no != "" and call.staff.may(Role.WINDOW, Role.DISPATCHER),
        may_rebook=_is_refused(facts) and call.staff.may(Role.WINDOW, Role.DISPATCHER),
        **facts,
    )


async def _facts(call: Call[Any]) -> dict[str, Any]:
    found = await call.house.applications.aftercare.shipment(call.staff, call.path["shipment_no"])
    holders = call.house.applications.holders
    return {
        "parcel": found,
        "pieces": (await holders.of_parcel(call.staff, found.shipment_no)).data,
        "tasks": await call.house.delivery.tasks.of_parcel(found.shipment_no),
        "custody": CUSTODY_TEXT,
        "may_open_case": call.staff.may(Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.ADMINISTRATOR),
    }


def _is_refused(facts: dict[str, Any]) -> bool:
    found: ShipmentView = facts["parcel"]
    if found.booked_at is None:
        return found.status == "EXCEPTION"
    return any(task.kind == TaskKind.BOOKING_REFUSED and task.closed_at is None for task in facts["tasks"])


def _row(line: BoardLine) -> list[object]:
    return [
        line.shipment_no,
        line.application_no,
        line.cargo,
        line.receiver_shown,
        line.courier_name,
        line.waybill_no,
        line.status_text,
        line.custody_text,
        line.division_code,
        line.department_code,
        clock.parse_rfc3339(line.requested_at),
        clock.parse_rfc3339(line.last_event_at) if line.last_event_at else None,
        clock.parse_rfc3339(line.delivered_at) if line.delivered_at else None,
    ]


ROUTES = (
    page_route(_LIST, board, "寄送看板", BoardQuery),
    page_route(f"{_LIST}/part", board_part, "寄送看板的内容", BoardQuery),
    page_route(f"{_LIST}/export", board_export, "导出快递", ExportQuery),
    page_route(_ONE, parcel, "快递", ParcelQuery),
    page_route(f"{_ONE}/part", parcel_part, "快递的内容"),
    form_route(f"{_ONE}/rebook", rebook, "重新下单快递", CsrfForm),
)
