"""After a bill was paid: the payment is confirmed at the fiscal platform (缴款确认), then its receipt is fetched.

Run as jobs right away and by the sweep while it is not done. Nothing here gives up: a silence is asked again at growing
distance, a plain no is shown to staff and asked again daily.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from app.clock import now
from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from payments.fiscal import repository
from payments.fiscal.contradictions import report, report_refusal
from payments.fiscal.neutral import FiscalPayment, FiscalRefusal, FiscalStanding
from payments.fiscal.ports import FiscalPlatform, FiscalRefused
from payments.fiscal.records import FiscalBillRecord, Paid
from payments.fiscal.registering import Registering
from payments.states import PAID_BILL, BillStatus, next_fiscal_question_at, refused_question_at

log = structlog.get_logger()


class Confirming:
    """Takes paid bills to their confirmation and their receipt."""

    def __init__(self, platform: FiscalPlatform, registering: Registering) -> None:
        self._platform = platform
        self._registering = registering

    async def push(self, bill_no: str) -> None:
        """Take a bill one step further. Idempotent: yes, by what the platform and the row know already."""
        bill = await repository.find_bill(bill_no)
        if bill is not None:
            await self.follow(bill)

    async def follow(self, bill: FiscalBillRecord) -> None:
        """Do what `push` does for a bill at hand; whatever stays open is asked about again later."""
        if bill.paid is None or bill.status not in PAID_BILL or bill.has_receipt:
            return
        try:
            again_at = await self._step(bill, bill.paid)
        except FiscalRefused as error:
            again_at = await self._refused(bill, bill.paid, error)
        except (ProviderUnavailable, ProviderRejected, ProviderProtocolError) as error:
            log.warning("fiscal_unknown", bill_no=bill.bill_no, code=error.stable_code)
            again_at = next_fiscal_question_at(bill.asked_count, now())
        await repository.record_question(bill, again_at)

    async def _step(self, bill: FiscalBillRecord, paid: Paid) -> datetime | None:
        """Confirm, or fetch the receipt; return when to ask again, None when nothing is left to ask."""
        if bill.confirmed_at is not None:
            return await self._fetch_receipt(bill, paid)
        if bill.status == BillStatus.REFUNDED and await self._ends_unconfirmed(bill, paid):
            return None
        return await self._confirm(bill, paid)

    async def _confirm(self, bill: FiscalBillRecord, paid: Paid) -> datetime:
        answer = await self._platform.confirm(
            FiscalPayment(
                payment_code=bill.payment_code or (await self._registering.issue(bill)).payment_code,
                amount_fen=paid.amount_fen,
                channel=paid.channel,
                out_trade_no=paid.out_trade_no,
                provider_trade_no=paid.provider_trade_no,
                paid_at=paid.paid_at,
            )
        )
        again_at = next_fiscal_question_at(bill.asked_count, now())
        if answer.confirmed_at is not None:
            await repository.record_confirmed(bill, paid, answer.confirmed_at, again_at)
        return again_at

    async def _fetch_receipt(self, bill: FiscalBillRecord, paid: Paid) -> datetime | None:
        assert bill.payment_code is not None, "a confirmed bill has a code"
        receipt = await self._platform.receipt(bill.payment_code)
        if receipt is None:
            return next_fiscal_question_at(bill.asked_count, now())
        if receipt.amount_fen != paid.amount_fen:
            received = {"receipt_number": receipt.number, "amount_fen": receipt.amount_fen}
            expected = {"bill_no": bill.bill_no, "amount_fen": paid.amount_fen}
            await report("receipt_differs", f"receipt:{bill.bill_no}", paid.out_trade_no, expected, received)
            return refused_question_at(now())
        await repository.record_receipt(bill, receipt)
        return None

    async def _ends_unconfirmed(self, bill: FiscalBillRecord, paid: Paid) -> bool:
        """Settle a bill whose money went back in full before the platform had confirmed it.

        Withdrawing the code decides which of the two came first: refused means that an earlier try was taken, so the
        confirmation is finished and reversed afterwards. Returns True when the platform will never have confirmed it.
        """
        if bill.payment_code is None:
            return True
        found = await self._platform.query(bill.payment_code)
        if found is None or found.standing is FiscalStanding.VOID:
            return True
        if found.standing is FiscalStanding.UNRECOGNISED:
            raise ProviderProtocolError(provider="fiscal", reason="unrecognised_standing")
        if found.standing is FiscalStanding.PAID:
            return found.out_trade_no not in ("", paid.out_trade_no)
        try:
            await self._platform.void(bill.payment_code)
        except FiscalRefused as error:
            if error.refusal is FiscalRefusal.ALREADY_PAID:
                return False
            raise
        return True

    async def _refused(self, bill: FiscalBillRecord, paid: Paid, error: FiscalRefused) -> datetime:
        """Show a plain no to staff and ask again tomorrow; the money stays where it is, and is never forgotten."""
        if error.retryable:
            return next_fiscal_question_at(bill.asked_count, now())
        expected = {
            "bill_no": bill.bill_no,
            "payment_code": bill.payment_code,
            "status": bill.status,
            "amount_fen": paid.amount_fen,
        }
        call = "confirm" if bill.confirmed_at is None else "receipt"
        await report_refusal(call, error, bill.bill_no, paid.out_trade_no, expected)
        return refused_question_at(now())
