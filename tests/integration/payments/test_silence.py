"""Sweeps and refunds: what a lost callback, an expiry and an unknown refund leave behind is asked about."""

from __future__ import annotations

import asyncio

import pytest

from app import db
from app.errors import Conflict, InvalidRequest
from payments.neutral import Standing
from payments.refunds import repository as refund_repository
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse

pytestmark = pytest.mark.anyio


async def _opened(house: PaymentsHouse) -> tuple[str, str]:
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    return bill.bill_no, opened.out_trade_no


async def _paid(house: PaymentsHouse) -> tuple[str, str]:
    bill_no, number = await _opened(house)
    await house.notify("WECHAT", house.wechat.pay(number))
    await house.drain()
    return bill_no, number


async def test_lost_callback_is_found_by_the_sweep(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    content = house.wechat.pay(number)
    await house.service.sweeps.ask_silent()
    assert await house.bill_status(bill_no) == "PAYING", "not due yet"
    await house.wake()
    await house.service.sweeps.ask_silent()
    assert await house.bill_status(bill_no) == "PAID"
    await house.notify("WECHAT", content)
    assert (await house.drain()).count("bill.paid") == 1


async def test_question_climbs_the_ladder_while_silence_lasts(house: PaymentsHouse) -> None:
    await _opened(house)
    distances = []
    for _ in range(3):
        await house.wake()
        await house.service.sweeps.ask_silent()
        row = await db.fetch_row("SELECT ask_after - created_at AS after, asked_count FROM payment")
        assert row is not None
        distances.append(round(row["after"].total_seconds()))
    assert distances == [30, 60, 180]
    assert house.wechat.calls["query"] == 3


async def test_sweeps_at_once_ask_each_order_once(house: PaymentsHouse) -> None:
    for _ in range(6):
        await _opened(house)
    await house.wake()
    await asyncio.gather(*(house.service.sweeps.ask_silent() for _ in range(4)))
    assert house.wechat.calls["query"] == 6


async def test_order_not_known_yet_stays_open_until_its_end(house: PaymentsHouse) -> None:
    bill = await house.issue()
    house.wechat.fail("open", "before")
    with pytest.raises(Exception, match="provider_unavailable"):
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.wake()
    await house.service.sweeps.ask_silent()
    assert await house.statuses(bill.bill_no) == ["CREATED"]
    await house.expire()
    await house.service.sweeps.close_expired()
    assert await house.statuses(bill.bill_no) == ["CLOSED"]
    assert await house.bill_status(bill.bill_no) == "UNPAID"


async def test_expired_unpaid_order_is_closed_at_the_provider(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    await house.expire()
    await house.service.sweeps.ask_silent()
    assert house.wechat.calls["query"] == 0, "expired orders are not merely asked"
    await house.service.sweeps.close_expired()
    assert house.wechat.orders[number].standing is Standing.CLOSED
    assert await house.bill_status(bill_no) == "UNPAID"


async def test_expired_paid_order_is_booked_not_closed(house: PaymentsHouse) -> None:
    bill_no, number = await _opened(house)
    house.wechat.pay(number)
    await house.expire()
    await house.service.sweeps.close_expired()
    assert await house.bill_status(bill_no) == "PAID"


async def test_silent_close_leaves_the_order_open(house: PaymentsHouse) -> None:
    bill_no, _ = await _opened(house)
    await house.expire()
    house.wechat.fail("close", "after")
    await house.service.sweeps.close_expired()
    assert await house.statuses(bill_no) == ["AWAITING"], "unknown is never closed"
    await house.wake()
    await house.service.sweeps.close_expired()
    assert await house.statuses(bill_no) == ["CLOSED"]


async def test_refund_of_a_part_and_of_the_rest(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    await house.refund(number, 500, "多缴", "cashier-1")
    assert await house.bill_status(bill_no) == "REFUNDING"
    assert await house.drain() == ["refund.succeeded"]
    assert await house.bill_status(bill_no) == "CONFIRMED"
    with pytest.raises(Conflict) as refused:
        await house.refund(number, 1501, "多缴", "cashier-1")
    assert refused.value.stable_code == "refund_exceeds"
    assert await house.bill_status(bill_no) == "CONFIRMED"
    await house.refund(number, 1500, "撤销办理", "cashier-1")
    await house.drain()
    assert await house.bill_status(bill_no) == "REFUNDED"
    assert house.wechat.received_fen == 0
    assert (await house.service.check_ledger()).is_sound


async def test_refund_requests_at_once_never_exceed_the_payment(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    answers = await asyncio.gather(
        *(house.refund(number, 1500, "多缴", "cashier-1") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(answer, str) for answer in answers) == 1
    await house.drain()
    assert house.wechat.received_fen == 500


async def test_refund_with_lost_answer_reuses_its_number(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.wechat.fail("refund", "after")
    refund_no = await house.refund(number, 2000, "撤销办理", "cashier-1")
    await house.drain()
    assert await house.bill_status(bill_no) == "REFUNDING"
    await house.wake()
    await house.service.sweeps.ask_refunds()
    assert await house.bill_status(bill_no) == "REFUNDED"
    assert house.wechat.orders[number].refunds == {refund_no: 2000}


async def test_refund_in_progress_ends_by_callback_or_question(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.wechat.refunds_succeed_at_once = False
    refund_no = await house.refund(number, 2000, "撤销办理", "cashier-1")
    await house.drain()
    row = await db.fetch_row("SELECT status FROM refund")
    assert row is not None
    assert row["status"] == "PROCESSING"
    content = {"out_trade_no": number, "out_refund_no": refund_no, "amount_fen": "2000"}
    await house.notify("WECHAT", content | {"amount_fen": "1"})
    assert [q.reason for q in (await house.service.quarantined(EVERYWHERE))[0]] == ["wrong_amount"]
    await asyncio.gather(*(house.notify("WECHAT", content) for _ in range(10)))
    assert (await house.drain()).count("refund.succeeded") == 1
    assert await house.bill_status(bill_no) == "REFUNDED"
    assert (await house.service.check_ledger()).is_sound


async def test_refused_refund_waits_for_a_person(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.wechat.fail("refund", "reject")
    await house.refund(number, 2000, "撤销办理", "cashier-1")
    await house.drain()
    row = await db.fetch_row("SELECT status, provider_status, ask_after FROM refund")
    assert row is not None
    assert tuple(row) == ("ABNORMAL", "REFUSED", None)
    assert await house.bill_status(bill_no) == "REFUNDING"


async def test_refund_without_reason_or_of_nothing_is_refused(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    for amount_fen, reason in ((0, "多缴"), (-5, "多缴"), (10, " ")):
        with pytest.raises(InvalidRequest):
            await house.refund(number, amount_fen, reason, "cashier-1")
    with pytest.raises(Conflict):
        await house.refund("P20260101NOBODYKNOWSIT0", 10, "多缴", "cashier-1")


async def test_refund_callback_that_crosses_the_answer_to_our_call_is_booked(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill_no, number = await _paid(house)
    house.wechat.refunds_succeed_at_once = False
    refund_no = await house.refund(number, 2000, "撤销办理", "cashier-1")
    find = refund_repository.find_refund

    async def read_before_the_answer(out_refund_no: str) -> object:
        known = await find(out_refund_no)
        monkeypatch.setattr(refund_repository, "find_refund", find)
        await house.drain()
        return known

    monkeypatch.setattr(refund_repository, "find_refund", read_before_the_answer)
    await house.notify("WECHAT", {"out_trade_no": number, "out_refund_no": refund_no, "amount_fen": "2000"})
    assert await house.bill_status(bill_no) == "REFUNDED"
