"""Bills: issued once, listed to their payer, voided when their case ends."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import Conflict
from payments.types import BillLine
from tests.fakes.payments_house import PaymentsHouse, caller

pytestmark = pytest.mark.anyio


async def test_issue_twice_at_once_gives_one_bill_and_one_event(house: PaymentsHouse) -> None:
    bill = house.new_bill(lines=(BillLine("工本费", 2000, "晋发改价格〔2013〕1号"),))
    views = await asyncio.gather(*(house.service.issue_bill(bill) for _ in range(5)))
    assert len({view.bill_no for view in views}) == 1
    assert len(views[0].payment_code) == 20
    assert views[0].payment_code.isdigit()
    assert views[0].lines[0].name == "工本费"
    assert await house.drain() == ["bill.issued"]
    assert (await house.service.check_ledger()).is_sound


async def test_issue_with_another_amount_is_refused(house: PaymentsHouse) -> None:
    bill = house.new_bill()
    await house.service.issue_bill(bill)
    other = house.new_bill(subject_no=bill.subject_no, amount_fen=2001)
    with pytest.raises(Conflict) as refused:
        await house.service.issue_bill(other)
    assert refused.value.stable_code == "bill_differs"


async def test_bills_of_somebody_else_are_not_listed(house: PaymentsHouse) -> None:
    bill = await house.issue()
    assert [b.bill_no for b in await house.service.own_bills(house.caller, bill.subject_no)] == [bill.bill_no]
    assert await house.service.own_bills(caller(), bill.subject_no) == []
    assert len(await house.service.bills_of(bill.subject_no)) == 1


async def test_void_unpaid_bill_reverses_its_ledger_pair(house: PaymentsHouse) -> None:
    bill = await house.issue()
    await house.service.void_bills(bill.subject_no)
    await house.service.void_bills(bill.subject_no)
    assert await house.bill_status(bill.bill_no) == "VOID"
    with pytest.raises(Conflict) as refused:
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert refused.value.stable_code == "bill_void"
    assert (await house.service.check_ledger()).is_sound


async def test_void_with_open_order_closes_it_at_the_provider(house: PaymentsHouse) -> None:
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.service.void_bills(bill.subject_no)
    assert house.wechat.orders[opened.out_trade_no].standing == "CLOSED"
    assert await house.bill_status(bill.bill_no) == "VOID"


async def test_void_of_a_bill_that_was_paid_meanwhile_keeps_the_payment(house: PaymentsHouse) -> None:
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    house.wechat.pay(opened.out_trade_no)
    await house.service.void_bills(bill.subject_no)
    assert await house.bill_status(bill.bill_no) == "PAID"


async def test_merge_moves_bills_to_the_surviving_person(house: PaymentsHouse) -> None:
    bill = await house.issue()
    survivor = caller()
    await house.service.move_bills(house.caller.citizen_id, survivor.citizen_id)
    assert len(await house.service.own_bills(survivor, bill.subject_no)) == 1
    assert await house.service.own_bills(house.caller, bill.subject_no) == []
