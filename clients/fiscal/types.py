"""What the fiscal platform takes and tells: notices, payments, receipts, reversals, the day list. Fen and aware UTC.

`status` stays the platform's raw text; the adapter gives it a meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalAccount:
    """Our access to one region's platform. `platform_keys` are several while the platform changes its key."""

    base_url: str
    app_id: str
    region: str
    private_key: RSAPrivateKey = field(repr=False)
    platform_keys: tuple[RSAPublicKey, ...] = field(repr=False)
    code_length: int = 20


@dataclass(frozen=True, slots=True)
class NoticeItem:
    """One charged item (收费项目) of a notice."""

    code: str
    name: str
    amount_fen: int
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A payment notice (缴款通知) to be issued under our number `biz_no`."""

    biz_no: str
    bill_date: date
    due_date: date | None
    agency_code: str
    agency_name: str
    agency_division: str
    title: str
    payer_name: str = field(repr=False)
    original_fen: int
    items: tuple[NoticeItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice as the platform keeps it. `amount_fen` (Amt) = `original_fen` (OriAmt) + `delay_fen` (DelayAmt)."""

    pay_code: str
    biz_no: str
    amount_fen: int
    original_fen: int
    delay_fen: int
    status: str
    out_trade_no: str
    crc_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReport:
    """A payment that is reported for confirmation (缴款确认)."""

    pay_code: str
    amount_fen: int
    channel: str
    out_trade_no: str
    provider_trade_no: str
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The state of a confirmation; `confirmed_at` is None while it is processed."""

    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A 财政电子票据; `kind` is BLUE or RED (红字), the amount positive in both."""

    kind: str
    code: str
    number: str
    check_code: str
    amount_fen: int
    url: str
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementEntry:
    """One line of the day list: `kind` PAY or REV; `out_refund_no` is empty for a payment."""

    serial_no: int
    kind: str
    pay_code: str
    biz_no: str
    out_trade_no: str
    out_refund_no: str
    amount_fen: int
    booked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """One page of the day list with its head: totals are of the whole list as it stood at `batch`."""

    batch: str
    page_no: int
    page_count: int
    total_count: int
    paid_fen: int
    reversed_fen: int
    entries: tuple[StatementEntry, ...]
