"""A fiscal platform in memory: the port FiscalPlatform in full, with faults on command, its truth open to the test."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from app.clock import beijing_date, now
from app.errors import ProviderUnavailable
from payments.fiscal.neutral import (
    FiscalBill,
    FiscalConfirmation,
    FiscalEntry,
    FiscalEntryKind,
    FiscalOrder,
    FiscalPayment,
    FiscalProgress,
    FiscalReceipt,
    FiscalRefund,
    FiscalRefusal,
    FiscalReversal,
    FiscalStanding,
)
from payments.fiscal.ports import FiscalRefused


@dataclass
class Fault:
    """What goes wrong with the next calls: `before` = nothing is done, `after` = done but the answer is lost,
    `not_sent` = it never left, `reject` = refused with `refusal`."""

    kind: str
    times: int
    refusal: FiscalRefusal


@dataclass
class FakeNotice:
    """One notice as the platform keeps it."""

    order: FiscalOrder
    code: str
    late_fee_fen: int = 0
    is_void: bool = False
    payment: FiscalPayment | None = None
    paid_elsewhere: str = ""
    confirmed_at: datetime | None = None
    receipt: FiscalReceipt | None = None

    @property
    def due_fen(self) -> int:
        """What is due now, 滞纳金 included."""
        return self.order.amount_fen + self.late_fee_fen

    @property
    def out_trade_no(self) -> str:
        """The order that paid it, "" while none did."""
        return self.payment.out_trade_no if self.payment else self.paid_elsewhere


@dataclass
class FakeReversal:
    """One reversal as the platform keeps it."""

    refund: FiscalRefund
    out_trade_no: str
    receipt: FiscalReceipt | None = None


@dataclass
class FakeFiscalPlatform:
    """Implements payments.fiscal.ports.FiscalPlatform. While `holds` is true, confirmations, receipts and reversals
    stay under way until `release`."""

    code_length: int = 20
    holds: bool = False
    notices: dict[str, FakeNotice] = field(default_factory=dict)
    reversals: dict[str, FakeReversal] = field(default_factory=dict)
    foreign: list[FiscalEntry] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    faults: dict[str, Fault] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)

    def fail(self, call: str, kind: str, times: int = 1, refusal: FiscalRefusal = FiscalRefusal.OTHER) -> None:
        """Let the next calls fail: kinds `before`, `after`, `not_sent`, `reject`."""
        self.faults[call] = Fault(kind, times, refusal)

    def grow_late_fee(self, payment_code: str, late_fee_fen: int) -> None:
        """Let 滞纳金 be so much from now on."""
        self.notices[payment_code].late_fee_fen = late_fee_fen

    def pay_elsewhere(self, payment_code: str, out_trade_no: str = "BANKCOUNTER0001") -> None:
        """Let somebody pay at a bank counter."""
        notice = self.notices[payment_code]
        assert not notice.out_trade_no, "it is paid"
        assert not notice.is_void, "it is void"
        notice.paid_elsewhere, notice.confirmed_at = out_trade_no, now()
        notice.receipt = _receipt(notice.due_fen)

    def release(self) -> None:
        """Finish what is held, and hold nothing more."""
        self.holds = False
        for notice in self.notices.values():
            if notice.payment and notice.confirmed_at is None:
                self._finish(notice)
        for reversal in self.reversals.values():
            reversal.receipt = reversal.receipt or _receipt(reversal.refund.amount_fen)

    @property
    def confirmed_fen(self) -> int:
        """What is confirmed less what is reversed."""
        paid = sum(n.payment.amount_fen for n in self.notices.values() if n.payment and n.confirmed_at)
        return paid - sum(r.refund.amount_fen for r in self.reversals.values() if r.receipt)

    async def issue(self, order: FiscalOrder) -> FiscalBill:
        self._enter("issue")
        found = next((n for n in self.notices.values() if n.order.bill_no == order.bill_no), None)
        if found is None:
            code = f"140000{_digits(self.code_length - 6)}"
            found = self.notices[code] = FakeNotice(order, code)
        elif found.order != order:
            raise self._refused(FiscalRefusal.CONTENT_DIFFERS)
        self._leave("issue")
        return _bill(found)

    async def query(self, payment_code: str) -> FiscalBill | None:
        self._enter("query")
        found = self.notices.get(payment_code)
        self._leave("query")
        return None if found is None else _bill(found)

    async def confirm(self, payment: FiscalPayment) -> FiscalConfirmation:
        self._enter("confirm")
        notice = self._notice(payment.payment_code)
        if notice.out_trade_no:
            self._require(notice.out_trade_no == payment.out_trade_no, FiscalRefusal.PAID_BY_ANOTHER)
            self._require(notice.payment == payment, FiscalRefusal.CONTENT_DIFFERS)
        else:
            self._require(not notice.is_void, FiscalRefusal.ALREADY_VOID)
            self._require(notice.due_fen == payment.amount_fen, FiscalRefusal.AMOUNT_DIFFERS)
            notice.payment = payment
            if not self.holds:
                self._finish(notice)
        self._leave("confirm")
        if notice.confirmed_at is None:
            return FiscalConfirmation(FiscalProgress.PROCESSING)
        return FiscalConfirmation(FiscalProgress.DONE, notice.confirmed_at)

    async def receipt(self, payment_code: str) -> FiscalReceipt | None:
        self._enter("receipt")
        found = self._notice(payment_code).receipt
        self._leave("receipt")
        return found

    async def reverse(self, refund: FiscalRefund) -> FiscalReversal:
        self._enter("reverse")
        notice, reversal = self._notice(refund.payment_code), self.reversals.get(refund.out_refund_no)
        if reversal is None:
            self._check_reversible(notice, refund)
            reversal = self.reversals[refund.out_refund_no] = FakeReversal(refund, notice.out_trade_no)
            reversal.receipt = None if self.holds else _receipt(refund.amount_fen)
        same = replace(reversal.refund, reason="") == replace(refund, reason="")
        self._require(same, FiscalRefusal.CONTENT_DIFFERS)
        self._leave("reverse")
        if reversal.receipt is None:
            return FiscalReversal(FiscalProgress.PROCESSING)
        return FiscalReversal(FiscalProgress.DONE, reversal.receipt)

    async def void(self, payment_code: str) -> None:
        self._enter("void")
        notice = self._notice(payment_code)
        self._require(not notice.out_trade_no, FiscalRefusal.ALREADY_PAID)
        notice.is_void = True
        self._leave("void")

    async def list_day(self, business_on: date) -> AsyncIterator[FiscalEntry]:
        self._enter("list_day")
        for entry in [*self._entries(), *self.foreign]:
            if entry.reference_no not in self.lost and beijing_date(entry.booked_at) == business_on:
                yield entry
        self._leave("list_day")

    def _entries(self) -> list[FiscalEntry]:
        paid = [
            _entry(n, FiscalEntryKind.PAYMENT, n.out_trade_no, n.payment.amount_fen if n.payment else n.due_fen, at)
            for n in self.notices.values()
            if (at := n.confirmed_at)
        ]
        reversed_ = [
            _entry(
                self.notices[r.refund.payment_code],
                FiscalEntryKind.REVERSAL,
                r.refund.out_refund_no,
                r.refund.amount_fen,
                r.receipt.issued_at,
            )
            for r in self.reversals.values()
            if r.receipt
        ]
        return sorted(paid + reversed_, key=lambda entry: entry.booked_at)

    def _check_reversible(self, notice: FakeNotice, refund: FiscalRefund) -> None:
        if notice.confirmed_at is None:
            raise self._refused(FiscalRefusal.NOT_CONFIRMED, retryable=bool(notice.out_trade_no))
        done = sum(r.refund.amount_fen for r in self.reversals.values() if r.refund.payment_code == notice.code)
        paid_fen = notice.payment.amount_fen if notice.payment else notice.due_fen
        self._require(done + refund.amount_fen <= paid_fen, FiscalRefusal.AMOUNT_DIFFERS)

    def _finish(self, notice: FakeNotice) -> None:
        assert notice.payment is not None
        notice.confirmed_at = now().replace(microsecond=0)
        notice.receipt = _receipt(notice.payment.amount_fen)

    def _notice(self, payment_code: str) -> FakeNotice:
        found = self.notices.get(payment_code)
        if found is None:
            raise self._refused(FiscalRefusal.UNKNOWN_CODE)
        return found

    def _require(self, fulfilled: bool, refusal: FiscalRefusal) -> None:
        if not fulfilled:
            raise self._refused(refusal)

    def _refused(self, refusal: FiscalRefusal, *, retryable: bool = False) -> FiscalRefused:
        return FiscalRefused(refusal, provider="fake", provider_code=str(refusal), retryable=retryable)

    def _enter(self, call: str) -> None:
        self.calls[call] += 1
        fault = self._take(call, "before", "reject", "not_sent")
        if fault is not None and fault.kind == "reject":
            raise self._refused(fault.refusal)
        if fault is not None:
            raise ProviderUnavailable(provider="fake", call=call, nothing_sent=fault.kind == "not_sent")

    def _leave(self, call: str) -> None:
        if self._take(call, "after") is not None:
            raise ProviderUnavailable(provider="fake", call=call, nothing_sent=False)

    def _take(self, call: str, *kinds: str) -> Fault | None:
        fault = self.faults.get(call)
        if fault is None or fault.kind not in kinds or fault.times == 0:
            return None
        fault.times -= 1
        return fault


def _bill(notice: FakeNotice) -> FiscalBill:
    paid = bool(notice.out_trade_no)
    standing = FiscalStanding.PAID if paid else FiscalStanding.VOID if notice.is_void else FiscalStanding.UNPAID
    late_fee_fen = notice.payment.amount_fen - notice.order.amount_fen if notice.payment else notice.late_fee_fen
    return FiscalBill(
        payment_code=notice.code,
        bill_no=notice.order.bill_no,
        amount_fen=notice.order.amount_fen + late_fee_fen,
        late_fee_fen=late_fee_fen,
        standing=standing,
        provider_status=str(standing),
        out_trade_no=notice.out_trade_no,
    )


def _entry(notice: FakeNotice, kind: FiscalEntryKind, reference_no: str, fen: int, booked_at: datetime) -> FiscalEntry:
    return FiscalEntry(
        kind=kind,
        payment_code=notice.code,
        bill_no=notice.order.bill_no,
        out_trade_no=notice.out_trade_no,
        reference_no=reference_no,
        amount_fen=fen,
        booked_at=booked_at,
    )


def _digits(length: int) -> str:
    return f"{secrets.randbelow(10**length):0{length}d}"


def _receipt(amount_fen: int) -> FiscalReceipt:
    number = _digits(10)
    return FiscalReceipt(
        code="14010126",
        number=number,
        check_code=_digits(6),
        amount_fen=amount_fen,
        url=f"https://receipts.example.gov.cn/{number}.pdf",
        issued_at=now().replace(microsecond=0),
    )
