"""What the fiscal platform (财政非税收入收缴平台) takes and tells, in neutral words. The port speaks in these types.

Money is fen, moments are aware UTC, days are days of Beijing. Nothing here knows a wire or a vendor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class FiscalStanding(StrEnum):
    """How a 缴款码 stands at the platform. UNRECOGNISED: a status that no table knows, so nothing may be decided."""

    UNPAID = "UNPAID"
    PAID = "PAID"
    VOID = "VOID"
    UNRECOGNISED = "UNRECOGNISED"


class FiscalProgress(StrEnum):
    """Whether the platform has finished what it was told. PROCESSING: taken, ask again with the same words."""

    DONE = "DONE"
    PROCESSING = "PROCESSING"


class FiscalRefusal(StrEnum):
    """Why the platform said no, as far as the room acts on it; OTHER is for a person."""

    UNKNOWN_CODE = "UNKNOWN_CODE"
    """The 缴款码 does not exist there."""
    CONTENT_DIFFERS = "CONTENT_DIFFERS"
    """Our number (bill, order or refund) was used before with other words."""
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    """What was paid is not what is due, or more is to be reversed than is left."""
    PAID_BY_ANOTHER = "PAID_BY_ANOTHER"
    """Another order has paid this 缴款码: the money of this one is a double payment and must go back."""
    ALREADY_PAID = "ALREADY_PAID"
    """It cannot be voided any more."""
    ALREADY_VOID = "ALREADY_VOID"
    """It can no longer be paid: the money must go back."""
    NOT_CONFIRMED = "NOT_CONFIRMED"
    """Nothing is confirmed (yet), so there is nothing to reverse; worth asking again while a confirmation is due."""
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class FiscalLine:
    """One charged item (收费项目) of a bill. `item_code` "" where the catalogue knows none."""

    name: str
    amount_fen: int
    basis: str = ""
    item_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalOrder:
    """A bill for which a 缴款码 is wanted. A repeat under the same `bill_no` must be equal in every field, so all of
    them come from the stored row and none from the moment of asking.

    `agency_code` and `agency_name` are the collecting body (执收单位). `due_on` is the last day without 滞纳金.
    """

    bill_no: str
    agency_code: str
    agency_name: str
    division_code: str
    title: str
    amount_fen: int
    billed_on: date
    due_on: date | None = None
    lines: tuple[FiscalLine, ...] = ()
    payer_name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalBill:
    """The platform's truth about one 缴款码. `amount_fen` is what is due now and includes `late_fee_fen` (滞纳金),
    which grows daily after the due day. `out_trade_no` names the order that paid it, "" when none did."""

    payment_code: str
    bill_no: str
    amount_fen: int
    late_fee_fen: int
    standing: FiscalStanding
    provider_status: str
    out_trade_no: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalPayment:
    """A payment that the platform shall confirm (缴款确认). A repeat must be equal in every field."""

    payment_code: str
    amount_fen: int
    channel: str
    out_trade_no: str
    provider_trade_no: str
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class FiscalConfirmation:
    """How far a confirmation is; `confirmed_at` is set exactly when it is DONE."""

    progress: FiscalProgress
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalReceipt:
    """A 财政电子票据: 票据代码 (8 digits), 票据号码 (10 digits), 校验码 and the link to its print.

    `amount_fen` is positive also for a red letter (红字票据).
    """

    code: str
    number: str
    check_code: str
    amount_fen: int
    url: str
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalRefund:
    """Money that goes back to the payer and is to be reversed (红冲). A repeat must be equal in every field."""

    payment_code: str
    out_refund_no: str
    amount_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class FiscalReversal:
    """How far a reversal is; `receipt` is the red letter, set exactly when it is DONE."""

    progress: FiscalProgress
    receipt: FiscalReceipt | None = None


class FiscalEntryKind(StrEnum):
    """What a line of the platform's day list is about."""

    PAYMENT = "PAYMENT"
    REVERSAL = "REVERSAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalEntry:
    """One line of the platform's day list. `reference_no` is our order number of a payment, our refund number of a
    reversal; `out_trade_no` is the order in both cases. `amount_fen` is positive in both cases."""

    kind: FiscalEntryKind
    payment_code: str
    bill_no: str
    out_trade_no: str
    reference_no: str
    amount_fen: int
    booked_at: datetime
