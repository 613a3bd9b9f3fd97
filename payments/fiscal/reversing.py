"""Red letters (红字票据): what went back to the payer of a confirmed bill is reversed at the fiscal platform (红冲).

Run as a job after a refund has succeeded, and by the sweep while it is not done.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from app.clock import now
from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from payments.fiscal import reversal_repository as repository
from payments.fiscal.contradictions import report, report_refusal
from payments.fiscal.neutral import FiscalRefund, FiscalRefusal
from payments.fiscal.ports import FiscalPlatform, FiscalRefused
from payments.fiscal.records import FiscalRefundRecord
from payments.states import FISCAL_LADDER_SECONDS, RefundStatus, next_fiscal_question_at, refused_question_at

log = structlog.get_logger()


class Reversing:
    """Reverses refunds of confirmed bills."""

    def __init__(self, platform: FiscalPlatform) -> None:
        self._platform = platform

    async def push(self, out_refund_no: str) -> None:
        """Ask for the red letter of a refund. Idempotent: yes, by `out_refund_no` there and `reversed_at` here."""
        refund = await repository.find_refund(out_refund_no)
        if refund is not None:
            await self.follow(refund)

    async def follow(self, refund: FiscalRefundRecord) -> None:
        """Do what `push` does for a refund at hand; whatever stays open is asked about again later."""
        if refund.reversed_at is not None or refund.confirmed_at is None or not refund.is_of_bill:
            return
        if refund.status != RefundStatus.SUCCEEDED:
            await repository.record_not_due(refund)
            return
        try:
            again_at = await self._reverse(refund)
        except FiscalRefused as error:
            again_at = await self._refused(refund, error)
        except (ProviderUnavailable, ProviderRejected, ProviderProtocolError) as error:
            log.warning("fiscal_unknown", out_refund_no=refund.out_refund_no, code=error.stable_code)
            again_at = next_fiscal_question_at(refund.asked_count, now())
        await repository.record_question(refund, again_at)

    async def _reverse(self, refund: FiscalRefundRecord) -> datetime:
        assert refund.payment_code is not None, "a confirmed bill has a code"
        answer = await self._platform.reverse(
            FiscalRefund(
                payment_code=refund.payment_code,
                out_refund_no=refund.out_refund_no,
                amount_fen=refund.amount_fen,
                reason=refund.reason,
            )
        )
        receipt = answer.receipt
        if receipt is not None and receipt.amount_fen != refund.amount_fen:
            received = {"receipt_number": receipt.number, "amount_fen": receipt.amount_fen}
            key = f"reverse:{refund.out_refund_no}"
            await report("receipt_differs", key, refund.out_refund_no, _expected(refund), received)
            return refused_question_at(now())
        if receipt is not None:
            await repository.record_reversed(refund, receipt)
        return next_fiscal_question_at(refund.asked_count, now())

    async def _refused(self, refund: FiscalRefundRecord, error: FiscalRefused) -> datetime:
        # Both may have crossed; but a bill that is called unpaid for hours is for staff.
        crossed = error.refusal is FiscalRefusal.NOT_CONFIRMED and refund.asked_count < len(FISCAL_LADDER_SECONDS)
        if error.retryable or crossed:
            return next_fiscal_question_at(refund.asked_count, now())
        await report_refusal("reverse", error, refund.bill_no, refund.out_refund_no, _expected(refund))
        return refused_question_at(now())


def _expected(refund: FiscalRefundRecord) -> dict[str, object]:
    same = "out_refund_no bill_no payment_code status amount_fen"
    return {name: getattr(refund, name) for name in same.split()}
