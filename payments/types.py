"""Commands and views that cross the door of the payments room.

Money is fen, moments are aware UTC inside and RFC 3339 with +08:00 in the views.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from payments.cashier.types import PaymentFilter as PaymentFilter
from payments.cashier.types import PaymentTrail as PaymentTrail
from payments.reconciliation.types import DiscrepancyPage as DiscrepancyPage
from payments.reconciliation.types import DiscrepancyView as DiscrepancyView
from payments.reconciliation.types import KindCount as KindCount
from payments.reconciliation.types import ReconciliationDetail as ReconciliationDetail
from payments.reconciliation.types import ReconciliationPage as ReconciliationPage
from payments.reconciliation.types import ReconciliationView as ReconciliationView
from payments.statements.types import Statement as Statement
from payments.statements.types import StatementLine as StatementLine
from payments.statements.types import StatementRow as StatementRow
from payments.statements.types import StatementSums as StatementSums


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
    """What a room asks to be paid for: one bill per `subject_no` and `purpose`. `due_at` None = no end.

    `agency_name` is the collecting body (执收单位) as it is printed; the department's code stands for it when empty.
    """

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
    agency_name: str = ""


class NewPayment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the payer sends: which bill, by which channel. The amount is the bill's and cannot be sent."""

    bill_no: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    channel: Literal["WECHAT", "ALIPAY"]


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """The 财政电子票据 of a payment: 票据代码, 票据号码, 校验码 and the link to its print."""

    code: str
    number: str
    check_code: str
    url: str
    issued_at: str


class BillView(msgspec.Struct, frozen=True, kw_only=True):
    """A bill as its payer sees it. `payment_code` is empty until the fiscal platform has issued it; `late_fee_fen`
    (滞纳金) is part of `amount_fen`; `confirmed_at` is set by the platform (已缴费)."""

    bill_no: str
    payment_code: str
    subject_no: str
    title: str
    lines: list[BillLine]
    amount_fen: int
    late_fee_fen: int
    status: str
    status_text: str
    due_at: str | None
    paid_at: str | None
    confirmed_at: str | None
    created_at: str
    receipt: ReceiptView | None = None
    refunds: list[RefundView] = []


class BillList(msgspec.Struct, frozen=True, kw_only=True):
    """The bills of one case; a case has few, so there is no next page."""

    data: list[BillView]
    next_cursor: str | None = None


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A channel order as its payer sees it, with its own refunds and the receipt of the bill that it paid."""

    out_trade_no: str
    bill_no: str
    channel: str
    amount_fen: int
    late_fee_fen: int
    status: str
    bill_status: str
    bill_status_text: str
    expires_at: str
    paid_at: str | None
    receipt: ReceiptView | None = None
    refunds: list[RefundView] = []


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
    status_text: str = ""
    created_at: str
    finished_at: str | None


class PaidView(msgspec.Struct, frozen=True, kw_only=True):
    """One successful payment of a person, with what became of it. `late_fee_fen` (滞纳金) is part of the amount;
    `status` is the bill's, or for a second success on a bill how far its own refund is."""

    bill_no: str
    title: str
    subject_no: str
    amount_fen: int
    late_fee_fen: int
    status: str
    status_text: str
    channel: str
    out_trade_no: str
    paid_at: str
    refunded_fen: int
    refunds: list[RefundView]
    receipt: ReceiptView | None


class PaidPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a person's payments, newest first."""

    data: list[PaidView]
    next_cursor: str | None


class StaffRefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as a cashier sees it. `acts` is what may be done with it now, by somebody who may."""

    out_refund_no: str
    out_trade_no: str
    bill_no: str
    subject_no: str
    title: str
    channel: str
    amount_fen: int
    paid_fen: int
    reason: str
    cause: str
    cause_text: str
    status: str
    status_text: str
    needs_approval: bool
    requested_by: str
    approved_by: str
    approved_at: str | None
    decision_note: str
    provider_status: str
    provider_refund_no: str
    department_code: str
    division_code: str
    created_at: str
    finished_at: str | None
    acts: list[str]


class StaffRefundPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of refunds."""

    data: list[StaffRefundView]
    next_cursor: str | None


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


class StaffPaymentPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of channel orders."""

    data: list[StaffPaymentView]
    next_cursor: str | None


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


class QuarantinedPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of quarantined callbacks."""

    data: list[QuarantinedView]
    next_cursor: str | None


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
class Payer:
    """The person as the channel knows them: the mini-program and their subject (openid, open_id) in it."""

    app_id: str
    subject: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StaffScope:
    """Whose payments a member of staff may see: prefixes of division codes, departments (empty = all of them)."""

    divisions: tuple[str, ...]
    departments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StaffPerson:
    """The member of staff who acts: username, scope, and the network address for the audit trail."""

    username: str
    scope: StaffScope
    address: str = ""


@dataclass(frozen=True, slots=True)
class AuditedAct:
    """One act of staff for the audit trail. `details` are small JSON values, never personal data."""

    actor: str
    action: str
    object_kind: str
    object_no: str
    details: Mapping[str, Any]
    address: str


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
