"""Sweeps and refunds: what a lost callback, an expiry and an unknown refund leave behind is asked about."""

from __future__ import annotations

import asyncio

import pytest

from app import db
from payments.neutral import Standing
from tests.fakes.payments_house import PaymentsHouse

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
