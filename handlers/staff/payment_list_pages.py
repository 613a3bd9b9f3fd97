"""The cashier's list of payments: by number, channel, status, department and days, page by page, and as a file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from app import clock
from app.errors import InvalidRequest
from handlers.doors import Call, Reply
from handlers.pages import page, page_route
from handlers.parsing import read_cursor
from handlers.staff.addresses import address_of, turns
from handlers.staff.days import day_or_none
from handlers.staff.payments import ROLES, scope_of
from handlers.staff.sheets import PAGE_LENGTH, Column, Format, Kind, export, paged
from handlers.staff.statements import CHANNELS
from payments.types import PaymentFilter, StaffPaymentView

_LIST = "/staff/payments"
_PAGE_LENGTH = 20
STATUSES = {"CREATED": "下单中", "AWAITING": "待支付", "SUCCEEDED": "已支付", "CLOSED": "已关闭"}
_COLUMNS = (
    Column("支付单号", width=30),
    Column("缴款单号", width=22),
    Column("办件编号", width=24),
    Column("缴款项目", width=30),
    Column("部门代码", width=22),
    Column("部门", width=28),
    Column("区划代码"),
    Column("渠道"),
    Column("商户号", width=18),
    Column("渠道交易号", width=34),
    Column("金额（元）", Kind.FEN),
    Column("状态"),
    Column("下单时间", Kind.MOMENT, 20),
    Column("支付时间", Kind.MOMENT, 20),
    Column("关闭时间", Kind.MOMENT, 20),
)
Text = Annotated[str, msgspec.Meta(max_length=64)]


class SearchQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which payments to list, as a browser's form sends it: by a number that stands on them, or by their marks."""

    q: Text = ""
    channel: Literal["", "WECHAT", "ALIPAY"] = ""
    status: Literal["", "CREATED", "AWAITING", "SUCCEEDED", "CLOSED"] = ""
    department: Annotated[str, msgspec.Meta(max_length=18)] = ""
    first_on: Annotated[str, msgspec.Meta(max_length=10)] = ""
    until: Annotated[str, msgspec.Meta(max_length=10)] = ""
    cursor: Text = ""


class ExportQuery(SearchQuery, forbid_unknown_fields=True, kw_only=True):
    """The same, as what."""

    format: Format = "csv"


async def search(call: Call[None]) -> Reply:
    """Show a page of payments; a faulty day shows the form again."""
    call.staff.require_role(*ROLES)
    query: SearchQuery = call.query
    rows: list[StaffPaymentView] = []
    following = problem = None
    try:
        rows, following = await call.house.payments.cashier.payments(
            scope_of(call.staff), _filter(query), read_cursor(query.cursor), _PAGE_LENGTH
        )
    except InvalidRequest as refusal:
        problem = refusal
    chosen = _chosen(query)
    names = await call.house.catalogue.department_names()
    return page(
        call,
        "staff/payments.html",
        status=problem.status if problem else 200,
        here="payments",
        problem=problem,
        faulty={fault.path for fault in problem.faults} if problem else set(),
        rows=rows,
        query=query,
        has_filter=any(value for name, value in chosen.items() if name != "q"),
        channels=CHANNELS,
        statuses=STATUSES,
        departments=sorted(names.items(), key=lambda each: each[1]),
        export_address=address_of(f"{_LIST}/export", **chosen),
        **turns(_LIST, query.cursor, following, **chosen),
    )


async def search_export(call: Call[None]) -> Reply:
    """Send the payments as a file."""
    call.staff.require_role(*ROLES)
    query: ExportQuery = call.query
    scope, chosen, cashier = scope_of(call.staff), _filter(query), call.house.payments.cashier
    names = await call.house.catalogue.department_names()
    rows = paged(
        lambda after: cashier.payments(scope, chosen, after, PAGE_LENGTH),
        lambda shown: _row(shown, names.get(shown.department_code, "")),
    )
    name = f"支付单_{clock.beijing_date()}"
    return await export(call, "payments", name, _COLUMNS, rows, query.format, title="支付单", filters=_chosen(query))


def _filter(query: SearchQuery) -> PaymentFilter:
    return PaymentFilter(
        number=query.q.strip(),
        channel=query.channel,
        status=query.status,
        department_code=query.department,
        first_on=day_or_none("first_on", query.first_on),
        until=day_or_none("until", query.until),
    )


def _chosen(query: SearchQuery) -> dict[str, Any]:
    names = ("channel", "status", "department", "first_on", "until")
    return {"q": query.q.strip()} | {name: getattr(query, name) for name in names}


def _row(shown: StaffPaymentView, department: str) -> list[object]:
    return [
        shown.out_trade_no,
        shown.bill_no,
        shown.subject_no,
        shown.title,
        shown.department_code,
        department,
        shown.division_code,
        CHANNELS[shown.channel],
        shown.mch_id,
        shown.provider_trade_no,
        shown.amount_fen,
        STATUSES[shown.status],
        clock.parse_rfc3339(shown.created_at),
        clock.parse_rfc3339(shown.paid_at) if shown.paid_at else None,
        clock.parse_rfc3339(shown.closed_at) if shown.closed_at else None,
    ]


ROUTES = (
    page_route(_LIST, search, "支付单列表", SearchQuery),
    page_route(f"{_LIST}/export", search_export, "导出支付单", ExportQuery),
)
