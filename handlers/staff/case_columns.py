"""The columns of an export of cases; applicants are masked unless the export was allowed to name them. Pure."""

from __future__ import annotations

from typing import Any

from app import clock
from handlers.staff.sheets import Column, Kind
from services.applications.finding.types import ExportedCase
from services.applications.types import OUTCOME_TEXT

_PLATFORMS = {"WECHAT": "微信", "ALIPAY": "支付宝", "WINDOW": "窗口"}
_MASKED = (
    Column("办件编号", width=26),
    Column("事项", width=30),
    Column("区划"),
    Column("部门", width=22),
    Column("状态"),
    Column("结果"),
    Column("渠道"),
    Column("应缴（元）", Kind.FEN),
    Column("缴费"),
    Column("提交时间", Kind.MOMENT, 20),
    Column("受理时间", Kind.MOMENT, 20),
    Column("承诺办结"),
    Column("逾期"),
    Column("承办人"),
    Column("申请人"),
)
_NAMED = (Column("身份证号", width=22), Column("手机号", width=16))


def columns(*, names: bool) -> tuple[Column, ...]:
    """Return the columns, with those of the person where applicants are named."""
    return _MASKED + _NAMED if names else _MASKED


def row_of(exported: ExportedCase, *, names: bool) -> list[Any]:
    """Write a case as a row."""
    case, person = exported.case, exported.applicant
    row = [
        case.application_no,
        case.item_name,
        case.division_code,
        case.department_code,
        case.status_text,
        OUTCOME_TEXT[case.outcome],
        _PLATFORMS.get(case.provider, case.provider),
        case.fee_fen,
        "不收费" if not case.fee_fen else "已缴" if case.fee_paid else "未缴",
        clock.parse_rfc3339(case.submitted_at) if case.submitted_at else None,
        clock.parse_rfc3339(case.accepted_at) if case.accepted_at else None,
        case.promised_due_on or "",
        "是" if case.is_overdue else "",
        case.officer,
        person.name if person and names else case.applicant_shown,
    ]
    return [*row, person.id_number if person else "", person.phone if person else ""] if names else row
