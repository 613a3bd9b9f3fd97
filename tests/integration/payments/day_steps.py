"""A day of payments and the provider's bill of it, for the tests of reconciliation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

from app import db
from app.clock import BEIJING
from payments.reconciliation.neutral import BillLine, RefundShown
from payments.types import DiscrepancyView, ReconciliationView, StaffPerson
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse

DAY = date(2026, 3, 10)
NOON = datetime.combine(DAY, time(12), BEIJING).astimezone(UTC)
CASHIER = StaffPerson("cashier", EVERYWHERE, "192.0.2.1")


def line(number: str, amount_fen: int = 2000, **changed: object) -> BillLine:
    """A payment in the bill."""
    made = BillLine(number, f"42{number}", False, "", RefundShown.NONE, amount_fen, 12, NOON)
    return made._replace(**changed)  # type: ignore[arg-type]  # values of a test


def refund_line(number: str, of: str, amount_fen: int = 2000, **changed: object) -> BillLine:
    """A refund in the bill."""
    made = BillLine(of, f"42{of}", True, number, RefundShown.SUCCEEDED, amount_fen, -12, NOON)
    return made._replace(**changed)  # type: ignore[arg-type]  # values of a test


async def opened(house: PaymentsHouse) -> str:
    """A bill with an open WeChat order; its number."""
    bill = await house.issue()
    await house.drain()
    return (await house.service.create(house.caller, bill.bill_no, "WECHAT")).out_trade_no


async def paid(house: PaymentsHouse, at: datetime = NOON) -> str:
    """A paid and confirmed order of the day; its number."""
    number = await opened(house)
    await house.notify("WECHAT", house.wechat.pay(number))
    await house.drain()
    await move(house, number, at)
    return number


async def move(house: PaymentsHouse, number: str, at: datetime) -> None:
    """Let a payment and all that followed have happened at another time."""
    await db.execute("UPDATE payment SET paid_at = $2, created_at = $2 WHERE out_trade_no = $1", number, at)
    await db.execute(
        "UPDATE bill SET paid_at = $2::timestamptz,"
        " confirmed_at = CASE WHEN confirmed_at IS NULL THEN NULL ELSE $2::timestamptz END"
        " WHERE id = (SELECT bill_id FROM payment WHERE out_trade_no = $1)",
        number,
        at,
    )
    await db.execute("UPDATE ledger_entry SET occurred_at = $2 WHERE reference_no = $1", number, at)
    for notice in house.fiscal.notices.values():
        if notice.payment is not None and notice.out_trade_no == number:
            notice.payment = replace(notice.payment, paid_at=at)
            notice.confirmed_at = at if notice.confirmed_at else None


async def refunded(house: PaymentsHouse, number: str, amount_fen: int = 2000) -> str:
    """A refund that went back on the day; its number."""
    made = await house.service.refunds.request(CASHIER, number, amount_fen, "多缴")
    await house.drain()
    await db.execute(
        "UPDATE refund SET created_at = $2, finished_at = $2, reversed_at = NULL WHERE out_refund_no = $1",
        made.out_refund_no,
        NOON,
    )
    for reversal in house.fiscal.reversals.values():
        if reversal.receipt is not None:
            reversal.receipt = None
    return made.out_refund_no


async def run(house: PaymentsHouse, *, repair: bool = True) -> ReconciliationView:
    return await house.service.reconciliation.run("wechat-default", DAY, repair=repair)


async def found(house: PaymentsHouse) -> dict[tuple[str, str], DiscrepancyView]:
    """All differences by kind and number."""
    listed, _ = await house.service.reconciliation.discrepancies(EVERYWHERE, limit=100)
    return {(each.kind, each.reference_no): each for each in listed}


async def only(house: PaymentsHouse) -> DiscrepancyView:
    [one] = (await found(house)).values()
    return one


async def everything() -> dict[str, list[str]]:
    """The rows that a failed or repeated run must not touch."""
    tables = "payment bill refund ledger_entry inbox_event discrepancy pgqueuer".split()
    return {t: [str(row) for row in await db.fetch_all(f"SELECT * FROM {t} ORDER BY 1")] for t in tables}
