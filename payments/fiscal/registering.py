"""Payment notices (缴款通知) of bills: the 缴款码 is issued by the platform, and withdrawn when the bill is voided.

Run as jobs and by the opening of orders. Both calls are idempotent by the bill's number, so a lost answer is repeated.
"""

from __future__ import annotations

from app.clock import beijing_date
from app.errors import ProviderProtocolError
from payments.fiscal import repository
from payments.fiscal.contradictions import report, report_refusal
from payments.fiscal.neutral import FiscalBill, FiscalLine, FiscalOrder, FiscalRefusal
from payments.fiscal.ports import FiscalPlatform, FiscalRefused
from payments.fiscal.records import FiscalBillRecord
from payments.states import BillStatus

_LINE_LENGTH = 200


class Registering:
    """Issues and withdraws notices."""

    def __init__(self, platform: FiscalPlatform) -> None:
        self._platform = platform

    async def register(self, bill_no: str) -> None:
        """Have the platform issue the code of a bill that has none.

        Raises: what makes the job come again; a plain no is kept for staff as well. Idempotent: yes.
        """
        bill = await repository.find_bill(bill_no)
        if bill is None or bill.payment_code is not None or not await repository.record_try(bill.id):
            return
        try:
            await self.issue(bill)
        except FiscalRefused as error:
            await self._refused("issue", bill, error)
            raise

    async def issue(self, bill: FiscalBillRecord) -> FiscalBill:
        """Ask for the code and keep it; return what the platform knows of the bill.

        Raises: as FiscalPlatform.issue. Idempotent: yes, by `bill_no`.
        """
        found = await self._platform.issue(order_of(bill))
        if found.bill_no != bill.bill_no:
            raise ProviderProtocolError(provider="fiscal", reason="another_bill")
        await repository.record_code(bill.id, found.payment_code)
        return found

    async def withdraw(self, bill_no: str) -> None:
        """Withdraw the code of a voided bill, so that nobody can pay it anywhere.

        A code whose answer was lost exists there all the same: it is asked for once more, then withdrawn.
        Raises: what makes the job come again. Idempotent: yes.
        """
        bill = await repository.find_bill(bill_no)
        if bill is None or bill.status != BillStatus.VOID:
            return
        if bill.payment_code is None and not bill.asked_count:
            return
        try:
            await self._platform.void(bill.payment_code or (await self.issue(bill)).payment_code)
        except FiscalRefused as error:
            if error.refusal is FiscalRefusal.ALREADY_PAID:
                expected = {"status": bill.status, "payment_code": bill.payment_code, "amount_fen": bill.amount_fen}
                await report("paid_elsewhere", f"void:{bill_no}", bill_no, expected, {"refusal": str(error.refusal)})
            elif error.refusal is not FiscalRefusal.UNKNOWN_CODE:
                await self._refused("void", bill, error)
                raise

    async def _refused(self, call: str, bill: FiscalBillRecord, error: FiscalRefused) -> None:
        if not error.retryable:
            expected = {"status": bill.status, "payment_code": bill.payment_code, "amount_fen": bill.amount_fen}
            await report_refusal(call, error, bill.bill_no, bill.bill_no, expected)


def order_of(bill: FiscalBillRecord) -> FiscalOrder:
    """Return what the platform is told of a bill: equal on every repeat, for all of it is stored. Pure."""
    lines = tuple(FiscalLine(line.name, line.amount_fen, line.basis[:_LINE_LENGTH]) for line in bill.lines)
    return FiscalOrder(
        bill_no=bill.bill_no,
        agency_code=bill.department_code,
        agency_name=bill.agency_name or bill.department_code,
        division_code=bill.division_code,
        title=bill.title,
        amount_fen=bill.principal_fen,
        billed_on=beijing_date(bill.created_at),
        due_on=beijing_date(bill.due_at) if bill.due_at else None,
        lines=lines if sum(line.amount_fen for line in lines) == bill.principal_fen else (),
    )
