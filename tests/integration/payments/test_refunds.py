"""Refunds under way: parts and the whole, many at once, lost answers, refusals, and the distance between calls."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app import clock, db
from app.errors import Conflict, InvalidRequest, NotFound
from payments.neutral import RefundNotified, RefundOrder
from payments.refunds import repository
from payments.types import StaffScope
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse, person

pytestmark = pytest.mark.anyio


async def _paid(house: PaymentsHouse, channel: str = "WECHAT", **changed: object) -> tuple[str, str]:
    bill = await house.issue(**changed)
    opened = await house.service.create(house.caller, bill.bill_no, channel)
    await house.notify(channel, house.channel(channel).pay(opened.out_trade_no))
    await house.drain()
    return bill.bill_no, opened.out_trade_no


async def _refund_row() -> tuple[str, str]:
    row = await db.fetch_row("SELECT status, provider_status FROM refund")
    assert row is not None
    return row["status"], row["provider_status"]


async def _sound(house: PaymentsHouse) -> None:
    found = await house.service.check_ledger()
    assert found.is_sound, found


async def test_refund_of_a_part_and_of_the_rest(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    before = await house.bill_status(bill_no)
    await house.refund(number, 500)
    assert await house.bill_status(bill_no) == "REFUNDING"
    assert "refund.succeeded" in await house.drain()
    assert await house.bill_status(bill_no) == before
    with pytest.raises(Conflict) as refused:
        await house.refund(number, 1501)
    assert refused.value.stable_code == "refund_exceeds"
    assert await house.bill_status(bill_no) == before
    await house.refund(number, 1500, "撤销办理")
    await house.drain()
    assert await house.bill_status(bill_no) == "REFUNDED"
    assert house.wechat.received_fen == 0
    await _sound(house)


async def test_ten_partial_requests_at_once_never_exceed_the_payment(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    answers = await asyncio.gather(*(house.refund(number, 300) for _ in range(10)), return_exceptions=True)
    made = [answer for answer in answers if isinstance(answer, str)]
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert (len(made), {error.stable_code for error in refused}) == (6, {"refund_exceeds"})
    await house.drain()
    assert house.wechat.received_fen == 200
    assert await house.bill_status(bill_no) in ("PAID", "CONFIRMED")
    await _sound(house)


async def test_payment_has_fifty_refunds_and_no_more(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    for _ in range(50):
        await house.refund(number, 1)
    with pytest.raises(Conflict) as refused:
        await house.refund(number, 1)
    assert refused.value.stable_code == "refund_too_many"


async def test_refund_with_lost_answer_reuses_its_number(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.wechat.fail("refund", "after")
    refund_no = await house.refund(number, 2000)
    await house.drain()
    assert await house.bill_status(bill_no) == "REFUNDING"
    await house.wake()
    await house.service.sweeps.ask_refunds()
    assert await house.bill_status(bill_no) == "REFUNDED"
    assert house.wechat.orders[number].refunds == {refund_no: 2000}
    assert (house.wechat.calls["refund"], house.wechat.calls["query_refund"]) == (1, 1), "asked, not tried again"


async def test_refund_that_was_never_sent_is_tried_again(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    house.wechat.fail("refund", "before")
    refund_no = await house.refund(number, 2000)
    await house.drain()
    await house.wake()
    await house.service.sweeps.ask_refunds()
    assert house.wechat.orders[number].refunds == {refund_no: 2000}
    assert (house.wechat.calls["refund"], house.wechat.calls["query_refund"]) == (2, 1)


async def test_refund_in_progress_ends_by_callback(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.wechat.refunds_succeed_at_once = False
    refund_no = await house.refund(number, 2000)
    await house.drain()
    assert (await _refund_row())[0] == "PROCESSING"
    row = await db.fetch_row("SELECT ask_after - now() AS wait FROM refund")
    assert row is not None
    assert timedelta(seconds=50) < row["wait"] < timedelta(seconds=61), "the first question comes after a minute"
    content = {"out_trade_no": number, "out_refund_no": refund_no, "amount_fen": "2000"}
    await house.notify("WECHAT", content | {"amount_fen": "1"})
    assert [q.reason for q in (await house.service.quarantined(EVERYWHERE))[0]] == ["wrong_amount"]
    await asyncio.gather(*(house.notify("WECHAT", content) for _ in range(10)))
    assert (await house.drain()).count("refund.succeeded") == 1
    assert await house.bill_status(bill_no) == "REFUNDED"
    await _sound(house)


async def test_refused_refund_waits_for_a_person(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.wechat.fail("refund", "reject")
    await house.refund(number, 2000)
    assert "refund.abnormal" in await house.drain()
    assert await _refund_row() == ("ABNORMAL", "REFUSED")
    assert await house.bill_status(bill_no) == "REFUNDING"
    row = await db.fetch_row("SELECT ask_after FROM refund")
    assert row is not None
    assert row["ask_after"] is None


@pytest.mark.parametrize("is_taken", [True, False])
async def test_refused_question_says_nothing_of_the_refund(house: PaymentsHouse, is_taken: bool) -> None:
    bill_no, number = await _paid(house)
    house.wechat.refunds_succeed_at_once = False
    if not is_taken:
        house.wechat.fail("refund", "after")
    await house.refund(number, 2000)
    await house.drain()
    before = await _refund_row()
    house.wechat.fail("query_refund", "reject", 2)
    for _ in range(2):
        await house.wake()
        await house.service.sweeps.ask_refunds()
    assert await house.drain() == []
    assert await _refund_row() == before, "it may be on its way to the payer"
    house.wechat.refunds_succeed_at_once = True
    await house.wake()
    await house.service.sweeps.ask_refunds()
    assert await house.bill_status(bill_no) == "REFUNDED"
    assert house.wechat.calls["refund"] == 1
    await _sound(house)


async def test_contradicting_answer_is_asked_about_at_growing_distance(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, number = await _paid(house)
    query = house.wechat.query_refund

    async def of_another_sum(order: RefundOrder) -> RefundNotified | None:
        told = await query(order)
        return None if told is None else replace(told, amount_fen=1)

    monkeypatch.setattr(house.wechat, "query_refund", of_another_sum)
    house.wechat.fail("refund", "after")
    await house.refund(number, 2000)
    await house.drain()
    for _ in range(5):
        await house.wake()
        await house.service.sweeps.ask_refunds()
    row = await db.fetch_row("SELECT status, ask_after - now() AS wait FROM refund")
    assert row is not None
    assert (row["status"], row["wait"] > timedelta(minutes=30)) == ("REQUESTED", True)
    assert [q.reason for q in (await house.service.quarantined(EVERYWHERE))[0]] == ["wrong_amount"]


async def test_request_without_reason_or_of_nothing_is_refused(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    for amount_fen, reason in ((0, "多缴"), (-5, "多缴"), (10, " "), (10, "多" * 81)):
        with pytest.raises(InvalidRequest):
            await house.refund(number, amount_fen, reason)


async def test_payment_outside_the_scope_is_not_found(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    desk = house.service.refunds
    for scope in (StaffScope(("1402",), ()), StaffScope(("14",), ("11140000000000000X",)), StaffScope((), ())):
        with pytest.raises(NotFound):
            await desk.request(person("cashier-1", scope), number, 10, "多缴")
    with pytest.raises(NotFound):
        await house.refund("P20260101NOBODYKNOWSIT0", 10)
    refund_no = await house.refund(number, 10)
    with pytest.raises(NotFound):
        await desk.refund(StaffScope(("1402",), ()), refund_no)
    assert (await desk.refunds(StaffScope(("1402",), ())))[0] == []


async def test_unpaid_bill_has_nothing_to_refund(house: PaymentsHouse) -> None:
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    with pytest.raises(Conflict) as refused:
        await house.refund(opened.out_trade_no, 10)
    assert refused.value.stable_code == "not_refundable"


async def test_refund_callback_that_crosses_the_answer_to_our_call_is_booked(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill_no, number = await _paid(house)
    house.wechat.refunds_succeed_at_once = False
    refund_no = await house.refund(number, 2000, "撤销办理")
    find = repository.find_refund

    async def read_before_the_answer(out_refund_no: str) -> object:
        known = await find(out_refund_no)
        monkeypatch.setattr(repository, "find_refund", find)
        await house.drain()
        return known

    monkeypatch.setattr(repository, "find_refund", read_before_the_answer)
    await house.notify("WECHAT", {"out_trade_no": number, "out_refund_no": refund_no, "amount_fen": "2000"})
    assert await house.bill_status(bill_no) == "REFUNDED"


@pytest.mark.parametrize(("channel", "seconds"), [("WECHAT", 60), ("ALIPAY", 3)])
async def test_calls_of_one_order_keep_the_channels_distance(house: PaymentsHouse, channel: str, seconds: int) -> None:
    house.channel(channel).refund_spacing = timedelta(seconds=seconds)
    _, number = await _paid(house, channel)
    _, other = await _paid(house, channel)
    for trade in (number, number, number, other):
        await house.refund(trade, 100)
    await house.drain()
    at_once = house.channel(channel).orders
    assert [len(at_once[trade].refunds) for trade in (number, other)] == [1, 1], "the first of an order goes at once"
    await db.execute("UPDATE refund SET ask_after = now() WHERE ask_after IS NOT NULL")
    await asyncio.gather(*(house.service.sweeps.ask_refunds() for _ in range(3)))
    assert len(at_once[number].refunds) == 1, "not its turn yet"
    row = await db.fetch_row("SELECT min(ask_after) - now() AS wait FROM refund WHERE status = 'REQUESTED'")
    assert row is not None
    assert timedelta(0) < row["wait"] <= timedelta(seconds=seconds)
    for expected in (2, 3):
        await house.wake()
        await asyncio.gather(*(house.service.sweeps.ask_refunds() for _ in range(3)))
        assert len(at_once[number].refunds) == expected, "one at a time"
    await _sound(house)


async def test_many_callers_at_once_take_one_turn(house: PaymentsHouse) -> None:
    house.wechat.refund_spacing = timedelta(seconds=60)
    _, number = await _paid(house)
    numbers = [await house.refund(number, 100) for _ in range(5)]
    await asyncio.gather(*(house.service._refunding.push(refund_no) for refund_no in numbers for _ in range(2)))
    assert len(house.wechat.orders[number].refunds) == 1
    assert house.wechat.calls["refund"] == 1
    before = clock.now()
    row = await db.fetch_row("SELECT refund_free_at FROM payment WHERE out_trade_no = $1", number)
    assert row is not None
    assert row["refund_free_at"] > before + timedelta(seconds=50)
