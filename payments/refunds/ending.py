"""Ends a bill that is not needed any more, whatever became of it: void while unpaid, given back once paid.

The payments room's service calls it for other rooms. Giving back is a refund like any other, asked for by the house.
"""

from __future__ import annotations

from app.errors import Conflict
from payments import bill_repository, repository
from payments.asking import Asking
from payments.refunds import repository as refund_repository
from payments.refunds.desk import MOST_LETTERS, RefundDesk
from payments.types import StaffPerson, StaffScope

_HOUSE = StaffPerson("system", StaffScope(("",), ()))
"""Acts everywhere; its refunds stand in the audit trail and wait for a second person from the same sum on."""


class BillEnding:
    """The use case of ending one bill."""

    def __init__(self, asking: Asking, refunds: RefundDesk) -> None:
        self._asking, self._refunds = asking, refunds

    async def end(self, bill_no: str, reason: str) -> None:
        """Void a bill, or give back what was paid of it and not given back yet.

        Raises: ProviderUnavailable while the outcome of an open order is unknown, Conflict `payment_in_progress` when a
        new one was opened meanwhile; call again then. Idempotent: yes, by status and by the refund's number.
        """
        bill = await bill_repository.find_bill(bill_no)
        if bill is None:
            return
        record = await repository.find_open_payment(bill.id)
        if record is not None:
            await self._asking.settle(record)
        if await bill_repository.record_void(bill_no):
            return
        paid = await refund_repository.find_paid(bill_no)
        if paid is not None:
            await self._give_back(paid["out_trade_no"], paid["amount_fen"], bill_no, reason)
        elif any(left.bill_no == bill_no for left in await bill_repository.list_unsettled_bills(bill.subject_no)):
            raise Conflict("该缴款单正在支付处理中，请稍后再试", code="payment_in_progress", retry_after_seconds=2)

    async def _give_back(self, out_trade_no: str, amount_fen: int, bill_no: str, reason: str) -> None:
        try:
            await self._refunds.request(
                _HOUSE, out_trade_no, amount_fen, reason[:MOST_LETTERS], request_key=f"end:{bill_no}"
            )
        except Conflict as refusal:
            left_fen = refusal.details.get("left_fen", 0)
            if refusal.stable_code == "refund_exceeds" and left_fen > 0:
                await self._give_back(out_trade_no, left_fen, bill_no, reason)
            elif refusal.stable_code not in ("refund_exceeds", "not_refundable"):
                raise
