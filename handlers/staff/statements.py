"""Doors of the cashier's statements: the summary of some days, and every movement of one day as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Literal

import msgspec

from app import clock
from handlers.doors import Auth, Call, Reply, Route
from handlers.staff.payments import scope_of
from handlers.staff.sheets import Column, Kind, Rows, export
from payments.types import Statement, StatementLine, StatementSums
from services.staff.types import Role

_TAG = "收银"
ROLES = (Role.CASHIER, Role.AUDITOR, Role.ADMINISTRATOR)
CHANNELS = {"WECHAT": "微信支付", "ALIPAY": "支付宝"}
KINDS = {"PAYMENT": "缴费", "REFUND": "退款", "RETURNED": "退款退回"}
_SUMS = {
    "paid_count": Column("缴费笔数", Kind.COUNT),
    "paid_fen": Column("缴费金额（元）", Kind.FEN),
    "refunded_count": Column("退款笔数", Kind.COUNT),
    "refunded_fen": Column("退款金额（元）", Kind.FEN),
    "returned_count": Column("退款退回笔数", Kind.COUNT),
    "returned_fen": Column("退款退回金额（元）", Kind.FEN),
    "fee_fen": Column("手续费（元）", Kind.FEN),
    "net_fen": Column("净额（元）", Kind.FEN),
    "confirmed_count": Column("财政已确认笔数", Kind.COUNT),
    "confirmed_fen": Column("财政已确认金额（元）", Kind.FEN),
    "unconfirmed_count": Column("待财政确认笔数", Kind.COUNT),
    "unconfirmed_fen": Column("待财政确认金额（元）", Kind.FEN),
    "overpaid_count": Column("重复缴费笔数", Kind.COUNT),
    "overpaid_fen": Column("重复缴费金额（元）", Kind.FEN),
    "open_differences": Column("未处理差异", Kind.COUNT),
}
_SUMMARY = (
    Column("部门代码", width=22),
    Column("部门", width=28),
    Column("渠道"),
    Column("商户账户", width=18),
    Column("商户号", width=18),
    *_SUMS.values(),
    Column("账务核对"),
)
_LINES = (
    Column("时间", Kind.MOMENT, 20),
    Column("类型"),
    Column("部门代码", width=22),
    Column("区划代码"),
    Column("渠道"),
    Column("商户账户", width=18),
    Column("商户号", width=18),
    Column("金额（元）", Kind.FEN),
    Column("缴款单号", width=22),
    Column("办件编号", width=24),
    Column("缴款项目", width=28),
    Column("支付单号", width=28),
    Column("退款单号", width=28),
    Column("渠道交易号", width=34),
)
Day = date


class StatementQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which Beijing days (both included, `until` = the same day where left out), of which department, as what."""

    date: Day
    until: Day | None = None
    department: Annotated[str, msgspec.Meta(max_length=18)] = ""
    format: Literal["json", "csv", "xlsx"] = "json"


class LinesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which Beijing day, as what."""

    date: Day
    format: Literal["csv", "xlsx"] = "csv"


async def summary(call: Call[None]) -> Reply:
    """Sum up some days per department, channel and merchant account."""
    query: StatementQuery = call.query
    shown = await statement_of(call, query.date, query.until, query.department)
    if query.format == "json":
        return Reply(shown)
    days = shown.date if shown.until == shown.date else f"{shown.date}_{shown.until}"
    name, filters = f"收银日报_{days}", {"date": shown.date, "until": shown.until, "department": query.department}
    pages = _one_page(shown)
    return await export(call, "statement", name, _SUMMARY, pages, query.format, title="收银日报", filters=filters)


async def lines(call: Call[None]) -> Reply:
    """Send every payment and refund of a day."""
    call.staff.require_role(*ROLES)
    query: LinesQuery = call.query
    pages = _line_pages(call.house.payments.statements.lines(scope_of(call.staff), query.date))
    name, filters = f"收支明细_{query.date}", {"date": query.date}
    return await export(call, "statement_lines", name, _LINES, pages, query.format, title="收支明细", filters=filters)


async def statement_of(call: Call[None], first_on: Day, until: Day | None, department: str = "") -> Statement:
    """Return the statement within the caller's scope, its departments by name. Raises: Forbidden, InvalidRequest."""
    call.staff.require_role(*ROLES)
    found = await call.house.payments.statements.summary(scope_of(call.staff), first_on, until, department)
    names = await call.house.catalogue.department_names()
    rows = [
        msgspec.structs.replace(row, department_name=names.get(row.department_code, row.department_code))
        for row in found.rows
    ]
    return msgspec.structs.replace(found, rows=rows)


async def _one_page(shown: Statement) -> AsyncIterator[Rows]:
    rows = [
        [row.department_code, row.department_name, CHANNELS[row.channel], row.account_code, row.mch_id, *_sums(row)]
        for row in shown.rows
    ]
    yield [*rows, ["合计", "", "", "", "", *_sums(shown.total)]]


def _sums(sums: StatementSums) -> list[object]:
    return [*(getattr(sums, name) for name in _SUMS), "相符" if sums.ledger_agrees else "不符"]


async def _line_pages(pages: AsyncIterator[list[StatementLine]]) -> AsyncIterator[Rows]:
    async for page in pages:
        yield [_line(line) for line in page]


def _line(line: StatementLine) -> list[object]:
    return [
        clock.to_beijing(line.occurred_at),
        KINDS[line.kind],
        line.department_code,
        line.division_code,
        CHANNELS[line.channel],
        line.account_code,
        line.mch_id,
        -line.amount_fen if line.kind == "REFUND" else line.amount_fen,
        line.bill_no,
        line.subject_no,
        line.title,
        line.out_trade_no,
        line.out_refund_no,
        line.provider_trade_no,
    ]


ROUTES = (
    Route(
        "GET",
        "/api/staff/v1/statements",
        summary,
        auth=Auth.STAFF,
        query=StatementQuery,
        answer=Statement,
        summary="收银日报（JSON、CSV、XLSX）",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/staff/v1/statements/lines",
        lines,
        auth=Auth.STAFF,
        query=LinesQuery,
        summary="一日收支明细（CSV、XLSX）",
        tag=_TAG,
    ),
)
