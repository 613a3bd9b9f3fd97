"""The reconciliation as files: the days compared, and the differences they left."""

from __future__ import annotations

from typing import Literal

import msgspec

from app import clock
from handlers.doors import Call, Reply
from handlers.pages import page_route
from handlers.staff.payments import scope_of
from handlers.staff.sheets import PAGE_LENGTH, Column, Format, Kind, export, paged
from handlers.staff.statements import CHANNELS, ROLES
from payments.types import DiscrepancyView, ReconciliationView

_DIFFERENCES = (
    Column("业务日期"),
    Column("商户账户", width=18),
    Column("差异", width=34),
    Column("编号", width=34),
    Column("缴款单号", width=22),
    Column("部门代码", width=22),
    Column("区划代码"),
    Column("本地（元）", Kind.FEN),
    Column("对方（元）", Kind.FEN),
    Column("状态"),
    Column("处理结果", width=40),
    Column("处理人"),
    Column("处理时间", Kind.MOMENT, 20),
)
_RUNS = (
    Column("业务日期"),
    Column("渠道"),
    Column("商户账户", width=18),
    Column("状态"),
    Column("渠道收款笔数", Kind.COUNT),
    Column("渠道收款（元）", Kind.FEN),
    Column("本地收款笔数", Kind.COUNT),
    Column("本地收款（元）", Kind.FEN),
    Column("手续费（元）", Kind.FEN),
    Column("差异", Kind.COUNT),
    Column("待处理差异", Kind.COUNT),
)


class DifferencesQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which differences, as what."""

    status: Literal["", "OPEN", "REPAIRED", "RESOLVED"] = "OPEN"
    format: Format = "csv"


class RunsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """As what."""

    format: Format = "csv"


async def differences(call: Call[None]) -> Reply:
    """Send the differences within the caller's scope as a file."""
    call.staff.require_role(*ROLES)
    query: DifferencesQuery = call.query
    office, scope = call.house.payments.reconciliation, scope_of(call.staff)
    rows = paged(
        lambda after: office.discrepancies(scope, status=query.status, after=after, limit=PAGE_LENGTH), _difference
    )
    name, filters = f"对账差异_{clock.beijing_date()}", {"status": query.status}
    return await export(
        call, "discrepancies", name, _DIFFERENCES, rows, query.format, title="对账差异", filters=filters
    )


async def runs(call: Call[None]) -> Reply:
    """Send the days that were compared as a file."""
    call.staff.require_role(*ROLES)
    office = call.house.payments.reconciliation
    rows = paged(lambda after: office.runs(after, PAGE_LENGTH), _run)
    name = f"对账结果_{clock.beijing_date()}"
    return await export(call, "reconciliations", name, _RUNS, rows, call.query.format, title="对账结果")


def _difference(view: DiscrepancyView) -> list[object]:
    return [
        view.business_on,
        view.account_code,
        view.kind_text,
        view.reference_no,
        view.bill_no,
        view.department_code,
        view.division_code,
        view.ours_fen,
        view.theirs_fen,
        view.status_text,
        view.note,
        view.resolved_by,
        clock.parse_rfc3339(view.resolved_at) if view.resolved_at else None,
    ]


def _run(view: ReconciliationView) -> list[object]:
    return [
        view.business_on,
        CHANNELS[view.channel],
        view.account_code,
        view.status,
        view.paid_count,
        view.paid_fen,
        view.our_paid_count,
        view.our_paid_fen,
        view.fee_fen,
        view.discrepancy_count,
        view.open_count,
    ]


ROUTES = (
    page_route("/staff/discrepancies/export", differences, "导出对账差异", DifferencesQuery),
    page_route("/staff/reconciliations/export", runs, "导出对账结果", RunsQuery),
)
