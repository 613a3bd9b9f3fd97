"""Paying for others: a representative or an agent pays a fee of a case that they may act in today.

The payments' doors ask here only where a bill is not plainly the caller's own.
"""

from __future__ import annotations

from app.errors import NotFound
from app.tokens import Caller
from payments.types import OpenedPayment, PaymentView
from services.applications import own
from services.applications.own import Held
from services.applications.parts import Parts
from services.staff.types import Act


class PayingForOthers:
    """Use cases of fees; the payer is always the caller. Raises in both: NotFound."""

    def __init__(self, parts: Parts) -> None:
        self._people, self._payments, self._audit = parts.people, parts.payments, parts.audit

    async def open(self, caller: Caller, bill_no: str, channel: str) -> OpenedPayment:
        """Open a payment of a bill, or continue it; audited with both persons. Raises: as the caller's own."""
        held = await self._held(caller, await self._payments.subject_of(bill_no=bill_no))
        opened = await self._payments.create(caller, bill_no, channel, owner_id=held.row["citizen_id"])
        trace = held.trace("payment_opened")
        if trace is not None:
            paid = {**trace.details, "bill_no": bill_no, "out_trade_no": opened.out_trade_no}
            await self._audit.record(Act(trace.actor, trace.action, trace.object_kind, trace.object_no, paid))
        return opened

    async def payment(self, caller: Caller, out_trade_no: str) -> PaymentView:
        """Show a payment of a case that the caller may act in."""
        held = await self._held(caller, await self._payments.subject_of(out_trade_no=out_trade_no))
        return await self._payments.own_payment(caller, out_trade_no, owner_id=held.row["citizen_id"])

    async def _held(self, caller: Caller, subject_no: str) -> Held:
        held = await own.find(self._people, caller, subject_no)
        if held.acting is None:
            # One's own case, but the bill is not: it is of a time before two records of one person became one.
            raise NotFound("未找到该缴款单")
        return held
