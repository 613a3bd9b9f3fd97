"""What a cashier looks at: channel orders by many marks, and everything that stands beside one of them.

The room's door holds it as `payments.cashier`. It reads only; scope is checked here, roles by the handlers.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta

from app.clock import BEIJING
from app.errors import FieldFault, InvalidRequest, NotFound
from app.ids import first_id
from payments import shown_repository, views
from payments.cashier import repository
from payments.cashier.repository import Bounds
from payments.cashier.types import PaymentFilter, PaymentTrail
from payments.cashier.views import callback, difference, order, transfer
from payments.types import StaffPaymentView, StaffScope

_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
_LAST_ID = uuid.UUID(int=2**128 - 1)


class CashierDesk:
    """Channel orders within a scope."""

    async def payments(
        self, scope: StaffScope, chosen: PaymentFilter, after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[StaffPaymentView], uuid.UUID | None]:
        """Return a page of channel orders, newest first, and where the next page begins.

        Raises: InvalidRequest (`first_on`, `until`).
        """
        rows = await repository.list_page(_bounds(scope, chosen, after), limit + 1)
        page = rows[:limit]
        return [views.staff_payment(row) for row in page], page[-1]["id"] if len(rows) > limit else None

    async def payment(self, scope: StaffScope, out_trade_no: str) -> StaffPaymentView:
        """Return a channel order with its refunds. Raises NotFound, also outside the scope."""
        row = await repository.find(scope.divisions, scope.departments, out_trade_no)
        if row is None:
            raise NotFound("未找到该支付单")
        return views.with_refunds(views.staff_payment(row), await shown_repository.list_refunds_of(row["id"]))

    async def trail(self, scope: StaffScope, out_trade_no: str) -> PaymentTrail:
        """Return what stands beside a channel order: its bill's orders, ledger, messages, differences.

        Raises NotFound, also outside the scope.
        """
        row = await repository.find(scope.divisions, scope.departments, out_trade_no)
        if row is None:
            raise NotFound("未找到该支付单")
        return PaymentTrail(
            payment_code=row["payment_code"] or "",
            orders=[order(each) for each in await repository.list_orders(row["bill_id"])],
            ledger=[transfer(each) for each in await repository.list_transfers(row["bill_no"])],
            callbacks=[callback(each) for each in await repository.list_messages(row["bill_id"])],
            differences=[difference(each) for each in await repository.list_differences(row["bill_no"])],
        )


def _bounds(scope: StaffScope, chosen: PaymentFilter, after: uuid.UUID | None) -> Bounds:
    _check_days(chosen.first_on, chosen.until)
    before = first_id(_midnight(chosen.until + timedelta(days=1))) if chosen.until else _LAST_ID
    return Bounds(
        scope.divisions,
        scope.departments,
        chosen.number,
        chosen.channel,
        chosen.status,
        chosen.department_code,
        from_id=first_id(_midnight(chosen.first_on or _FIRST_DAY)),
        before_id=min(before, after) if after else before,
    )


def _check_days(first_on: date | None, until: date | None) -> None:
    for name, day in (("first_on", first_on), ("until", until)):
        if day is not None and not _FIRST_DAY <= day <= _LAST_DAY:
            raise InvalidRequest(faults=(FieldFault(name, "日期应在2000年至2199年之间"),))
    if first_on and until and until < first_on:
        raise InvalidRequest(faults=(FieldFault("until", "结束日期不能早于开始日期"),))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, BEIJING)
