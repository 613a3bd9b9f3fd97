"""The question to the fiscal platform right before a new order is opened: may this bill be paid, and what is due now.

The opening of orders calls it, with no transaction open. 滞纳金 grows daily, so the answer is used at once.
"""

from __future__ import annotations

from dataclasses import replace

from app.errors import Conflict, ProviderProtocolError, ProviderUnavailable
from payments.fiscal import repository
from payments.fiscal.contradictions import report, report_refusal
from payments.fiscal.neutral import FiscalBill, FiscalStanding
from payments.fiscal.ports import FiscalPlatform, FiscalRefused
from payments.fiscal.records import FiscalBillRecord
from payments.fiscal.registering import Registering
from payments.records import BillRecord
from payments.states import BillStatus


class Pricing:
    """Asks what is due, and brings our bill to it."""

    def __init__(self, platform: FiscalPlatform, registering: Registering) -> None:
        self._platform = platform
        self._registering = registering

    async def payable(self, bill: BillRecord) -> BillRecord | None:
        """Return the bill with the sum that is due now; None when it moved meanwhile and must be looked at again.

        Raises: Conflict (`bill_void_at_fiscal`, `bill_paid_at_fiscal`, `bill_unknown_at_fiscal`,
        `bill_differs_at_fiscal`, `bill_refused_at_fiscal`; staff see each of them), ProviderUnavailable when the
        platform is away or its word for the standing is not known, ProviderProtocolError.
        """
        known = await repository.find_bill(bill.bill_no)
        if known is None or known.status != BillStatus.UNPAID:
            return None
        # Noted before the call: a bill that is voided meanwhile has a notice there that must be withdrawn.
        if known.payment_code is None and not await repository.record_try(known.id):
            return None
        try:
            found = await self._ask(known)
        except FiscalRefused as error:
            if error.retryable:
                raise _away() from error
            await self._refused(known, error)
            return None
        except ProviderUnavailable as error:
            raise _away() from error
        refusal = _contradiction(known, found)
        if refusal is not None:
            await self._contradicted(known, found, refusal)
            return None
        assert found is not None
        if (found.amount_fen, found.late_fee_fen) == (known.amount_fen, known.late_fee_fen):
            return replace(bill, amount_fen=known.amount_fen)
        if not await repository.record_price(known, found.amount_fen, found.late_fee_fen):
            return None
        return replace(bill, amount_fen=found.amount_fen)

    async def _ask(self, bill: FiscalBillRecord) -> FiscalBill | None:
        """Ask what is due; a bill that has no code yet gets it by the same call."""
        if bill.payment_code is not None:
            return await self._platform.query(bill.payment_code)
        return await self._registering.issue(bill)

    async def _refused(self, bill: FiscalBillRecord, error: FiscalRefused) -> None:
        """Tell staff of a plain no and refuse, unless the bill moved meanwhile."""
        if not await _has_moved(bill):
            await report_refusal("ask", error, bill.bill_no, bill.bill_no, _shown(bill))
            raise Conflict("该缴款单暂不能缴费，请联系办理部门", code="bill_refused_at_fiscal") from error

    async def _contradicted(self, bill: FiscalBillRecord, found: FiscalBill | None, refusal: Conflict) -> None:
        """Tell staff of a contradiction and refuse, unless the bill moved meanwhile: then it was an echo of that."""
        if not await _has_moved(bill):
            received = {} if found is None else _shown_there(found)
            await report(refusal.stable_code, bill.bill_no, bill.bill_no, _shown(bill), received)
            raise refusal


def _contradiction(bill: FiscalBillRecord, found: FiscalBill | None) -> Conflict | None:
    """Return why an answer forbids opening an order; None when the bill may be paid there. Pure.

    Raises: ProviderProtocolError for another bill's answer, ProviderUnavailable for an unknown standing.
    """
    if found is None:
        return Conflict("财政系统未查询到该缴款码，请联系办理部门", code="bill_unknown_at_fiscal")
    if found.bill_no != bill.bill_no:
        raise ProviderProtocolError(provider="fiscal", reason="another_bill")
    if found.standing is FiscalStanding.UNRECOGNISED:
        raise ProviderUnavailable("缴款信息核对中，请稍后再试", reason="unrecognised_standing")
    if found.standing is FiscalStanding.VOID:
        return Conflict("该缴款码已在财政系统作废，请联系办理部门", code="bill_void_at_fiscal")
    if found.standing is FiscalStanding.PAID:
        return Conflict("该缴款码已在财政系统缴费，请勿重复缴纳", code="bill_paid_at_fiscal")
    if found.late_fee_fen < 0 or found.amount_fen - found.late_fee_fen != bill.principal_fen:
        return Conflict("应缴金额与财政系统不一致，请联系办理部门", code="bill_differs_at_fiscal")
    return None


async def _has_moved(bill: FiscalBillRecord) -> bool:
    now_known = await repository.find_bill(bill.bill_no)
    return now_known is None or (now_known.status, now_known.payment_code) != (bill.status, bill.payment_code)


def _away() -> ProviderUnavailable:
    return ProviderUnavailable("财政非税系统暂时无法应答，请稍后再试", provider="fiscal")


def _shown(bill: FiscalBillRecord) -> dict[str, object]:
    same = "bill_no payment_code status amount_fen late_fee_fen"
    return {name: getattr(bill, name) for name in same.split()}


def _shown_there(found: FiscalBill) -> dict[str, object]:
    same = "bill_no payment_code standing provider_status amount_fen late_fee_fen out_trade_no"
    return {name: getattr(found, name) for name in same.split()}
