"""Stored bills, orders and refunds as the use cases need them, and the names of the room's jobs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from payments.neutral import ChannelOrder

PUSH_REFUND = "payments.push_refund"


SETTLE_ORDER = "payments.settle_order"


ASK_ORDER = "payments.ask_order"


ASK_BOUNCED = "payments.ask_bounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRecord:
    """A stored channel order together with its bill, as the use cases need it."""

    id: uuid.UUID
    channel: str
    account_code: str
    status: str
    order: ChannelOrder
    prepay_reference: str
    prepay_until: datetime | None
    provider_trade_no: str
    asked_count: int
    created_at: datetime
    bill_id: uuid.UUID
    bill_no: str
    bill_status: str
    citizen_id: uuid.UUID
    subject_no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRecord:
    """A stored bill with what decides where its money goes."""

    id: uuid.UUID
    bill_no: str
    citizen_id: uuid.UUID
    subject_no: str
    title: str
    amount_fen: int
    status: str
    department_code: str
    division_code: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRecord:
    """A stored refund with the order it gives back from."""

    id: uuid.UUID
    out_refund_no: str
    status: str
    amount_fen: int
    reason: str
    cause: str
    provider_status: str
    asked_count: int
    is_waiting: bool
    """For a second person's word."""
    has_bounced: bool
    tries: int
    """How many refunds of this payment there are for the same cause."""
    payment: PaymentRecord
