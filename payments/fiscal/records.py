"""Bills and refunds as the fiscal use cases need them, and the names of their jobs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from payments.types import BillLine

REGISTER_BILL = "payments.register_bill"
VOID_CODE = "payments.void_code"
CONFIRM_BILL = "payments.confirm_bill"
FETCH_RECEIPT = "payments.fetch_receipt"
REVERSE_REFUND = "payments.reverse_refund"


@dataclass(frozen=True, slots=True)
class Paid:
    """The channel order whose money settles a bill."""

    out_trade_no: str
    channel: str
    provider_trade_no: str
    amount_fen: int
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalBillRecord:
    """A stored bill with everything that the platform is told of it. `asked_count` counts what the platform was asked
    in the present phase: before its code is known, before it is confirmed, before its receipt is there."""

    id: uuid.UUID
    bill_no: str
    payment_code: str | None
    citizen_id: uuid.UUID
    subject_no: str
    purpose: str
    title: str
    lines: tuple[BillLine, ...]
    department_code: str
    agency_name: str
    division_code: str
    amount_fen: int
    late_fee_fen: int
    status: str
    due_at: datetime | None
    created_at: datetime
    confirmed_at: datetime | None
    asked_count: int
    has_receipt: bool
    paid: Paid | None

    @property
    def principal_fen(self) -> int:
        """What was billed, without the late fee (滞纳金)."""
        return self.amount_fen - self.late_fee_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalRefundRecord:
    """A refund that may need a red letter (红字票据), with its bill."""

    id: uuid.UUID
    out_refund_no: str
    status: str
    amount_fen: int
    reason: str
    reversed_at: datetime | None
    asked_count: int
    bill_id: uuid.UUID
    bill_no: str
    payment_code: str | None
    confirmed_at: datetime | None
    is_of_bill: bool
    """Whether it gives back the payment that settled the bill; money that came twice never was with the platform."""
