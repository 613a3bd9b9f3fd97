"""Bills: issued once, listed to their payer, voided when their case ends."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from app.errors import Conflict
from app.events import DomainEvent
from payments import bill_repository
from payments.neutral import Standing
from payments.reactions import Reactions
from payments.types import BillLine
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse, caller

pytestmark = pytest.mark.anyio


async def test_issue_twice_at_once_gives_one_bill_and_one_event(house: PaymentsHouse) -> None:
    bill = house.new_bill(lines=(BillLine("工本费", 2000, "晋发改价格〔2013〕1号"),))
    views = await asyncio.gather(*(house.service.issue_bill(bill) for _ in range(5)))
    assert len({view.bill_no for view in views}) == 1
    assert {view.payment_code for view in views} == {""}, "the code is the fiscal platform's to give"
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


@pytest.mark.parametrize("is_late", [True, False])
async def test_fee_that_was_paid_after_the_end_of_its_case_is_kept_for_staff(
    house: PaymentsHouse, is_late: bool
) -> None:
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    callback = house.wechat.pay(opened.out_trade_no)
    await house.notify("WECHAT", callback)
    ended_at = datetime.fromisoformat(callback["at"]) + timedelta(seconds=-3 if is_late else 3)
    withdrawn = DomainEvent(name="application.withdrawn", subject_no=bill.subject_no, occurred_at=ended_at)
    for _ in range(2):
        for _, reaction in Reactions(house.service).table()[withdrawn.name]:
            await reaction(withdrawn)
    kept, _ = await house.service.quarantined(EVERYWHERE)
    assert [(row.reason, row.reference_no) for row in kept] == [("case_ended", opened.out_trade_no)] * is_late
    assert await house.bill_status(bill.bill_no) == "PAID"


async def test_merge_moves_bills_to_the_surviving_person(house: PaymentsHouse) -> None:
    bill = await house.issue()
    survivor = caller()
    await house.service.move_bills(house.caller.citizen_id, survivor.citizen_id)
    assert len(await house.service.own_bills(survivor, bill.subject_no)) == 1
    assert await house.service.own_bills(house.caller, bill.subject_no) == []


async def test_bill_taken_to_pay_while_it_is_voided_is_voided_by_the_repeat(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = await house.issue()
    first = (await house.service.create(house.caller, bill.bill_no, "WECHAT")).out_trade_no
    void = bill_repository.record_void

    async def taken_first(bill_no: str) -> bool:
        await house.service.create(house.caller, bill_no, "ALIPAY")
        return await void(bill_no)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(bill_repository, "record_void", taken_first)
        with pytest.raises(Conflict) as again:
            await house.service.void_bills(bill.subject_no)
    assert again.value.stable_code == "payment_in_progress"
    await house.service.void_bills(bill.subject_no)
    assert await house.bill_status(bill.bill_no) == "VOID"
    assert house.wechat.orders[first].standing is Standing.CLOSED
    assert [order.standing for order in house.alipay.orders.values()] == [Standing.CLOSED]


async def test_bills_that_nobody_has_paid_are_listed_in_pages(house: PaymentsHouse) -> None:
    bills = [await house.issue() for _ in range(3)]
    await house.service.void_bills(bills[1].subject_no)
    seen, after = [], None
    while True:
        page, after = await house.service.unsettled_subjects(after, 1)
        seen += page
        if after is None:
            break
    assert seen == [bills[0].subject_no, bills[2].subject_no]
