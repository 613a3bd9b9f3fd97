"""Ending one bill on a real database: void while unpaid, given back once paid, never twice; fee told from postage."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from app import db
from payments.types import BillView, NewBill, StaffPerson, StaffScope
from tests.fakes.payments_house import PaymentsHouse

pytestmark = pytest.mark.anyio
CASE = "1420260302ABCDEFGHJK"


async def _bill(house: PaymentsHouse, purpose: str, amount_fen: int = 1200) -> BillView:
    return await house.service.issue_bill(
        NewBill(
            citizen_id=house.caller.citizen_id,
            subject_no=CASE,
            purpose=purpose,
            title="快递邮费",
            amount_fen=amount_fen,
            department_code="11140105MB0001177F",
            division_code="140105",
        )
    )


async def _paid(house: PaymentsHouse, bill: BillView) -> str:
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.notify("WECHAT", house.wechat.pay(opened.out_trade_no))
    return opened.out_trade_no


async def _refunds() -> list[tuple[str, int]]:
    rows = await db.fetch_all("SELECT requested_by, amount_fen FROM refund ORDER BY id")
    return [(row["requested_by"], row["amount_fen"]) for row in rows]


async def test_end_of_an_unpaid_bill_leaves_the_others_of_its_case(house: PaymentsHouse) -> None:
    postage, fee = await _bill(house, "postage:SJ1"), await _bill(house, "item_fee", 2000)
    await house.service.create(house.caller, postage.bill_no, "WECHAT")
    for _ in range(2):
        await house.service.end_bill(postage.bill_no, "快递已取消")
    assert await house.bill_status(postage.bill_no) == "VOID"
    assert await house.bill_status(fee.bill_no) == "UNPAID"


async def test_end_of_a_paid_bill_gives_all_of_it_back_once(house: PaymentsHouse) -> None:
    bill = await _bill(house, "postage:SJ1")
    await _paid(house, bill)
    await asyncio.gather(
        *(house.service.end_bill(bill.bill_no, "快递已取消") for _ in range(3)), return_exceptions=True
    )
    await house.service.end_bill(bill.bill_no, "快递已取消")
    assert await _refunds() == [("system", 1200)]
    assert (await house.service.check_ledger()).is_sound


async def test_end_of_a_bill_that_was_given_back_in_part_gives_the_rest(house: PaymentsHouse) -> None:
    bill = await _bill(house, "postage:SJ1")
    out_trade_no = await _paid(house, bill)
    await db.execute("UPDATE bill SET division_code = '140105'")
    await house.service.refunds.request(StaffPerson("cashier", StaffScope(("14",), ())), out_trade_no, 500, "部分退款")
    for _ in range(2):
        await house.service.end_bill(bill.bill_no, "快递已取消")
    assert await _refunds() == [("cashier", 500), ("system", 700)]


async def test_end_of_no_bill_does_nothing(house: PaymentsHouse) -> None:
    await house.service.end_bill(f"B{uuid.uuid4().hex[:12]}", "无")
    assert await _refunds() == []


async def test_fee_and_postage_of_a_case_are_told_apart(house: PaymentsHouse) -> None:
    postage, fee = await _bill(house, "postage:SJ1"), await _bill(house, "item_fee:2", 2000)
    assert [bill.bill_no for bill in await house.service.bills_of(CASE, "item_fee")] == [fee.bill_no]
    assert [bill.bill_no for bill in await house.service.bills_of(CASE, "postage")] == [postage.bill_no]
    await house.service.void_bills(CASE, purpose="item_fee")
    assert await house.bill_status(postage.bill_no) == "UNPAID"
