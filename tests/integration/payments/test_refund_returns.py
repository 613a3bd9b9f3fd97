"""Refunds that come back: closed by the provider and asked for again, given back by a bank, settled after that."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import msgspec
import pytest

from app import clock, db
from app.errors import ProviderRejected
from app.ids import random_text
from payments.neutral import DepositBack, PlatformMessage
from payments.states import RefundMove
from payments.types import StaffRefundView
from tests.fakes.jobs import taken_jobs
from tests.fakes.payments_house import ALIPAY_APP, EVERYWHERE, PaymentsHouse, person

pytestmark = pytest.mark.anyio


async def _paid(house: PaymentsHouse, channel: str) -> tuple[str, str]:
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, channel)
    await house.notify(channel, house.channel(channel).pay(opened.out_trade_no))
    await house.drain()
    return bill.bill_no, opened.out_trade_no


async def _paid_twice(house: PaymentsHouse) -> tuple[str, str]:
    """Pay a bill at WeChat and, late, at Alipay; return the bill and the order that is refunded by itself."""
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    late = house.alipay.pay(opened.out_trade_no)
    await db.execute("UPDATE payment SET status = 'CLOSED', closed_at = now(), ask_after = NULL")
    await db.execute("UPDATE bill SET status = 'UNPAID'")
    other = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.notify("WECHAT", house.wechat.pay(other.out_trade_no))
    house.alipay.refunds_succeed_at_once = False
    await house.notify("ALIPAY", late)
    await house.drain()
    return bill.bill_no, opened.out_trade_no


async def _close_the_refund(house: PaymentsHouse, out_trade_no: str) -> list[str]:
    (refund_no,) = house.alipay.orders[out_trade_no].refunds
    content = house.alipay.close_refund(out_trade_no, refund_no)
    await asyncio.gather(*(house.notify("ALIPAY", content) for _ in range(5)))
    return await house.drain()


async def _refunds() -> Sequence[db.Row]:
    return await db.fetch_all("SELECT out_refund_no, status, cause FROM refund ORDER BY id")


async def _tell(house: PaymentsHouse, number: str, refund_no: str, move: str, fen: int | None = 2000) -> None:
    told = DepositBack(out_trade_no=number, out_refund_no=refund_no, move=move, amount_fen=fen)
    message = PlatformMessage(
        provider="alipay",
        event_key=f"message:{random_text(12)}",
        occurred_at=clock.now(),
        kind="alipay.trade.refund.depositback.completed",
        deposit_back=told,
    )
    body = msgspec.json.encode(message)
    await asyncio.gather(*(house.service.receive_message(ALIPAY_APP, body) for _ in range(3)))


async def _bounced(house: PaymentsHouse) -> tuple[str, str, str]:
    bill_no, number = await _paid(house, "ALIPAY")
    refund_no = await house.refund(number, 2000)
    await house.drain()
    assert await house.bill_status(bill_no) == "REFUNDED"
    house.alipay.bounce(number, refund_no)
    await _tell(house, number, refund_no, str(RefundMove.BOUNCE))
    return bill_no, number, refund_no


async def _shown(house: PaymentsHouse, refund_no: str) -> StaffRefundView:
    return await house.service.refunds.refund(EVERYWHERE, refund_no)


async def _keys() -> list[str]:
    rows = await db.fetch_all(
        "SELECT DISTINCT split_part(transfer_key, ':', 1) AS kind FROM ledger_entry WHERE transfer_key LIKE 'refund.%'"
    )
    return sorted(row["kind"] for row in rows)


async def _sound(house: PaymentsHouse) -> None:
    found = await house.service.check_ledger()
    assert found.is_sound, found


async def test_refund_of_staff_that_the_provider_closes_frees_its_sum(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house, "WECHAT")
    before = await house.bill_status(bill_no)
    house.wechat.refunds_succeed_at_once = False
    first = await house.refund(number, 2000)
    await house.drain()
    content = house.wechat.close_refund(number, first)
    await asyncio.gather(*(house.notify("WECHAT", content) for _ in range(5)))
    assert await house.drain() == ["refund.closed"]
    assert await house.bill_status(bill_no) == before
    assert [each.status_text for each in await house.service.refunds.work(EVERYWHERE)] == ["服务商已关闭，款项未退"]
    house.wechat.refunds_succeed_at_once = True
    second = await house.refund(number, 2000)
    await house.drain()
    assert house.wechat.orders[number].refunds == {second: 2000}
    assert await house.bill_status(bill_no) == "REFUNDED"
    await _sound(house)


async def test_refund_of_a_second_success_that_is_closed_is_asked_again_by_itself(house: PaymentsHouse) -> None:
    bill_no, number = await _paid_twice(house)
    await _close_the_refund(house, number)
    rows = await _refunds()
    assert [row["status"] for row in rows] == ["CLOSED", "PROCESSING"]
    assert rows[0]["out_refund_no"] != rows[1]["out_refund_no"]
    house.alipay.refunds_succeed_at_once = True
    await house.wake()
    await house.service.sweeps.ask_refunds()
    assert [row["status"] for row in await _refunds()] == ["CLOSED", "SUCCEEDED"]
    assert house.alipay.received_fen == 0, "no yuan is kept for nothing"
    assert await house.bill_status(bill_no) in ("PAID", "CONFIRMED")
    await _sound(house)


async def test_refund_that_is_closed_again_and_again_waits_for_a_person(house: PaymentsHouse) -> None:
    _, number = await _paid_twice(house)
    for _ in range(3):
        await _close_the_refund(house, number)
    assert [row["status"] for row in await _refunds()] == ["CLOSED", "CLOSED", "ABNORMAL"]
    (waiting,) = await house.service.refunds.work(EVERYWHERE)
    assert (waiting.acts, waiting.cause) == (["retry", "settle"], "LATE_SUCCESS")
    house.alipay.refunds_succeed_at_once = True
    answers = await asyncio.gather(
        *(house.service.refunds.retry(person("cashier-1"), waiting.out_refund_no) for _ in range(3)),
        return_exceptions=True,
    )
    (renewed,) = [answer for answer in answers if isinstance(answer, StaffRefundView)]
    assert renewed.out_refund_no != waiting.out_refund_no
    await house.drain()
    assert [row["status"] for row in await _refunds()] == ["CLOSED", "CLOSED", "CLOSED", "SUCCEEDED"]
    assert house.alipay.received_fen == 0
    await _sound(house)


async def test_success_told_of_a_closed_refund_is_kept_for_staff(house: PaymentsHouse) -> None:
    _, number = await _paid(house, "WECHAT")
    house.wechat.refunds_succeed_at_once = False
    refund_no = await house.refund(number, 2000)
    await house.drain()
    content = house.wechat.close_refund(number, refund_no)
    await house.notify("WECHAT", content)
    house.wechat.orders[number].closed_refunds.clear()
    await house.notify("WECHAT", content)
    assert [q.reason for q in (await house.service.quarantined(EVERYWHERE))[0]] == ["refund_finished"]
    assert (await _shown(house, refund_no)).status == "CLOSED"


async def test_bank_that_gives_a_refund_back_is_asked_about_and_booked_back(house: PaymentsHouse) -> None:
    bill_no, _, refund_no = await _bounced(house)
    assert (await _shown(house, refund_no)).status == "SUCCEEDED", "the message alone decides nothing"
    assert (await house.drain()).count("refund.bounced") == 1
    shown = await _shown(house, refund_no)
    assert (shown.status, shown.acts) == ("ABNORMAL", ["retry", "settle"])
    assert await house.bill_status(bill_no) == "REFUNDING"
    assert house.alipay.calls["query_refund"] == 1
    assert await _keys() == ["refund.bounced", "refund.succeeded"]
    assert house.alipay.received_fen == 2000
    await _sound(house)


async def test_bounced_refund_is_settled_elsewhere(house: PaymentsHouse) -> None:
    bill_no, number, refund_no = await _bounced(house)
    await house.drain()
    await house.service.refunds.settle(person("cashier-1"), refund_no, "银行转账 20261122002")
    assert (await house.drain()).count("refund.succeeded") == 1
    assert await house.bill_status(bill_no) == "REFUNDED"
    assert await _keys() == ["refund.bounced", "refund.resettled", "refund.succeeded"]
    await _tell(house, number, refund_no, str(RefundMove.BOUNCE))
    await house.drain()
    assert (await _shown(house, refund_no)).status == "SUCCEEDED", "an old word undoes nothing"
    await _sound(house)


async def test_bank_that_takes_a_refund_in_the_end_settles_it(house: PaymentsHouse) -> None:
    bill_no, number, refund_no = await _bounced(house)
    await house.drain()
    house.alipay.bounce(number, refund_no, RefundMove.SUCCEED)
    await _tell(house, number, refund_no, str(RefundMove.SUCCEED))
    await house.drain()
    assert (await _shown(house, refund_no)).status == "SUCCEEDED"
    assert await house.bill_status(bill_no) == "REFUNDED"
    house.alipay.bounce(number, refund_no)
    await _tell(house, number, refund_no, str(RefundMove.BOUNCE))
    assert (await house.drain()).count("refund.bounced") == 1
    assert (await _shown(house, refund_no)).status == "ABNORMAL"
    await _sound(house)


async def test_retry_of_a_bounced_refund_asks_and_books_nothing_twice(house: PaymentsHouse) -> None:
    _, _, refund_no = await _bounced(house)
    await house.drain()
    await house.service.refunds.retry(person("cashier-1"), refund_no)
    assert "refund.abnormal" in await house.drain()
    assert (await _shown(house, refund_no)).status == "ABNORMAL"
    assert house.alipay.calls["refund"] == 1
    await _sound(house)


async def test_bank_that_has_not_answered_changes_nothing(house: PaymentsHouse) -> None:
    _, number = await _paid(house, "ALIPAY")
    refund_no = await house.refund(number, 500)
    await house.drain()
    house.alipay.bounce(number, refund_no, RefundMove.ACCEPT)
    await _tell(house, number, refund_no, str(RefundMove.ACCEPT), 500)
    await house.drain()
    assert (await _shown(house, refund_no)).status == "SUCCEEDED"


async def test_message_counts_where_the_question_does_not_tell(house: PaymentsHouse) -> None:
    _, number = await _paid(house, "ALIPAY")
    refund_no = await house.refund(number, 500)
    await house.drain()
    await _tell(house, number, refund_no, "", 500)
    await house.drain()
    assert (await _shown(house, refund_no)).status == "SUCCEEDED", "a message that cannot be read decides nothing"
    await _tell(house, number, refund_no, str(RefundMove.BOUNCE), 500)
    await house.drain()
    assert (await _shown(house, refund_no)).status == "ABNORMAL"
    await _sound(house)


async def test_message_without_our_number_has_every_refund_of_the_trade_asked_about(house: PaymentsHouse) -> None:
    _, number = await _paid(house, "ALIPAY")
    first, second = await house.refund(number, 500), await house.refund(number, 700)
    await house.drain()
    house.alipay.bounce(number, second)
    await _tell(house, number, "", str(RefundMove.BOUNCE), None)
    await house.drain()
    assert [(await _shown(house, each)).status for each in (first, second)] == ["SUCCEEDED", "ABNORMAL"]
    await _sound(house)


@pytest.mark.parametrize(("fen", "refund_no", "reason"), [(499, "", "wrong_amount"), (500, "R1", "unknown_number")])
async def test_message_that_contradicts_us_is_kept_for_staff(
    house: PaymentsHouse, fen: int, refund_no: str, reason: str
) -> None:
    _, number = await _paid(house, "ALIPAY")
    made = await house.refund(number, 500)
    await house.drain()
    await _tell(house, number, refund_no or made, str(RefundMove.BOUNCE), fen)
    await house.drain()
    assert [q.reason for q in (await house.service.quarantined(EVERYWHERE))[0]] == [reason]
    assert (await _shown(house, made)).status == "SUCCEEDED"


@pytest.mark.parametrize("is_ours", [True, False])
async def test_message_that_fits_no_refund_is_kept_for_staff(house: PaymentsHouse, is_ours: bool) -> None:
    number = (await _paid(house, "ALIPAY"))[1] if is_ours else "P20260101NOBODYKNOWSIT0"
    await _tell(house, number, "", str(RefundMove.BOUNCE))
    await house.drain()
    found, _ = await house.service.quarantined(EVERYWHERE)
    assert [(row.reason, row.reference_no) for row in found] == [("unknown_number", number)]


async def test_message_is_kept_once_in_the_inbox(house: PaymentsHouse) -> None:
    await _bounced(house)
    row = await db.fetch_row("SELECT count(*) AS n FROM inbox_event WHERE event_key LIKE 'message:%'")
    assert row is not None
    assert row["n"] == 1


async def test_question_about_a_bounce_comes_again_when_nobody_answers(house: PaymentsHouse) -> None:
    _, _, refund_no = await _bounced(house)
    house.alipay.fail("query_refund", "before")
    payload = json.loads((await taken_jobs("payments.ask_bounced"))[0]["payload"])
    with pytest.raises(Exception, match="provider_unavailable"):
        await house.service.jobs()["payments.ask_bounced"](payload)
    await house.service.jobs()["payments.ask_bounced"](payload)
    assert (await _shown(house, refund_no)).status == "ABNORMAL"


async def test_message_counts_where_the_question_is_refused(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house, "ALIPAY")
    refund_no = await house.refund(number, 2000)
    await house.drain()
    house.alipay.fail("query_refund", "reject", 99)
    await _tell(house, number, refund_no, str(RefundMove.BOUNCE))
    assert "refund.bounced" in await house.drain()
    assert (await _shown(house, refund_no)).status == "ABNORMAL"
    assert await house.bill_status(bill_no) == "REFUNDING"
    await _sound(house)


async def test_message_without_our_number_waits_while_the_question_is_refused(house: PaymentsHouse) -> None:
    _, number = await _paid(house, "ALIPAY")
    refund_no = await house.refund(number, 2000)
    await house.drain()
    house.alipay.bounce(number, refund_no)
    house.alipay.fail("query_refund", "reject")
    await _tell(house, number, "", str(RefundMove.BOUNCE))
    with pytest.raises(ProviderRejected):
        await house.drain()
    await house.drain()
    assert (await _shown(house, refund_no)).status == "ABNORMAL"
