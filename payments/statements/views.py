"""Rows of a payer's history as they are shown. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from app import db
from app.clock import rfc3339, rfc3339_or_none
from payments.refunds.views import status_text
from payments.states import BillStatus, RefundStatus
from payments.types import PaidView, ReceiptView, RefundView
from payments.views import BILL_STATUS_TEXT


class _Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as the query of the history gathers it."""

    out_refund_no: str
    amount_fen: int
    reason: str
    cause: str
    status: str
    is_waiting: bool
    created_at: datetime
    finished_at: datetime | None


def paid(row: db.Row) -> PaidView:
    """Show a successful payment to its payer. A second success on a bill has a course of its own: it goes back."""
    refunds = [] if row["refunds"] is None else msgspec.json.decode(row["refunds"], type=list[_Refund])
    refunded_fen = sum(refund.amount_fen for refund in refunds if refund.status == RefundStatus.SUCCEEDED)
    if row["pays_bill"]:
        status = BillStatus(row["bill_status"])
        text = BILL_STATUS_TEXT[status]
    else:
        is_back = refunded_fen >= row["amount_fen"]
        status = BillStatus.REFUNDED if is_back else BillStatus.REFUNDING
        text = f"重复缴费，{BILL_STATUS_TEXT[status]}"
    return PaidView(
        paid_at=rfc3339(row["paid_at"]),
        status=status,
        status_text=text,
        refunded_fen=refunded_fen,
        refunds=[_refund(refund) for refund in refunds],
        receipt=_receipt(row),
        **{name: row[name] for name in _SAME},
    )


_SAME = "bill_no title subject_no amount_fen late_fee_fen channel out_trade_no".split()


def _refund(refund: _Refund) -> RefundView:
    return RefundView(
        out_refund_no=refund.out_refund_no,
        amount_fen=refund.amount_fen,
        reason=refund.reason,
        cause=refund.cause,
        status=refund.status,
        status_text=status_text(refund.status, is_waiting=refund.is_waiting),
        created_at=rfc3339(refund.created_at),
        finished_at=rfc3339_or_none(refund.finished_at),
    )


def _receipt(row: db.Row) -> ReceiptView | None:
    if row["receipt_code"] is None:
        return None
    return ReceiptView(
        code=row["receipt_code"],
        number=row["receipt_number"],
        check_code=row["check_code"],
        url=row["url"],
        issued_at=rfc3339(row["issued_at"]),
    )
