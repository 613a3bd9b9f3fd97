"""Types of the cashier's desk that cross the room's door; handlers take them from payments/types.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """Which channel orders: by any number printed on them, channel, status, department, and the Beijing days on which
    they were made (both included). What is empty leaves its bound out."""

    number: str = ""
    channel: str = ""
    status: str = ""
    department_code: str = ""
    first_on: date | None = None
    until: date | None = None


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """One channel order of a bill."""

    out_trade_no: str
    channel: str
    amount_fen: int
    status: str
    created_at: str
    paid_at: str | None
    closed_at: str | None


class LedgerPair(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer of the ledger: what it books, from which account to which. `is_balanced`: its sides sum to zero."""

    transfer: str
    transfer_text: str
    debit: str
    credit: str
    amount_fen: int
    is_balanced: bool
    occurred_at: str


class CallbackLine(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a provider that was counted, and what it came to."""

    provider: str
    reference_no: str
    outcome: str
    occurred_at: str
    received_at: str


class DifferenceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One difference that a comparison found about a bill."""

    business_on: str
    kind_text: str
    reference_no: str
    status: str
    note: str


class PaymentTrail(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a channel order: its bill's orders, ledger, messages, differences. No personal data."""

    payment_code: str
    orders: list[OrderLine]
    ledger: list[LedgerPair]
    callbacks: list[CallbackLine]
    differences: list[DifferenceLine]
