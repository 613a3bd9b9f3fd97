"""Rows of the room as the types that cross its door. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app import db
from app.clock import rfc3339, rfc3339_or_none
from payments.refunds.views import status_text
from payments.states import BillStatus
from payments.types import BillLine, BillView, PaymentView, QuarantinedView, ReceiptView, RefundView, StaffPaymentView

BILL_STATUS_TEXT = {
    BillStatus.UNPAID: "待缴费",
    BillStatus.PAYING: "缴费中",
    BillStatus.PAID: "缴费确认中",
    BillStatus.CONFIRMED: "已缴费",
    BillStatus.REFUNDING: "退款中",
    BillStatus.REFUNDED: "已退款",
    BillStatus.VOID: "已作废",
}


def bill(row: db.Row, receipt_row: db.Row | None = None, refund_rows: Sequence[db.Row] = ()) -> BillView:
    """Show a bill to its payer, with its receipt and refunds."""
    return BillView(
        bill_no=row["bill_no"],
        payment_code=row["payment_code"] or "",
        subject_no=row["subject_no"],
        title=row["title"],
        lines=msgspec.json.decode(row["lines"], type=list[BillLine]),
        amount_fen=row["amount_fen"],
        late_fee_fen=row["late_fee_fen"],
        status=row["status"],
        status_text=BILL_STATUS_TEXT[BillStatus(row["status"])],
        due_at=rfc3339_or_none(row["due_at"]),
        paid_at=rfc3339_or_none(row["paid_at"]),
        confirmed_at=rfc3339_or_none(row["confirmed_at"]),
        created_at=rfc3339(row["created_at"]),
        receipt=_receipt(receipt_row),
        refunds=_refunds(refund_rows),
    )


def payment(row: db.Row, receipt_row: db.Row | None = None, refund_rows: Sequence[db.Row] = ()) -> PaymentView:
    """Show a channel order to its payer, with its refunds and the receipt of the bill that it paid."""
    return PaymentView(
        out_trade_no=row["out_trade_no"],
        bill_no=row["bill_no"],
        channel=row["channel"],
        amount_fen=row["amount_fen"],
        late_fee_fen=row["late_fee_fen"],
        status=row["status"],
        bill_status=row["bill_status"],
        bill_status_text=BILL_STATUS_TEXT[BillStatus(row["bill_status"])],
        expires_at=rfc3339(row["expires_at"]),
        paid_at=rfc3339_or_none(row["paid_at"]),
        receipt=_receipt(receipt_row),
        refunds=_refunds(refund_rows),
    )


def staff_payment(row: db.Row) -> StaffPaymentView:
    """Show a channel order to staff."""
    same = (
        "out_trade_no bill_no subject_no title channel mch_id amount_fen status bill_status provider_status "
        "provider_trade_no department_code division_code"
    )
    return StaffPaymentView(
        created_at=rfc3339(row["created_at"]),
        paid_at=rfc3339_or_none(row["paid_at"]),
        closed_at=rfc3339_or_none(row["closed_at"]),
        **{name: row[name] for name in same.split()},
    )


def with_refunds(shown: StaffPaymentView, rows: Sequence[db.Row]) -> StaffPaymentView:
    """Add the refunds of a channel order to its view."""
    return msgspec.structs.replace(shown, refunds=_refunds(rows))


def _refunds(rows: Sequence[db.Row]) -> list[RefundView]:
    return [
        RefundView(
            out_refund_no=row["out_refund_no"],
            amount_fen=row["amount_fen"],
            reason=row["reason"],
            cause=row["cause"],
            status=row["status"],
            status_text=status_text(row["status"], is_waiting=row["needs_approval"] and row["approved_at"] is None),
            created_at=rfc3339(row["created_at"]),
            finished_at=rfc3339_or_none(row["finished_at"]),
        )
        for row in rows
    ]


def _receipt(row: db.Row | None) -> ReceiptView | None:
    if row is None:
        return None
    return ReceiptView(
        code=row["receipt_code"],
        number=row["receipt_number"],
        check_code=row["check_code"],
        url=row["url"],
        issued_at=rfc3339(row["issued_at"]),
    )


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
        resolved_at=rfc3339_or_none(row["resolved_at"]),
    )
