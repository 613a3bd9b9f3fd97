"""Opening orders: three beats, continuing, changing the channel, and every outcome of the provider's call."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app import db
from app.clock import now
from app.errors import Conflict, NotFound, ProviderRejected, ProviderUnavailable
from payments.neutral import ChannelOrder, OpenedOrder, OrderState, Standing
from tests.fakes.payments_house import PaymentsHouse, caller

pytestmark = pytest.mark.anyio


async def test_create_returns_parameters_and_keeps_the_exact_request(house: PaymentsHouse) -> None:
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    row = await db.fetch_row("SELECT * FROM payment WHERE out_trade_no = $1", opened.out_trade_no)
    assert row is not None
    assert row["request_body"] == house.wechat.sent_bodies[0]
    assert (row["status"], await house.bill_status(bill.bill_no)) == ("AWAITING", "PAYING")
    assert opened.parameters["package"] == f"prepay_id={row['prepay_reference']}"
    assert timedelta(0) < row["ask_after"] - now() <= timedelta(seconds=5)


async def test_create_again_continues_the_same_order_signed_anew(house: PaymentsHouse) -> None:
    bill = await house.issue()
    first = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    second = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert second.out_trade_no == first.out_trade_no
    assert second.parameters["package"] == first.parameters["package"]
    assert second.parameters["paySign"] != first.parameters["paySign"]
    assert house.wechat.calls["open"] == 1


async def test_create_again_with_aged_prepay_fetches_it_by_identical_bytes(house: PaymentsHouse) -> None:
    bill = await house.issue()
    first = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await db.execute("UPDATE payment SET prepay_until = now() + interval '4 minutes'")
    second = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert second.out_trade_no == first.out_trade_no
    assert second.parameters["package"] != first.parameters["package"]
    assert house.wechat.sent_bodies[0] == house.wechat.sent_bodies[1]


async def test_ten_creates_at_once_open_one_order(house: PaymentsHouse) -> None:
    bill = await house.issue()
    answers = await asyncio.gather(
        *(house.service.create(house.caller, bill.bill_no, "WECHAT") for _ in range(10)), return_exceptions=True
    )
    opened = {answer.out_trade_no for answer in answers if not isinstance(answer, BaseException)}
    assert len(opened) == 1
    assert all(isinstance(a, Conflict) for a in answers if isinstance(a, BaseException))
    assert await house.statuses(bill.bill_no) == ["AWAITING"]


async def test_change_of_channel_closes_the_first_order_before_the_second(house: PaymentsHouse) -> None:
    bill = await house.issue()
    first = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    second = await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    assert house.wechat.orders[first.out_trade_no].standing is Standing.CLOSED
    assert second.channel == "ALIPAY"
    assert await house.statuses(bill.bill_no) == ["CLOSED", "AWAITING"]
    assert "payment.closed" in await house.drain()


@pytest.mark.parametrize("call", ["query", "close"])
async def test_change_of_channel_with_silent_provider_opens_nothing(house: PaymentsHouse, call: str) -> None:
    bill = await house.issue()
    await house.service.create(house.caller, bill.bill_no, "WECHAT")
    house.wechat.fail(call, "before")
    with pytest.raises(ProviderUnavailable):
        await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    assert house.alipay.orders == {}
    assert await house.statuses(bill.bill_no) == ["AWAITING"]


async def test_change_of_channel_finds_the_first_order_paid(house: PaymentsHouse) -> None:
    bill = await house.issue()
    first = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    house.wechat.pay(first.out_trade_no)
    with pytest.raises(Conflict) as refused:
        await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    assert refused.value.stable_code == "bill_paid"
    assert await house.bill_status(bill.bill_no) == "PAID"
    assert house.alipay.orders == {}


async def test_lost_answer_of_open_is_continued_with_the_same_number(house: PaymentsHouse) -> None:
    bill = await house.issue()
    house.wechat.fail("open", "after")
    with pytest.raises(ProviderUnavailable):
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert await house.statuses(bill.bill_no) == ["CREATED"]
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert list(house.wechat.orders) == [opened.out_trade_no]


async def test_open_that_was_never_sent_frees_the_bill_at_once(house: PaymentsHouse) -> None:
    bill = await house.issue()
    house.wechat.fail("open", "not_sent")
    with pytest.raises(ProviderUnavailable):
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert await house.bill_status(bill.bill_no) == "UNPAID"


async def test_refused_open_frees_the_bill_and_tells_so(house: PaymentsHouse) -> None:
    bill = await house.issue()
    house.wechat.fail("open", "reject")
    with pytest.raises(ProviderRejected):
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert await house.bill_status(bill.bill_no) == "UNPAID"
    assert await house.statuses(bill.bill_no) == ["CLOSED"]


async def test_order_given_up_while_the_provider_was_slow_is_closed_there(house: PaymentsHouse) -> None:
    bill = await house.issue()
    original = house.wechat.open

    async def slow(order: object) -> object:
        other = await house.service.create(house.caller, bill.bill_no, "ALIPAY")
        assert other.channel == "ALIPAY"
        return await original(order)  # type: ignore[arg-type]  # passed through

    house.wechat.open = slow  # type: ignore[method-assign,assignment]  # a provider that takes its time
    with pytest.raises(Conflict):
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.drain()
    assert [order.standing for order in house.wechat.orders.values()] == [Standing.CLOSED]


async def test_order_of_a_bill_that_was_paid_meanwhile_never_reaches_the_phone(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = await house.issue()
    first = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    late = house.wechat.pay(first.out_trade_no)
    await db.execute("UPDATE payment SET status = 'CLOSED', closed_at = now(), ask_after = NULL")
    await db.execute("UPDATE bill SET status = 'UNPAID'")
    original = house.alipay.open

    async def overtaken(order: ChannelOrder) -> OpenedOrder:
        await house.notify("WECHAT", late)
        return await original(order)

    monkeypatch.setattr(house.alipay, "open", overtaken)
    with pytest.raises(Conflict) as refused:
        await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    assert refused.value.stable_code == "bill_paid"
    await house.drain()
    assert [order.standing for order in house.alipay.orders.values()] == [Standing.CLOSED]
    assert await house.statuses(bill.bill_no) == ["SUCCEEDED", "CLOSED"]


async def test_order_that_arrives_right_after_the_provider_denied_it_stays_the_only_one(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = await house.issue()
    house.wechat.fail("open", "before")
    with pytest.raises(ProviderUnavailable):
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    query = house.wechat.query

    async def denied_then_opened(order: ChannelOrder) -> OrderState:
        answer = await query(order)
        monkeypatch.setattr(house.wechat, "query", query)
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
        return answer

    monkeypatch.setattr(house.wechat, "query", denied_then_opened)
    opened = await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    standings = [order.standing for order in house.wechat.orders.values()]
    assert standings == [Standing.CLOSED], "a phone holds the first order, so it must be closed before the second"
    assert await house.statuses(bill.bill_no) == ["CLOSED", "AWAITING"]
    assert list(house.alipay.orders) == [opened.out_trade_no]


async def test_bills_of_others_paid_and_expired_ones_are_refused(house: PaymentsHouse) -> None:
    bill = await house.issue()
    with pytest.raises(NotFound):
        await house.service.create(caller(), bill.bill_no, "WECHAT")
    with pytest.raises(NotFound):
        await house.service.create(house.caller, "B00000000UNKNOWN", "WECHAT")
    late = await house.issue(due_at=now() + timedelta(seconds=30))
    with pytest.raises(Conflict) as expired:
        await house.service.create(house.caller, late.bill_no, "WECHAT")
    assert expired.value.stable_code == "bill_expired"
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.notify("WECHAT", house.wechat.pay(opened.out_trade_no))
    with pytest.raises(Conflict) as paid:
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert paid.value.stable_code == "bill_paid"


async def test_channel_without_identity_is_refused(house: PaymentsHouse) -> None:
    bill = await house.issue()
    house.payers.strangers.add((house.caller.citizen_id, "ALIPAY"))
    with pytest.raises(Conflict) as refused:
        await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    assert refused.value.stable_code == "channel_unavailable"


async def test_expired_order_is_settled_and_replaced(house: PaymentsHouse) -> None:
    bill = await house.issue()
    first = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.expire()
    second = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert second.out_trade_no != first.out_trade_no
    assert house.wechat.orders[first.out_trade_no].standing is Standing.CLOSED


async def test_own_payment_is_hidden_from_others(house: PaymentsHouse) -> None:
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert (await house.service.own_payment(house.caller, opened.out_trade_no)).status == "AWAITING"
    with pytest.raises(NotFound):
        await house.service.own_payment(caller(), opened.out_trade_no)
