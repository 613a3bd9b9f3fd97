"""Money that goes back at the fiscal platform: red letters, with lost answers, refusals and every crossing."""

from __future__ import annotations

import asyncio

import pytest

from app import db
from payments.fiscal.neutral import FiscalConfirmation, FiscalPayment, FiscalRefusal
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse
from tests.integration.payments.fiscal_steps import asked, bill_of, count, next_question, paid, reasons, sound

pytestmark = pytest.mark.anyio


async def test_refunds_of_a_confirmed_bill_get_a_red_letter_each(house: PaymentsHouse) -> None:
    bill_no, number = await paid(house)
    await house.drain()
    refunds = [await house.refund(number, fen, "多缴", "cashier-1") for fen in (500, 1500)]
    await house.drain()
    assert sorted(house.fiscal.reversals) == sorted(refunds)
    assert house.fiscal.confirmed_fen == 0
    assert await count("fiscal_receipt WHERE kind = 'RED'") == 2
    assert await count("refund WHERE reversed_at IS NOT NULL AND fiscal_ask_after IS NULL") == 2
    shown = await bill_of(house, bill_no)
    assert (shown.status, [row.status_text for row in shown.refunds]) == ("REFUNDED", ["已退款", "已退款"])
    assert shown.receipt is not None, "the receipt stays; the red letter takes it back"
    payment = await house.service.own_payment(house.caller, number)
    assert [row.amount_fen for row in payment.refunds] == [500, 1500]
    assert await sound(house)


@pytest.mark.parametrize("kind", ["before", "after", "not_sent"])
async def test_lost_answer_of_a_red_letter_is_asked_again(house: PaymentsHouse, kind: str) -> None:
    _, number = await paid(house)
    await house.drain()
    house.fiscal.fail("reverse", kind)
    refund_no = await house.refund(number, 500, "多缴", "cashier-1")
    await house.drain()
    assert await count("fiscal_receipt WHERE kind = 'RED'") == 0
    await asked(house)
    await asked(house)
    assert list(house.fiscal.reversals) == [refund_no]
    assert await count("fiscal_receipt WHERE kind = 'RED'") == 1
    assert await sound(house)


async def test_red_letter_that_takes_its_time_is_fetched_by_the_sweep(house: PaymentsHouse) -> None:
    _, number = await paid(house)
    await house.drain()
    house.fiscal.holds = True
    await house.refund(number, 500, "多缴", "cashier-1")
    await house.drain()
    await asked(house)
    assert await count("refund WHERE reversed_at IS NULL AND fiscal_ask_after IS NOT NULL") == 1
    house.fiscal.release()
    await asked(house)
    assert await count("refund WHERE reversed_at IS NOT NULL") == 1
    assert await sound(house)


async def test_red_letter_whose_reaction_was_lost_is_asked_for_by_the_sweep(house: PaymentsHouse) -> None:
    _, number = await paid(house)
    await house.drain()
    refund_no = await house.refund(number, 500, "多缴", "cashier-1")
    await house.service.jobs()["payments.push_refund"]({"out_refund_no": refund_no})
    await db.execute("DELETE FROM pgqueuer")
    await asked(house)
    assert list(house.fiscal.reversals) == [refund_no]
    assert await count("refund WHERE reversed_at IS NOT NULL AND fiscal_ask_after IS NULL") == 1
    assert await sound(house)


async def test_refused_red_letter_is_shown_to_staff_and_asked_daily(house: PaymentsHouse) -> None:
    _, number = await paid(house)
    await house.drain()
    house.fiscal.fail("reverse", "reject", refusal=FiscalRefusal.AMOUNT_DIFFERS)
    refund_no = await house.refund(number, 500, "多缴", "cashier-1")
    await house.drain()
    found, _ = await house.service.quarantined(EVERYWHERE)
    assert [(row.reason, row.reference_no) for row in found] == [("amount_differs", refund_no)]
    await asked(house)
    assert list(house.fiscal.reversals) == [refund_no]


async def test_red_letter_of_a_bill_that_the_platform_calls_unpaid_is_shown_to_staff_after_a_while(
    house: PaymentsHouse,
) -> None:
    _, number = await paid(house)
    await house.drain()
    await house.refund(number, 500, "多缴", "cashier-1")
    house.fiscal.fail("reverse", "reject", times=40, refusal=FiscalRefusal.NOT_CONFIRMED)
    await house.drain()
    await asked(house)
    assert await reasons(house) == [], "the two may have crossed"
    for _ in range(12):
        await asked(house)
    assert await reasons(house) == ["not_confirmed"]
    assert await count("refund WHERE reversed_at IS NULL AND fiscal_ask_after > now() + interval '23 hours'") == 1


async def test_refund_before_the_confirmation_gets_its_red_letter_afterwards(house: PaymentsHouse) -> None:
    bill_no, number = await paid(house)
    house.fiscal.holds = True
    await house.drain()
    refund_no = await house.refund(number, 500, "多缴", "cashier-1")
    await house.drain()
    assert (await bill_of(house, bill_no)).status == "PAID"
    assert house.fiscal.reversals == {}
    house.fiscal.release()
    await asked(house)
    assert (await bill_of(house, bill_no)).status == "CONFIRMED"
    assert list(house.fiscal.reversals) == [refund_no]
    assert house.fiscal.confirmed_fen == 1500
    assert await sound(house)


async def test_confirmation_while_a_refund_is_under_way_keeps_the_moment_only(house: PaymentsHouse) -> None:
    bill_no, number = await paid(house)
    house.wechat.refunds_succeed_at_once = False
    refund_no = await house.refund(number, 500, "多缴", "cashier-1")
    assert await house.drain() == ["bill.paid", "receipt.issued"]
    shown = await bill_of(house, bill_no)
    assert shown.status == "REFUNDING"
    assert shown.confirmed_at is not None
    await house.notify("WECHAT", {"out_trade_no": number, "out_refund_no": refund_no, "amount_fen": "500"})
    await house.drain()
    assert (await bill_of(house, bill_no)).status == "CONFIRMED"
    assert list(house.fiscal.reversals) == [refund_no]
    assert await sound(house)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_refund_in_full_crosses_the_confirmation(house: PaymentsHouse, moment: str) -> None:
    """The platform decides: a code that could be withdrawn was never confirmed, another one is reversed."""
    bill_no, number = await paid(house)
    house.fiscal.fail("confirm", moment)
    refund_no = await house.refund(number, 2000, "撤销办理", "cashier-1")
    await house.drain()
    assert (await bill_of(house, bill_no)).status == "REFUNDED"
    await asked(house)
    await asked(house)
    notice = await house.notice(bill_no)
    assert house.fiscal.confirmed_fen == 0
    if moment == "before":
        assert notice.is_void
        assert house.fiscal.reversals == {}
    else:
        assert list(house.fiscal.reversals) == [refund_no]
    assert (await bill_of(house, bill_no)).status == "REFUNDED"
    assert await next_question(bill_no) is None
    assert await sound(house)


async def test_confirmation_taken_while_the_code_is_withdrawn_is_reversed(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, number = await paid(house)
    house.fiscal.fail("confirm", "before")
    refund_no = await house.refund(number, 2000, "撤销办理", "cashier-1")
    await house.drain()
    void, late = house.fiscal.void, asyncio.Event()
    told: list[FiscalPayment] = []
    confirm = house.fiscal.confirm

    async def kept(payment: FiscalPayment) -> FiscalConfirmation:
        told.append(payment)
        return await confirm(payment)

    async def too_late(payment_code: str) -> None:
        row = await db.fetch_row("SELECT * FROM payment")
        assert row is not None
        late.set()
        await confirm(
            FiscalPayment(
                payment_code=payment_code,
                amount_fen=2000,
                channel="WECHAT",
                out_trade_no=number,
                provider_trade_no=row["provider_trade_no"],
                paid_at=row["paid_at"],
            )
        )
        await void(payment_code)

    monkeypatch.setattr(house.fiscal, "confirm", kept)
    monkeypatch.setattr(house.fiscal, "void", too_late)
    await asked(house)
    assert late.is_set()
    await asked(house)
    assert list(house.fiscal.reversals) == [refund_no]
    assert house.fiscal.confirmed_fen == 0
    assert len(told) == 1
    assert await sound(house)


async def test_refund_that_the_bank_gave_back_takes_the_confirmation_up_again(house: PaymentsHouse) -> None:
    bill_no, number = await paid(house)
    house.fiscal.fail("confirm", "before")
    refund_no = await house.refund(number, 2000, "撤销办理", "cashier-1")
    await house.drain()
    await asked(house)
    assert await next_question(bill_no) is None
    await house.service.fiscal.after_bounce(refund_no)
    assert await next_question(bill_no) is not None


async def test_bank_that_gives_a_refund_back_while_the_code_is_withdrawn_is_not_forgotten(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill_no, number = await paid(house)
    house.fiscal.fail("confirm", "before")
    refund_no = await house.refund(number, 2000, "撤销办理", "cashier-1")
    await house.drain()
    void = house.fiscal.void

    async def bounced_meanwhile(payment_code: str) -> None:
        await void(payment_code)
        house.wechat.bounce(number, refund_no)
        await house.notify("WECHAT", {"out_trade_no": number, "out_refund_no": refund_no, "amount_fen": "2000"})
        await house.drain()

    monkeypatch.setattr(house.fiscal, "void", bounced_meanwhile)
    await house.wake()
    await house.service.sweeps.ask_fiscal()
    assert await house.bill_status(bill_no) == "REFUNDING"
    assert await next_question(bill_no) is not None
    assert await sound(house)


async def test_money_that_came_twice_needs_no_red_letter(house: PaymentsHouse) -> None:
    bill = await house.issue()
    first = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    late = house.wechat.pay(first.out_trade_no)
    await db.execute("UPDATE payment SET status = 'CLOSED', closed_at = now(), ask_after = NULL")
    await db.execute("UPDATE bill SET status = 'UNPAID'")
    second = await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    await house.notify("ALIPAY", house.alipay.pay(second.out_trade_no))
    await house.notify("WECHAT", late)
    await house.drain()
    await house.wake()
    await house.service.sweeps.ask_refunds()
    await house.drain()
    assert house.wechat.received_fen == 0
    assert house.fiscal.reversals == {}
    assert (await house.notice(bill.bill_no)).out_trade_no == second.out_trade_no
    payment = await house.service.own_payment(house.caller, first.out_trade_no)
    assert (payment.receipt, [row.status for row in payment.refunds]) == (None, ["SUCCEEDED"])
    assert await sound(house)
