"""A day compared three ways: every kind of difference is found, repaired or left open, and a repeat changes nothing."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from app import db
from app.clock import BEIJING
from payments.reconciliation.kinds import Kind
from payments.reconciliation.neutral import FlowSum, RefundShown
from tests.fakes.payments_house import PaymentsHouse
from tests.integration.payments.day_steps import (
    CASHIER,
    DAY,
    everything,
    found,
    line,
    only,
    opened,
    paid,
    refund_line,
    refunded,
    run,
)

pytestmark = pytest.mark.anyio


async def test_run_of_an_equal_day_counts_and_finds_nothing(house: PaymentsHouse) -> None:
    first, second = await paid(house), await paid(house)
    back = await refunded(house, second, 500)
    house.wechat.bills.days[DAY] = [line(first), line(second), refund_line(back, second, 500)]
    seen = await run(house)
    assert seen.status == "DONE"
    assert (seen.paid_count, seen.paid_fen, seen.refund_count, seen.refund_fen) == (2, 4000, 1, 500)
    assert (seen.our_paid_count, seen.our_paid_fen, seen.our_refund_count, seen.our_refund_fen) == (2, 4000, 1, 500)
    assert (seen.fiscal_count, seen.fiscal_fen, seen.fee_fen) == (2, 4000, 12)
    assert (await found(house), seen.discrepancy_count, seen.open_count) == ({}, 0, 0)


async def test_fees_of_the_bill_enter_the_ledger_once(house: PaymentsHouse) -> None:
    number = await paid(house)
    back = await refunded(house, number, 500)
    house.wechat.bills.days[DAY] = [line(number, fee_fen=12), refund_line(back, number, 500, fee_fen=-3)]
    for _ in range(2):
        await run(house)
    rows = await db.fetch_all(
        "SELECT transfer_key, account, amount_fen FROM ledger_entry WHERE transfer_key LIKE 'fee.%' ORDER BY 1, 2"
    )
    assert [tuple(row) for row in rows] == [
        (f"fee.charged:{number}", "channel:WECHAT", -12),
        (f"fee.charged:{number}", "fees", 12),
        (f"fee.returned:{back}", "channel:WECHAT", 3),
        (f"fee.returned:{back}", "fees", -3),
    ]
    assert (await house.service.check_ledger()).is_sound


async def test_paid_there_not_here_is_asked_about_and_booked(house: PaymentsHouse) -> None:
    number = await opened(house)
    house.wechat.pay(number)
    house.wechat.bills.days[DAY] = [line(number)]
    seen = await run(house)
    assert (seen.discrepancy_count, seen.open_count) == (1, 1)
    assert (await only(house)).kind == Kind.PAID_THERE_NOT_HERE
    events = await house.drain()
    assert "bill.paid" in events
    one = await only(house)
    assert (one.status, one.repair, one.note) == ("REPAIRED", "ASK_ORDER", "渠道查询确认已收款，已入账")


async def test_closed_but_paid_is_asked_about_and_booked(house: PaymentsHouse) -> None:
    number = await opened(house)
    house.wechat.pay(number)
    await db.execute("UPDATE payment SET status = 'CLOSED' WHERE out_trade_no = $1", number)
    await db.execute("UPDATE bill SET status = 'UNPAID'")
    house.wechat.bills.days[DAY] = [line(number)]
    await run(house)
    assert (await only(house)).kind == Kind.CLOSED_BUT_PAID
    await house.drain()
    assert (await only(house)).status == "REPAIRED"
    assert await house.statuses((await only(house)).bill_no) == ["SUCCEEDED"]


async def test_order_that_the_provider_denies_stays_open(house: PaymentsHouse) -> None:
    number = await opened(house)
    house.wechat.bills.days[DAY] = [line(number)]
    await run(house)
    await house.drain()
    one = await only(house)
    assert (one.status, one.repair, one.note) == ("OPEN", "ASK_ORDER", "渠道查询结果：UNPAID")


async def test_provider_that_is_away_brings_the_repair_back(house: PaymentsHouse) -> None:
    number = await opened(house)
    house.wechat.pay(number)
    house.wechat.bills.days[DAY] = [line(number)]
    await run(house)
    house.wechat.fail("query", "before")
    job = house.service.jobs()["payments.repair_discrepancy"]
    payload = {"discrepancy_id": (await only(house)).id}
    with pytest.raises(Exception, match="provider_unavailable"):
        await job(payload)
    await job(payload)
    assert (await only(house)).status == "REPAIRED"


async def test_number_of_nobody_is_left_to_staff(house: PaymentsHouse) -> None:
    house.wechat.bills.days[DAY] = [line("P20260310NOBODY0000000001", 777)]
    await run(house)
    assert await db.fetch_all("SELECT 1 FROM pgqueuer") == []
    one = await only(house)
    assert (one.kind, one.status, one.ours_fen, one.theirs_fen, one.acts) == (
        Kind.UNKNOWN_ORDER,
        "OPEN",
        None,
        777,
        ["resolve"],
    )


async def test_payment_that_the_bill_lacks_is_reported_with_its_bill(house: PaymentsHouse) -> None:
    number = await paid(house)
    await run(house)
    one = await only(house)
    assert (one.kind, one.reference_no, one.ours_fen, one.division_code) == (
        Kind.PAID_HERE_NOT_THERE,
        number,
        2000,
        "140105",
    )


@pytest.mark.parametrize(("minutes", "reported"), [(-3, 0), (3, 0), (-10, 0), (10, 1)])
async def test_payment_near_midnight_may_stand_in_the_bill_before(
    minutes: int, reported: int, house: PaymentsHouse
) -> None:
    midnight = datetime.combine(DAY, time(), BEIJING).astimezone(UTC)
    number = await paid(house, midnight + timedelta(minutes=minutes))
    house.wechat.bills.days = {DAY - timedelta(days=1): [line(number)], DAY: []}
    assert (await run(house)).discrepancy_count == reported


async def test_payment_at_the_end_of_a_day_is_judged_with_the_next_one(house: PaymentsHouse) -> None:
    end = datetime.combine(DAY + timedelta(days=1), time(), BEIJING).astimezone(UTC)
    await paid(house, end - timedelta(minutes=2))
    assert (await run(house)).discrepancy_count == 0
    seen = await house.service.reconciliation.run("wechat-default", DAY + timedelta(days=1))
    assert (await only(house)).kind == Kind.PAID_HERE_NOT_THERE
    assert seen.open_count == 1


async def test_other_amount_is_left_to_staff(house: PaymentsHouse) -> None:
    number = await paid(house)
    house.wechat.bills.days[DAY] = [line(number, 2001)]
    await run(house)
    one = await only(house)
    assert (one.kind, one.ours_fen, one.theirs_fen) == (Kind.AMOUNT_DIFFERS, 2000, 2001)


async def test_money_that_came_twice_goes_back(house: PaymentsHouse) -> None:
    number = await paid(house)
    bill = await db.fetch_row("SELECT bill_id FROM payment WHERE out_trade_no = $1", number)
    assert bill is not None
    other = await paid(house)
    await db.execute("UPDATE payment SET bill_id = $2 WHERE out_trade_no = $1", other, bill["bill_id"])
    await db.execute("DELETE FROM bill WHERE id <> $1", bill["bill_id"])
    house.wechat.bills.days[DAY] = [line(number), line(other)]
    house.fiscal.notices = {k: v for k, v in house.fiscal.notices.items() if v.out_trade_no == number}
    await run(house)
    one = await only(house)
    assert (one.kind, one.reference_no) == (Kind.DOUBLE, other)
    await house.drain()
    assert (await only(house)).status == "REPAIRED"
    assert sum(house.wechat.orders[other].refunds.values()) == 2000
    for _ in range(2):
        await house.service.jobs()["payments.repair_discrepancy"]({"discrepancy_id": one.id})
    await run(house)
    await house.drain()
    assert len(house.wechat.orders[other].refunds) == 1, "refunded once"


async def test_refunds_are_compared_both_ways(house: PaymentsHouse) -> None:
    first, second, third = await paid(house), await paid(house), await paid(house)
    missing, other = await refunded(house, first), await refunded(house, second, 500)
    house.wechat.bills.days[DAY] = [
        line(first),
        line(second),
        line(third),
        refund_line(other, second, 400),
        refund_line("CONSOLE1", third, 100),
        refund_line("CONSOLE2", third, 100, refund_status=RefundShown.CLOSED),
    ]
    await run(house)
    kinds = {key: each.status for key, each in (await found(house)).items()}
    assert kinds == {
        (Kind.REFUND_MISSING, missing): "OPEN",
        (Kind.REFUND_AMOUNT_DIFFERS, other): "OPEN",
        (Kind.REFUND_THERE_NOT_HERE, "CONSOLE1"): "OPEN",
    }
    await house.drain()
    after = await found(house)
    assert after[Kind.REFUND_MISSING, missing].note == "渠道查询确认已退款，已记账"
    assert after[Kind.REFUND_MISSING, missing].status == "REPAIRED"
    assert after[Kind.REFUND_THERE_NOT_HERE, "CONSOLE1"].note == "本地没有该退款单"


async def test_refund_that_only_the_provider_knows_finished_is_asked_about(house: PaymentsHouse) -> None:
    number = await paid(house)
    house.wechat.refunds_succeed_at_once = False
    back = await refunded(house, number, 500)
    await db.execute("UPDATE refund SET finished_at = NULL")
    house.wechat.bills.days[DAY] = [line(number), refund_line(back, number, 500)]
    await run(house)
    assert (await only(house)).kind == Kind.REFUND_THERE_NOT_HERE
    house.wechat.refunds_succeed_at_once = True
    await house.drain()
    assert (await only(house)).status == "REPAIRED"


async def test_refund_under_way_in_both_is_no_difference(house: PaymentsHouse) -> None:
    number = await paid(house)
    house.wechat.refunds_succeed_at_once = False
    back = await refunded(house, number, 500)
    await db.execute("UPDATE refund SET finished_at = NULL")
    shown = refund_line(back, number, 500, refund_status=RefundShown.PROCESSING)
    house.wechat.bills.days[DAY] = [line(number), shown]
    await run(house)
    assert await found(house) == {}


async def test_payment_that_the_fiscal_platform_lacks_is_confirmed_again(house: PaymentsHouse) -> None:
    house.fiscal.holds = True
    number = await paid(house)
    house.wechat.bills.days[DAY] = [line(number)]
    await run(house)
    one = await only(house)
    assert one.kind == Kind.FISCAL_MISSING
    house.fiscal.holds = False
    house.fiscal.release()
    await house.drain()
    assert ((await only(house)).status, (await only(house)).note) == ("REPAIRED", "财政平台已确认")


async def test_fiscal_list_is_compared_with_our_payments(house: PaymentsHouse) -> None:
    right, wrong, gone = await paid(house), await paid(house), await paid(house)
    house.wechat.bills.days[DAY] = [line(right), line(wrong), line(gone)]
    notices = {notice.out_trade_no: notice for notice in house.fiscal.notices.values()}
    assert notices[wrong].payment is not None
    notices[wrong].payment = replace(notices[wrong].payment, amount_fen=1999)
    assert notices[gone].payment is not None
    notices[gone].payment = replace(notices[gone].payment, out_trade_no="P20260310FOREIGN000000001")
    await run(house)
    listed = await found(house)
    assert set(listed) == {
        (Kind.FISCAL_AMOUNT_DIFFERS, wrong),
        (Kind.FISCAL_FOREIGN, "P20260310FOREIGN000000001"),
        (Kind.FISCAL_MISSING, gone),
    }
    assert listed[Kind.FISCAL_FOREIGN, "P20260310FOREIGN000000001"].account_code == ""


async def test_success_without_its_pair_is_found(house: PaymentsHouse) -> None:
    number = await paid(house)
    await db.execute("DELETE FROM ledger_entry WHERE transfer_key = $1", f"payment.succeeded:{number}")
    house.wechat.bills.days[DAY] = [line(number)]
    await run(house)
    assert (await only(house)).kind == Kind.LEDGER_MISSING


@pytest.mark.parametrize(("net_fen", "count"), [(2000 - 12, 0), (2000, 1)])
async def test_fund_flows_must_agree_with_the_trades(net_fen: int, count: int, house: PaymentsHouse) -> None:
    number = await paid(house)
    house.wechat.bills.has_flows = True
    house.wechat.bills.days[DAY] = [line(number)]
    house.wechat.bills.flows[DAY] = FlowSum(net_fen, 2)
    seen = await run(house)
    assert seen.flow_fen == net_fen
    assert [kind for kind, _ in await found(house)] == [Kind.FLOW_DIFFERS] * count


async def test_repeated_run_changes_nothing_and_resolved_stays_resolved(house: PaymentsHouse) -> None:
    number = await paid(house)
    house.wechat.bills.days[DAY] = [line(number, 2001), line("P20260310NOBODY0000000001", 777)]
    first = await run(house)
    wrong = (await found(house))[Kind.AMOUNT_DIFFERS, number]
    resolved = await house.service.reconciliation.resolve(CASHIER, uuid.UUID(wrong.id), "已线下退还一分")
    assert (resolved.status, resolved.resolved_by, resolved.acts) == ("RESOLVED", "cashier", [])
    before = await everything()
    second = await run(house)
    assert await everything() == before
    assert (second.discrepancy_count, second.paid_count, second.open_count) == (
        first.discrepancy_count,
        first.paid_count,
        first.open_count - 1,
    )


async def test_difference_that_has_vanished_counts_as_repaired(house: PaymentsHouse) -> None:
    number = await paid(house)
    await run(house)
    assert (await only(house)).status == "OPEN"
    house.wechat.bills.days[DAY] = [line(number)]
    await run(house)
    assert ((await only(house)).status, (await only(house)).note) == ("REPAIRED", "复核时差异已消失")
