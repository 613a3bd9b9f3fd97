"""Types of statements that cross the room's door; handlers take them from payments/types.py."""

from __future__ import annotations

from datetime import datetime

import msgspec


class StatementSums(msgspec.Struct, frozen=True, kw_only=True):
    """Counts and sums of some days.

    Every payment is confirmed by the fiscal platform, or waits for it, or is overpaid (a second success on its bill).
    `returned` are refunds that a bank took back. net = paid - refunded + returned - fee. `ledger_agrees` compares all
    payments and refunds of the channel in these days, of the whole house, with the ledger.
    """

    paid_count: int = 0
    paid_fen: int = 0
    refunded_count: int = 0
    refunded_fen: int = 0
    returned_count: int = 0
    returned_fen: int = 0
    fee_fen: int = 0
    confirmed_count: int = 0
    confirmed_fen: int = 0
    unconfirmed_count: int = 0
    unconfirmed_fen: int = 0
    overpaid_count: int = 0
    overpaid_fen: int = 0
    open_differences: int = 0
    net_fen: int = 0
    ledger_agrees: bool = True


class StatementRow(StatementSums, frozen=True, kw_only=True):
    """One department at one merchant account. Without a department: differences that match no bill of ours."""

    department_code: str
    department_name: str = ""
    channel: str
    account_code: str
    mch_id: str


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A cashier's summary of the Beijing days from `date` to `until`, both included, within the caller's scope."""

    date: str
    until: str
    rows: list[StatementRow]
    total: StatementSums


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of money: PAYMENT, REFUND (it went back to the payer), RETURNED (the bank gave it back to us)."""

    occurred_at: datetime
    kind: str
    department_code: str
    division_code: str
    channel: str
    account_code: str
    mch_id: str
    bill_no: str
    subject_no: str
    title: str
    out_trade_no: str
    out_refund_no: str
    provider_trade_no: str
    amount_fen: int
