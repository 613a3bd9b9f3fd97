"""Steps of a bill at the fiscal platform after its payment, for the tests of confirmation and of red letters."""

from __future__ import annotations

from datetime import timedelta

from app import db
from app.clock import now
from payments.types import BillView
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse


async def paid(house: PaymentsHouse) -> tuple[str, str]:
    """Issue and pay a bill; the jobs of the payment have not run yet. Return the numbers of bill and order."""
    bill = await house.issue()
    await house.drain()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.notify("WECHAT", house.wechat.pay(opened.out_trade_no))
    return bill.bill_no, opened.out_trade_no


async def asked(house: PaymentsHouse) -> list[str]:
    """Let the sweep ask, and the jobs run; return the events."""
    await house.wake()
    await house.service.sweeps.ask_fiscal()
    return await house.drain()


async def bill_of(house: PaymentsHouse, bill_no: str) -> BillView:
    row = await db.fetch_row("SELECT subject_no FROM bill WHERE bill_no = $1", bill_no)
    assert row is not None
    return (await house.service.own_bills(house.caller, row["subject_no"]))[0]


async def reasons(house: PaymentsHouse) -> list[str]:
    return [row.reason for row in (await house.service.quarantined(EVERYWHERE))[0]]


async def count(sql: str) -> int:
    row = await db.fetch_row(f"SELECT count(*) AS n FROM {sql}")
    assert row is not None
    return int(row["n"])


async def next_question(bill_no: str) -> timedelta | None:
    row = await db.fetch_row("SELECT fiscal_ask_after FROM bill WHERE bill_no = $1", bill_no)
    assert row is not None
    return None if row["fiscal_ask_after"] is None else row["fiscal_ask_after"] - now()


async def sound(house: PaymentsHouse) -> bool:
    return (await house.service.check_ledger()).is_sound
