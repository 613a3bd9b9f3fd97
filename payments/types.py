"""Frozen types that cross the door of the payments room: commands, results, and providers' words made neutral.

Money is fen, moments are aware UTC inside and RFC 3339 with +08:00 in the views.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

PUSH_REFUND = "payments.push_refund"
SETTLE_ORDER = "payments.settle_order"
ASK_ORDER = "payments.ask_order"


class Channel(StrEnum):
    """Ways to pay."""

    WECHAT = "WECHAT"
    ALIPAY = "ALIPAY"


class BillLine(msgspec.Struct, frozen=True):
    """One line of a bill: what is charged, on which standard (收费依据)."""

    name: str
    amount_fen: int
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBill:
    """What a room asks to be paid for: one bill per `subject_no` and `purpose`. `due_at` None = no end."""

    citizen_id: uuid.UUID
    subject_no: str
    purpose: str
    title: str
    amount_fen: int
    department_code: str
    division_code: str
    lines: tuple[BillLine, ...] = ()
    due_at: datetime | None = None
    subject_kind: str = "APPLICATION"


class BillView(msgspec.Struct, frozen=True, kw_only=True):
    """A bill as its payer sees it."""

    bill_no: str
    payment_code: str
    subject_no: str
    title: str
    lines: list[BillLine]
    amount_fen: int
    status: str
    status_text: str
    due_at: str | None
    paid_at: str | None
    created_at: str


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A channel order as its payer sees it."""

    out_trade_no: str
    bill_no: str
    channel: str
    amount_fen: int
    status: str
    bill_status: str
    expires_at: str
    paid_at: str | None


class OpenedPayment(msgspec.Struct, frozen=True, kw_only=True):
    """What the phone needs to show the cashier: `parameters` go unchanged into wx.requestPayment or my.tradePay."""

    out_trade_no: str
    channel: str
    expires_at: str
    parameters: dict[str, str]


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund with its progress."""

    out_refund_no: str
    amount_fen: int
    reason: str
    cause: str
    status: str
    created_at: str
    finished_at: str | None


class StaffPaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A channel order as a cashier sees it."""

    out_trade_no: str
    bill_no: str
    subject_no: str
    title: str
    channel: str
    mch_id: str
    amount_fen: int
    status: str
    bill_status: str
    provider_status: str
    provider_trade_no: str
    department_code: str
    division_code: str
    created_at: str
    paid_at: str | None
    closed_at: str | None
    refunds: list[RefundView] = []


class QuarantinedView(msgspec.Struct, frozen=True, kw_only=True):
    """A genuine callback that contradicts our records, side by side with them."""

    id: str
    provider: str
    reason: str
    reference_no: str
    expected: dict[str, Any]
    received: dict[str, Any]
    created_at: str
    resolved_at: str | None


class LedgerCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger audit found; all zero and empty when every yuan is accounted for."""

    sum_fen: int
    unbalanced: list[str]
    missing: list[str]

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.sum_fen == 0 and not self.unbalanced and not self.missing


@dataclass(frozen=True, slots=True)
class StaffScope:
    """Whose payments a member of staff may see: prefixes of division codes, departments (empty = all of them)."""

    divisions: tuple[str, ...]
    departments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A merchant account; secrets are not in it. Empty department and division serve everybody."""

    code: str
    channel: str
    app_id: str
    mch_id: str
    mode: str = "DIRECT"
    sub_mch_id: str = ""
    sub_app_id: str = ""
    department_code: str = ""
    division_code: str = ""


@dataclass(frozen=True, slots=True)
class Payer:
    """The person as the channel knows them: the mini-program and their subject (openid, open_id) in it."""

    app_id: str
    subject: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOrder:
    """One order at a provider, by our number. `request_body` is what was or will be sent, byte for byte."""

    out_trade_no: str
    description: str
    amount_fen: int
    app_id: str
    mch_id: str
    sub_mch_id: str
    payer_subject: str = field(repr=False)
    expires_at: datetime
    request_body: bytes = field(default=b"", repr=False)

    def with_request(self, request_body: bytes) -> ChannelOrder:
        """Return the same order with the exact request that stands for it."""
        return replace(self, request_body=request_body)


@dataclass(frozen=True, slots=True)
class OpenedOrder:
    """The provider took the order: what the phone's parameters are made of, and until when that may be used."""

    prepay_reference: str
    prepay_until: datetime


class Standing(StrEnum):
    """How an order stands at the provider. UNRECOGNISED: a state that no table knows, so nothing may be decided."""

    NOT_PLACED = "NOT_PLACED"
    UNPAID = "UNPAID"
    PAID = "PAID"
    CLOSED = "CLOSED"
    UNRECOGNISED = "UNRECOGNISED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentNotified:
    """A verified success: the provider says that this order was paid.

    `event_key` and `occurred_at` are the same for every repeat and for an answer to our own question, so that they
    name the one event together. `payer_subjects` are the names of the payer that the provider tells, maybe none.
    """

    provider: str
    event_key: str
    occurred_at: datetime
    out_trade_no: str
    provider_trade_no: str
    provider_status: str
    app_id: str
    mch_id: str
    sub_mch_id: str
    amount_fen: int
    currency: str
    payer_subjects: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundNotified:
    """A verified outcome of a refund, from a callback or from an answer to our own question.

    `move` is the edge of states.REFUND it stands for; `mch_id` is "" where the answer was to our own signed call.
    """

    provider: str
    event_key: str
    occurred_at: datetime
    out_trade_no: str
    out_refund_no: str
    provider_refund_no: str
    provider_status: str
    move: str
    amount_fen: int | None
    mch_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHint:
    """A verified message that proves nothing by itself but makes it worth asking about this order now."""

    provider: str
    event_key: str
    occurred_at: datetime
    out_trade_no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A verified message with a value that cannot be read: kept for staff, never guessed at."""

    provider: str
    event_key: str
    reason: str


ProviderEvent = PaymentNotified | RefundNotified | OrderHint | Unreadable


@dataclass(frozen=True, slots=True)
class OrderState:
    """The provider's answer about one order; `paid` is set exactly when `standing` is PAID."""

    standing: Standing
    provider_status: str
    paid: PaymentNotified | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """One refund to be asked for, under our own number, which every repeat reuses."""

    out_refund_no: str
    amount_fen: int
    reason: str
    order: ChannelOrder


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Bytes by which a provider knows that it need not come again."""

    status: int
    content_type: str
    body: bytes


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
    asked_count: int
    payment: PaymentRecord
