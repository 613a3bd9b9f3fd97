"""Callbacks: one effect however often and in whatever company they come; contradictions are kept, never booked."""

from __future__ import annotations

import asyncio

import pytest

from app import db
from app.errors import CallbackRejected, NotFound
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse

pytestmark = pytest.mark.anyio
SETTLED = ["bill.paid", "bill.confirmed", "receipt.issued"]


async def _count(table: str) -> int:
    row = await db.fetch_row(f"SELECT count(*) AS n FROM {table}")
    assert row is not None
    return int(row["n"])


async def _opened(house: PaymentsHouse, channel: str = "WECHAT") -> tuple[str, str]:
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, channel)
    await house.drain()
    return bill.bill_no, opened.out_trade_no


async def test_success_pays_the_bill_and_tells_the_house(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    await house.notify("WECHAT", house.wechat.pay(number))
    assert await house.bill_status(bill_no) == "PAID"
    row = await db.fetch_row("SELECT status, ask_after, provider_trade_no, paid_at FROM payment")
    assert row is not None
    assert (row["status"], row["ask_after"]) == ("SUCCEEDED", None)
    assert row["provider_trade_no"] == house.wechat.orders[number].trade_no
    assert await _count("ledger_entry") == 4
    assert await house.drain() == SETTLED
    assert await house.bill_status(bill_no) == "CONFIRMED"
    assert (await house.service.check_ledger()).is_sound


async def test_hundred_copies_at_once_have_one_effect(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    content = house.wechat.pay(number)
    await asyncio.gather(*(house.notify("WECHAT", content) for _ in range(100)))
    assert await house.bill_status(bill_no) == "PAID"
    assert await _count("ledger_entry") == 4
    assert await house.drain() == SETTLED
    assert await _count("inbox_event") == 1


async def test_callback_before_the_answer_of_open_is_booked(house: PaymentsHouse) -> None:
    bill = await house.issue()
    house.wechat.fail("open", "after")
    with pytest.raises(Exception, match="provider_unavailable"):
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    number = next(iter(house.wechat.orders))
    await house.notify("WECHAT", house.wechat.pay(number))
    assert await house.statuses(bill.bill_no) == ["SUCCEEDED"]


async def test_unsigned_callback_stores_nothing(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    with pytest.raises(CallbackRejected):
        await house.notify("WECHAT", house.wechat.pay(number), signature="forged")
    assert await house.bill_status(bill_no) == "PAYING"
    assert await _count("inbox_event") == 0


async def test_callback_for_unknown_merchant_is_not_found(house: PaymentsHouse) -> None:
    with pytest.raises(NotFound):
        await house.service.receive("WECHAT", "1999999999", {}, b"{}")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"amount_fen": "1999"}, "wrong_amount"),
        ({"mch_id": "1900000002"}, "wrong_merchant"),
        ({"app_id": "wxffffffffffffffff"}, "wrong_app"),
        ({"currency": "USD"}, "other_currency"),
        ({"payer": "oAnotherPersonAtWeChat000000"}, "other_payer"),
        ({"out_trade_no": "P20260101NOBODYKNOWSIT0"}, "unknown_number"),
    ],
)
async def test_contradiction_is_quarantined_and_the_true_callback_still_counts(
    house: PaymentsHouse, changed: dict[str, str], reason: str
) -> None:
    bill_no, number = await _opened(house)
    house.wechat.pay(number)
    for _ in range(2):
        await house.notify("WECHAT", house.wechat.callback(number, **changed))
    assert await house.bill_status(bill_no) == "PAYING"
    found, following = await house.service.quarantined(EVERYWHERE)
    assert [q.reason for q in found] == [reason]
    assert following is None
    assert await house.drain() == ["callback.quarantined"]
    await house.notify("WECHAT", house.wechat.callback(number))
    assert await house.bill_status(bill_no) == "PAID"


async def test_contradiction_after_success_is_quarantined_too(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    await house.notify("WECHAT", house.wechat.pay(number))
    await house.notify("WECHAT", house.wechat.callback(number, amount_fen="1"))
    await house.notify("WECHAT", house.wechat.callback(number, trade_no="42ANOTHERTRADE"))
    found, _ = await house.service.quarantined(EVERYWHERE)
    assert {q.reason for q in found} == {"wrong_amount", "other_trade"}
    assert await house.bill_status(bill_no) == "PAID"


async def test_late_success_pays_an_unpaid_bill(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    content = house.wechat.pay(number)
    await db.execute("UPDATE payment SET status = 'CLOSED', closed_at = now(), ask_after = NULL")
    await db.execute("UPDATE bill SET status = 'UNPAID'")
    await house.notify("WECHAT", content)
    assert await house.bill_status(bill_no) == "PAID"
    assert await house.drain() == SETTLED
    assert (await house.service.check_ledger()).is_sound


async def test_late_success_pays_the_bill_and_the_other_open_order_is_closed(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    content = house.wechat.pay(number)
    await db.execute("UPDATE payment SET status = 'CLOSED', closed_at = now(), ask_after = NULL")
    await db.execute("UPDATE bill SET status = 'UNPAID'")
    other = await house.service.create(house.caller, bill_no, "ALIPAY")
    await house.notify("WECHAT", content)
    await house.drain()
    assert house.alipay.orders[other.out_trade_no].standing == "CLOSED"
    assert await house.statuses(bill_no) == ["SUCCEEDED", "CLOSED"]
    assert await house.bill_status(bill_no) == "CONFIRMED"


async def test_success_of_a_voided_bill_goes_back_and_says_why(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    late = house.wechat.pay(number)
    await db.execute("UPDATE payment SET status = 'CLOSED', closed_at = now(), ask_after = NULL")
    await db.execute("UPDATE bill SET status = 'UNPAID'")
    row = await db.fetch_row("SELECT subject_no FROM bill WHERE bill_no = $1", bill_no)
    assert row is not None
    await house.service.void_bills(row["subject_no"])
    await asyncio.gather(*(house.notify("WECHAT", late) for _ in range(5)))
    assert (await house.drain()).count("refund.succeeded") == 1
    assert (await house.bill_status(bill_no), house.wechat.received_fen) == ("VOID", 0)
    refunds, _ = await house.service.refunds.refunds(EVERYWHERE)
    assert [(each.cause, each.reason) for each in refunds] == [("LATE_SUCCESS", "缴款单已作废自动退款")]
    assert (await house.service.check_ledger()).is_sound


async def test_second_success_is_refunded_by_itself(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    late = house.wechat.pay(number)
    await db.execute("UPDATE payment SET status = 'CLOSED', closed_at = now(), ask_after = NULL")
    await db.execute("UPDATE bill SET status = 'UNPAID'")
    other = await house.service.create(house.caller, bill_no, "ALIPAY")
    await house.notify("ALIPAY", house.alipay.pay(other.out_trade_no))
    await house.notify("WECHAT", late)
    await house.notify("WECHAT", late)
    assert "refund.succeeded" in await house.drain()
    row = await db.fetch_row("SELECT * FROM refund")
    assert row is not None
    assert (row["cause"], row["status"], row["amount_fen"]) == ("LATE_SUCCESS", "SUCCEEDED", 2000)
    assert await house.bill_status(bill_no) == "CONFIRMED"
    assert house.fiscal.reversals == {}, "the fiscal platform never knew of the second payment"
    assert (house.wechat.received_fen, house.alipay.received_fen) == (0, 2000)
    assert (await house.service.check_ledger()).is_sound


async def test_ledger_check_names_what_is_missing(house: PaymentsHouse) -> None:
    _, number = await _opened(house)
    await house.notify("WECHAT", house.wechat.pay(number))
    await db.execute("DELETE FROM ledger_entry WHERE account = 'channel:WECHAT'")
    found = await house.service.check_ledger()
    assert not found.is_sound
    assert found.sum_fen == -2000
    assert found.unbalanced == found.missing == [f"payment.succeeded:{number}"]
