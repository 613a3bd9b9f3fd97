"""The fiscal part of the payments room behind one object: `house.payments.fiscal`.

The room's door, its opening of orders, its reactions, jobs and sweeps call it. It holds no rule of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime

from app.jobs import JobFunction
from payments.fiscal import repository, reversal_repository
from payments.fiscal.confirming import Confirming
from payments.fiscal.ports import FiscalPlatform
from payments.fiscal.pricing import Pricing
from payments.fiscal.records import CONFIRM_BILL, FETCH_RECEIPT, REGISTER_BILL, REVERSE_REFUND, VOID_CODE
from payments.fiscal.registering import Registering
from payments.fiscal.reversing import Reversing
from payments.records import BillRecord


class FiscalOffice:
    """Bills at the fiscal platform (财政非税), from their code to their receipt and its red letters."""

    def __init__(self, platform: FiscalPlatform) -> None:
        self._registering = Registering(platform)
        self._pricing = Pricing(platform, self._registering)
        self._confirming = Confirming(platform, self._registering)
        self._reversing = Reversing(platform)

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload."""

        async def register_bill(payload: dict[str, str]) -> None:
            await self._registering.register(payload["bill_no"])

        async def void_code(payload: dict[str, str]) -> None:
            await self._registering.withdraw(payload["bill_no"])

        async def push_bill(payload: dict[str, str]) -> None:
            await self._confirming.push(payload["bill_no"])

        async def reverse_refund(payload: dict[str, str]) -> None:
            await self._reversing.push(payload["out_refund_no"])

        return {
            REGISTER_BILL: register_bill,
            VOID_CODE: void_code,
            CONFIRM_BILL: push_bill,
            FETCH_RECEIPT: push_bill,
            REVERSE_REFUND: reverse_refund,
        }

    async def payable(self, bill: BillRecord) -> BillRecord | None:
        """Ask what is due right before an order is opened. See Pricing.payable."""
        return await self._pricing.payable(bill)

    async def after_refund(self, out_refund_no: str) -> None:
        """Have a refund that has reached the payer reversed, if its bill is confirmed. Idempotent: yes."""
        await reversal_repository.request_reversal(out_refund_no)

    async def after_bounce(self, out_refund_no: str) -> None:
        """Take up the confirmation of a bill again whose refund a bank gave back. Idempotent: yes."""
        await reversal_repository.resume_confirmation(out_refund_no)

    async def due(self, moment: datetime, lease_until: datetime, limit: int) -> list[Awaitable[None]]:
        """Take what is to be asked about, for the time of a lease; return the questions, to be awaited at once."""
        bills = await repository.claim_bills(moment, lease_until, limit)
        refunds = await reversal_repository.claim_refunds(moment, lease_until, limit)
        return [*map(self._confirming.follow, bills), *map(self._reversing.follow, refunds)]
