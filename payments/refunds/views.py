"""Refunds as people see them: what their statuses are called, and what may be done with them. Pure."""

from __future__ import annotations

from app import db
from app.clock import rfc3339, rfc3339_or_none
from payments.states import CLOSED_THERE, SETTLED_ELSEWHERE, RefundStatus
from payments.types import StaffRefundView

CAUSE_TEXT = {"STAFF": "工作人员申请", "SECOND_SUCCESS": "重复缴费自动退款", "LATE_SUCCESS": "订单关闭后到账自动退款"}
_STATUS_TEXT = {
    RefundStatus.REQUESTED: "退款申请已提交",
    RefundStatus.PROCESSING: "退款处理中",
    RefundStatus.SUCCEEDED: "已退款",
    RefundStatus.ABNORMAL: "退款异常，工作人员正在处理",
    RefundStatus.CLOSED: "退款已关闭",
}


def status_text(status: str, *, is_waiting: bool = False) -> str:
    """Name a refund's status for people."""
    return "退款审核中" if is_waiting and status == RefundStatus.REQUESTED else _STATUS_TEXT[RefundStatus(status)]


def is_given_up(cause: str, status: str, provider_status: str) -> bool:
    """Tell whether the room has given up a refund of its own because the provider closed it too often."""
    return status == RefundStatus.ABNORMAL and cause != "STAFF" and provider_status == CLOSED_THERE


def staff_refund(row: db.Row) -> StaffRefundView:
    """Show a refund to staff."""
    same = (
        "out_refund_no out_trade_no bill_no subject_no title channel amount_fen paid_fen reason cause status "
        "requested_by approved_by decision_note provider_status provider_refund_no department_code division_code"
    )
    is_waiting = row["status"] == RefundStatus.REQUESTED and row["is_waiting"]
    return StaffRefundView(
        cause_text=CAUSE_TEXT[row["cause"]],
        status_text=_staff_text(row, is_waiting),
        needs_approval=is_waiting,
        approved_at=rfc3339_or_none(row["approved_at"]),
        created_at=rfc3339(row["created_at"]),
        finished_at=rfc3339_or_none(row["finished_at"]),
        acts=_acts(row["status"], is_waiting=is_waiting),
        **{name: row[name] for name in same.split()},
    )


def _staff_text(row: db.Row, is_waiting: bool) -> str:
    if row["status"] == RefundStatus.SUCCEEDED and row["provider_status"] == SETTLED_ELSEWHERE:
        return "已另行退还"
    if row["status"] == RefundStatus.ABNORMAL:
        return "退款异常"
    if row["status"] == RefundStatus.CLOSED:
        return "服务商已关闭，款项未退" if row["approved_by"] == "" or row["approved_at"] else "审核未通过"
    return status_text(row["status"], is_waiting=is_waiting)


def _acts(status: str, *, is_waiting: bool) -> list[str]:
    if is_waiting:
        return ["approve", "refuse"]
    return ["retry", "settle"] if status == RefundStatus.ABNORMAL else []
