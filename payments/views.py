"""Rows of the room as the types that cross its door. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app import db
from app.clock import rfc3339
from payments.states import BillStatus
from payments.types import BillLine, BillView, PaymentView, QuarantinedView, RefundView, StaffPaymentView

BILL_STATUS_TEXT = {
    BillStatus.UNPAID: "待缴费",
    BillStatus.PAYING: "缴费中",
    BillStatus.PAID: "缴费确认中",
    BillStatus.CONFIRMED: "已缴费",
    BillStatus.REFUNDING: "退款中",
    BillStatus.REFUNDED: "已退款",
    BillStatus.VOID: "已作废",
}


def bill(row: db.Row) -> BillView:
    """Show a bill to its payer."""
    return BillView(
        bill_no=row["bill_no"],
        payment_code=row["payment_code"] or "",
        subject_no=row["subject_no"],
        title=row["title"],
        lines=msgspec.json.decode(row["lines"], type=list[BillLine]),
        amount_fen=row["amount_fen"],
        status=row["status"],
        status_text=BILL_STATUS_TEXT[BillStatus(row["status"])],
        due_at=_moment(row["due_at"]),
        paid_at=_moment(row["paid_at"]),
        created_at=rfc3339(row["created_at"]),
    )


def payment(row: db.Row) -> PaymentView:
    """Show a channel order to its payer."""
    return PaymentView(
        out_trade_no=row["out_trade_no"],
        bill_no=row["bill_no"],
        channel=row["channel"],
        amount_fen=row["amount_fen"],
        status=row["status"],
        bill_status=row["bill_status"],
        expires_at=rfc3339(row["expires_at"]),
        paid_at=_moment(row["paid_at"]),
    )


def staff_payment(row: db.Row) -> StaffPaymentView:
    """Show a channel order to staff."""
    same = (
        "out_trade_no bill_no subject_no title channel mch_id amount_fen status bill_status provider_status "
        "provider_trade_no department_code division_code"
    )
    return StaffPaymentView(
        created_at=rfc3339(row["created_at"]),
        paid_at=_moment(row["paid_at"]),
        closed_at=_moment(row["closed_at"]),
        **{name: row[name] for name in same.split()},
    )


def with_refunds(shown: StaffPaymentView, rows: Sequence[db.Row]) -> StaffPaymentView:
    """Add the refunds of a channel order to its view."""
    refunds = [
        RefundView(
            out_refund_no=row["out_refund_no"],
            amount_fen=row["amount_fen"],
            reason=row["reason"],
            cause=row["cause"],
            status=row["status"],
            created_at=rfc3339(row["created_at"]),
            finished_at=_moment(row["finished_at"]),
        )
        for row in rows
    ]
    return msgspec.structs.replace(shown, refunds=refunds)


def quarantined(row: db.Row) -> QuarantinedView:
    """Show a quarantined callback to staff."""
    return QuarantinedView(
        id=row["id"].hex,
        provider=row["provider"],
        reason=row["reason"],
        reference_no=row["reference_no"],
        expected=msgspec.json.decode(row["expected"]),
        received=msgspec.json.decode(row["received"]),
        created_at=rfc3339(row["created_at"]),
        resolved_at=_moment(row["resolved_at"]),
    )


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
