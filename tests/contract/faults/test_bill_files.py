"""The bills of the simulated platforms, with everything they can say wrongly, compared by the room itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta

import aiohttp
import asyncpg
import pytest

from app import db
from app.clock import BEIJING, beijing_date
from payments.reconciliation.kinds import Kind
from payments.reconciliation.neutral import BillNotReady
from tests.contract.faults.house import RealHouse
from tests.contract.faults.platforms import Alipay, WeChat
from tests.contract.simulators.simulator_process import Simulators
from tests.fakes.payments_house import EVERYWHERE

pytestmark = pytest.mark.anyio
_TABLES = (
    "bill, payment, refund, ledger_entry, inbox_event, quarantined_callback, fiscal_receipt, pgqueuer, discrepancy,"
    " reconciliation_run"
)


def _foreign(name: str) -> list[dict[str, object]]:
    """A line of today's bill that is nobody's."""
    if name == "wechat":
        return [{"out_trade_no": "FOREIGN20260101", "total_fen": 700}]
    noon = f"{beijing_date()} 12:00:00"
    return [
        {
            "trade_no": "2026000000000000000000000001",
            "out_trade_no": "FOREIGN20260101",
            "subject": "x",
            "created": noon,
            "finished": noon,
            "account": "x",
            "amount_fen": 700,
        }
    ]


@pytest.fixture
async def stand(platforms: Simulators, books: asyncpg.Connection) -> AsyncIterator[RealHouse]:
    """The room with one unpaid bill over fresh platforms."""
    platforms.control("POST", "/reset")
    platforms.sink.clear()
    await books.execute(f"TRUNCATE {_TABLES} CASCADE")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        house = RealHouse(WeChat(platforms, session), Alipay(platforms, session))
        await house.begin()
        yield house


async def paid(house: RealHouse, name: str, *, told: bool = True) -> str:
    """Pay the bill; its order number. `told` false: the callback never comes."""
    opened = await house.create(name)
    await asyncio.to_thread(house.platforms[name].pay, opened.parameters, "normal")
    if told:
        await house.deliver_caught(name)
        await house.room.drain()
    return opened.out_trade_no


async def seed(house: RealHouse, name: str, **wrong: object) -> date:
    """Have the bill of today made, with what it shall say wrongly; the day."""
    today, sim = beijing_date(), house.platforms[name].sim
    if name == "wechat":
        body = {"date": today.isoformat(), **wrong}
        await asyncio.to_thread(sim.control, "POST", "/wechat_pay/bills", body)
    else:
        if wrong:
            await asyncio.to_thread(sim.control, "POST", "/alipay/bills", {"bill_date": today.isoformat(), **wrong})
        await asyncio.to_thread(sim.control, "PUT", "/clock", {"offset_seconds": 86_400})
    # A payment in the last minutes before midnight would be judged with the next day.
    noon = datetime.combine(today, time(12), BEIJING).astimezone(UTC)
    await db.execute("UPDATE payment SET paid_at = $1 WHERE paid_at IS NOT NULL", noon)
    return today


async def compared(house: RealHouse, name: str, day: date) -> dict[str, str]:
    """Compare the day, let repairs run; kind → status of what was found."""
    view = await house.room.service.reconciliation.run(f"{name}-default", day)
    assert view.status == "DONE", view
    await house.room.drain()
    listed, _ = await house.room.service.reconciliation.discrepancies(EVERYWHERE, limit=100)
    return {each.kind: each.status for each in listed}


@pytest.mark.parametrize("name", ["wechat", "alipay"])
async def test_true_bill_of_a_payment_and_its_refund_agrees(name: str, stand: RealHouse) -> None:
    number = await paid(stand, name)
    await stand.room.refund(number, 500)
    await stand.room.drain()
    day = await seed(stand, name)
    assert await compared(stand, name, day) == {}
    seen, _ = await stand.room.service.reconciliation.one(day, f"{name}-default")
    assert (seen.paid_count, seen.paid_fen, seen.refund_count, seen.refund_fen) == (1, 2000, 1, 500)
    assert seen.fee_fen == 12 - 3
    if name == "wechat":
        assert seen.flow_fen == 2000 - 500 - (12 - 3)


@pytest.mark.parametrize("name", ["wechat", "alipay"])
async def test_payment_that_nobody_told_is_found_and_booked(name: str, stand: RealHouse) -> None:
    await paid(stand, name, told=False)
    day = await seed(stand, name)
    assert await compared(stand, name, day) == {Kind.PAID_THERE_NOT_HERE: "REPAIRED"}
    assert (await stand.states()).startswith(("PAID", "CONFIRMED"))


@pytest.mark.parametrize("name", ["wechat", "alipay"])
async def test_bill_that_lacks_a_payment_is_reported(name: str, stand: RealHouse) -> None:
    number = await paid(stand, name)
    leave_out, add = ("drop", "add") if name == "wechat" else ("omit", "extra")
    day = await seed(stand, name, **{leave_out: [number], add: _foreign(name)})
    assert await compared(stand, name, day) == {Kind.PAID_HERE_NOT_THERE: "OPEN", Kind.UNKNOWN_ORDER: "OPEN"}


@pytest.mark.parametrize("name", ["wechat", "alipay"])
async def test_other_amount_and_foreign_order_are_reported(name: str, stand: RealHouse) -> None:
    number = await paid(stand, name)
    wrong = (
        {"add": _foreign(name), "change_amount": {number: 2001}}
        if name == "wechat"
        else {"extra": _foreign(name), "amounts_fen": {number: 2001}}
    )
    day = await seed(stand, name, **wrong)
    assert await compared(stand, name, day) == {Kind.AMOUNT_DIFFERS: "OPEN", Kind.UNKNOWN_ORDER: "OPEN"}


async def test_bill_of_today_is_not_ready(stand: RealHouse) -> None:
    for name in ("wechat", "alipay"):
        with pytest.raises(BillNotReady):
            await stand.room.service.reconciliation.run(f"{name}-default", beijing_date())


async def test_quiet_day_has_no_bill_and_no_difference(stand: RealHouse) -> None:
    day = beijing_date() - timedelta(days=3)
    for name in ("wechat", "alipay"):
        assert await compared(stand, name, day) == {}
