"""After the payment: confirmation, receipt and red letter, with lost answers, refusals and every crossing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app import db, metrics
from app.clock import now
from payments.fiscal.neutral import FiscalConfirmation, FiscalPayment, FiscalReceipt, FiscalRefusal
from payments.types import BillView
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse

pytestmark = pytest.mark.anyio


async def _paid(house: PaymentsHouse) -> tuple[str, str]:
    """Issue and pay a bill; the jobs of the payment have not run yet. Return the numbers of bill and order."""
    bill = await house.issue()
    await house.drain()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.notify("WECHAT", house.wechat.pay(opened.out_trade_no))
    return bill.bill_no, opened.out_trade_no


async def _asked(house: PaymentsHouse) -> list[str]:
    """Let the sweep ask, and the jobs run; return the events."""
    await house.wake()
    await house.service.sweeps.ask_fiscal()
    return await house.drain()


async def _bill(house: PaymentsHouse, bill_no: str) -> BillView:
    row = await db.fetch_row("SELECT subject_no FROM bill WHERE bill_no = $1", bill_no)
    assert row is not None
    return (await house.service.own_bills(house.caller, row["subject_no"]))[0]


async def _reasons(house: PaymentsHouse) -> list[str]:
    return [row.reason for row in (await house.service.quarantined(EVERYWHERE))[0]]


async def _count(sql: str) -> int:
    row = await db.fetch_row(f"SELECT count(*) AS n FROM {sql}")
    assert row is not None
    return int(row["n"])


async def _next_question(bill_no: str) -> timedelta | None:
    row = await db.fetch_row("SELECT fiscal_ask_after FROM bill WHERE bill_no = $1", bill_no)
    assert row is not None
    return None if row["fiscal_ask_after"] is None else row["fiscal_ask_after"] - now()


async def _sound(house: PaymentsHouse) -> bool:
    return (await house.service.check_ledger()).is_sound


async def test_paid_bill_is_confirmed_and_its_receipt_is_shown(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    assert (await _bill(house, bill_no)).status_text == "缴费确认中"
    assert await house.drain() == ["bill.paid", "bill.confirmed", "receipt.issued"]
    shown, notice = await _bill(house, bill_no), await house.notice(bill_no)
    assert (shown.status, shown.status_text, shown.refunds) == ("CONFIRMED", "已缴费", [])
    assert shown.receipt is not None
    assert notice.receipt is not None
    assert (shown.receipt.code, shown.receipt.number) == (notice.receipt.code, notice.receipt.number)
    payment = await house.service.own_payment(house.caller, number)
    assert (payment.receipt, payment.bill_status_text, payment.late_fee_fen) == (shown.receipt, "已缴费", 0)
    assert await _next_question(bill_no) is None
    assert await _sound(house)


@pytest.mark.parametrize("kind", ["before", "after", "not_sent"])
@pytest.mark.parametrize("call", ["confirm", "receipt"])
async def test_lost_answer_is_asked_again_by_the_sweep(house: PaymentsHouse, call: str, kind: str) -> None:
    bill_no, _ = await _paid(house)
    house.fiscal.fail(call, kind)
    await house.drain()
    assert (await _bill(house, bill_no)).receipt is None
    await _asked(house)
    assert (await _bill(house, bill_no)).receipt is not None
    assert await _count("fiscal_receipt") == 1
    assert await _sound(house)


async def test_confirmation_that_takes_its_time_is_asked_at_growing_distance(house: PaymentsHouse) -> None:
    bill_no, _ = await _paid(house)
    house.fiscal.holds = True
    await house.drain()
    distances = []
    for _ in range(11):
        await _asked(house)
        distances.append(await _next_question(bill_no))
    seconds = [round(each.total_seconds()) for each in distances if each is not None]
    assert seconds == [5, 10, 30, 60, 120, 300, 600, 1800, 3600, 3600, 3600]
    assert (await _bill(house, bill_no)).status_text == "缴费确认中"
    house.fiscal.release()
    assert await _asked(house) == ["bill.confirmed", "receipt.issued"]
    assert (await _bill(house, bill_no)).status == "CONFIRMED"


async def test_receipt_that_is_not_there_yet_is_asked_for_again(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _paid(house)

    async def not_yet(payment_code: str) -> FiscalReceipt | None:
        return None

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(house.fiscal, "receipt", not_yet)
        assert await house.drain() == ["bill.paid", "bill.confirmed"]
        assert await _asked(house) == []
    assert await _asked(house) == ["receipt.issued"]


async def test_jobs_and_sweeps_at_once_book_once(house: PaymentsHouse) -> None:
    bill_no, _ = await _paid(house)
    confirm = house.service.jobs()["payments.confirm_bill"]
    await house.wake()
    sweeps = house.service.sweeps
    await asyncio.gather(*(confirm({"bill_no": bill_no}) for _ in range(10)), sweeps.ask_fiscal(), sweeps.ask_fiscal())
    assert sorted(await house.drain()) == ["bill.confirmed", "bill.paid", "receipt.issued"]
    assert await _count("ledger_entry WHERE transfer_key LIKE 'fiscal.confirmed:%'") == 2
    assert await _sound(house)


@pytest.mark.parametrize(
    "refusal",
    [
        FiscalRefusal.AMOUNT_DIFFERS,
        FiscalRefusal.PAID_BY_ANOTHER,
        FiscalRefusal.ALREADY_VOID,
        FiscalRefusal.UNKNOWN_CODE,
        FiscalRefusal.CONTENT_DIFFERS,
        FiscalRefusal.OTHER,
    ],
)
async def test_refused_confirmation_is_shown_once_and_asked_daily(house: PaymentsHouse, refusal: FiscalRefusal) -> None:
    bill_no, number = await _paid(house)
    house.fiscal.fail("confirm", "reject", times=2, refusal=refusal)
    counter = metrics.QUARANTINED.labels("fiscal", str(refusal).lower())
    before = counter._value.get()
    await house.drain()
    await _asked(house)
    found, _ = await house.service.quarantined(EVERYWHERE)
    assert [(row.provider, row.reason, row.reference_no) for row in found] == [("fiscal", str(refusal).lower(), number)]
    assert counter._value.get() - before == 1
    distance = await _next_question(bill_no)
    assert distance is not None
    assert round(distance.total_seconds()) == 86_400
    assert (await _bill(house, bill_no)).status_text == "缴费确认中"
    assert await _asked(house) == ["bill.confirmed", "receipt.issued"]
    assert await _sound(house)


async def test_bill_paid_at_a_counter_as_well_is_refunded_by_staff_and_settled(house: PaymentsHouse) -> None:
    bill = await house.issue()
    await house.drain()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    house.fiscal.pay_elsewhere((await house.notice(bill.bill_no)).code)
    await house.notify("WECHAT", house.wechat.pay(opened.out_trade_no))
    await house.drain()
    assert await _reasons(house) == ["paid_by_another"]
    await house.refund(opened.out_trade_no, 2000, "已在银行缴费", "cashier-1")
    await house.drain()
    await _asked(house)
    assert (await _bill(house, bill.bill_no)).status == "REFUNDED"
    assert await _next_question(bill.bill_no) is None
    assert house.fiscal.reversals == {}
    assert await _sound(house)


async def test_receipt_of_another_sum_is_not_kept(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.fiscal.holds = True
    await house.drain()
    house.fiscal.release()
    notice = await house.notice(bill_no)
    assert notice.receipt is not None
    true, notice.receipt = notice.receipt, replace(notice.receipt, amount_fen=1)
    await _asked(house)
    assert (await _bill(house, bill_no)).receipt is None
    assert [(row.reason, row.reference_no) for row in (await house.service.quarantined(EVERYWHERE))[0]] == [
        ("receipt_differs", number)
    ]
    notice.receipt = true
    assert await _asked(house) == ["receipt.issued"]


async def test_refunds_of_a_confirmed_bill_get_a_red_letter_each(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    await house.drain()
    refunds = [await house.refund(number, fen, "多缴", "cashier-1") for fen in (500, 1500)]
    await house.drain()
    assert sorted(house.fiscal.reversals) == sorted(refunds)
    assert house.fiscal.confirmed_fen == 0
    assert await _count("fiscal_receipt WHERE kind = 'RED'") == 2
    assert await _count("refund WHERE reversed_at IS NOT NULL AND fiscal_ask_after IS NULL") == 2
    shown = await _bill(house, bill_no)
    assert (shown.status, [row.status_text for row in shown.refunds]) == ("REFUNDED", ["已退款", "已退款"])
    assert shown.receipt is not None, "the receipt stays; the red letter takes it back"
    payment = await house.service.own_payment(house.caller, number)
    assert [row.amount_fen for row in payment.refunds] == [500, 1500]
    assert await _sound(house)


@pytest.mark.parametrize("kind", ["before", "after", "not_sent"])
async def test_lost_answer_of_a_red_letter_is_asked_again(house: PaymentsHouse, kind: str) -> None:
    _, number = await _paid(house)
    await house.drain()
    house.fiscal.fail("reverse", kind)
    refund_no = await house.refund(number, 500, "多缴", "cashier-1")
    await house.drain()
    assert await _count("fiscal_receipt WHERE kind = 'RED'") == 0
    await _asked(house)
    await _asked(house)
    assert list(house.fiscal.reversals) == [refund_no]
    assert await _count("fiscal_receipt WHERE kind = 'RED'") == 1
    assert await _sound(house)


async def test_red_letter_that_takes_its_time_is_fetched_by_the_sweep(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    await house.drain()
    house.fiscal.holds = True
    await house.refund(number, 500, "多缴", "cashier-1")
    await house.drain()
    await _asked(house)
    assert await _count("refund WHERE reversed_at IS NULL AND fiscal_ask_after IS NOT NULL") == 1
    house.fiscal.release()
    await _asked(house)
    assert await _count("refund WHERE reversed_at IS NOT NULL") == 1
    assert await _sound(house)


async def test_red_letter_whose_reaction_was_lost_is_asked_for_by_the_sweep(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    await house.drain()
    refund_no = await house.refund(number, 500, "多缴", "cashier-1")
    await house.service.jobs()["payments.push_refund"]({"out_refund_no": refund_no})
    await db.execute("DELETE FROM pgqueuer")
    await _asked(house)
    assert list(house.fiscal.reversals) == [refund_no]
    assert await _count("refund WHERE reversed_at IS NOT NULL AND fiscal_ask_after IS NULL") == 1
    assert await _sound(house)


async def test_refused_red_letter_is_shown_to_staff_and_asked_daily(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    await house.drain()
    house.fiscal.fail("reverse", "reject", refusal=FiscalRefusal.AMOUNT_DIFFERS)
    refund_no = await house.refund(number, 500, "多缴", "cashier-1")
    await house.drain()
    found, _ = await house.service.quarantined(EVERYWHERE)
    assert [(row.reason, row.reference_no) for row in found] == [("amount_differs", refund_no)]
    await _asked(house)
    assert list(house.fiscal.reversals) == [refund_no]


async def test_red_letter_of_a_bill_that_the_platform_calls_unpaid_is_shown_to_staff_after_a_while(
    house: PaymentsHouse,
) -> None:
    _, number = await _paid(house)
    await house.drain()
    await house.refund(number, 500, "多缴", "cashier-1")
    house.fiscal.fail("reverse", "reject", times=40, refusal=FiscalRefusal.NOT_CONFIRMED)
    await house.drain()
    await _asked(house)
    assert await _reasons(house) == [], "the two may have crossed"
    for _ in range(12):
        await _asked(house)
    assert await _reasons(house) == ["not_confirmed"]
    assert await _count("refund WHERE reversed_at IS NULL AND fiscal_ask_after > now() + interval '23 hours'") == 1


async def test_refund_before_the_confirmation_gets_its_red_letter_afterwards(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.fiscal.holds = True
    await house.drain()
    refund_no = await house.refund(number, 500, "多缴", "cashier-1")
    await house.drain()
    assert (await _bill(house, bill_no)).status == "PAID"
    assert house.fiscal.reversals == {}
    house.fiscal.release()
    await _asked(house)
    assert (await _bill(house, bill_no)).status == "CONFIRMED"
    assert list(house.fiscal.reversals) == [refund_no]
    assert house.fiscal.confirmed_fen == 1500
    assert await _sound(house)


async def test_confirmation_while_a_refund_is_under_way_keeps_the_moment_only(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.wechat.refunds_succeed_at_once = False
    refund_no = await house.refund(number, 500, "多缴", "cashier-1")
    assert await house.drain() == ["bill.paid", "receipt.issued"]
    shown = await _bill(house, bill_no)
    assert shown.status == "REFUNDING"
    assert shown.confirmed_at is not None
    await house.notify("WECHAT", {"out_trade_no": number, "out_refund_no": refund_no, "amount_fen": "500"})
    await house.drain()
    assert (await _bill(house, bill_no)).status == "CONFIRMED"
    assert list(house.fiscal.reversals) == [refund_no]
    assert await _sound(house)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_refund_in_full_crosses_the_confirmation(house: PaymentsHouse, moment: str) -> None:
    """The platform decides: a code that could be withdrawn was never confirmed, another one is reversed."""
    bill_no, number = await _paid(house)
    house.fiscal.fail("confirm", moment)
    refund_no = await house.refund(number, 2000, "撤销办理", "cashier-1")
    await house.drain()
    assert (await _bill(house, bill_no)).status == "REFUNDED"
    await _asked(house)
    await _asked(house)
    notice = await house.notice(bill_no)
    assert house.fiscal.confirmed_fen == 0
    if moment == "before":
        assert notice.is_void
        assert house.fiscal.reversals == {}
    else:
        assert list(house.fiscal.reversals) == [refund_no]
    assert (await _bill(house, bill_no)).status == "REFUNDED"
    assert await _next_question(bill_no) is None
    assert await _sound(house)


async def test_confirmation_taken_while_the_code_is_withdrawn_is_reversed(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, number = await _paid(house)
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
    await _asked(house)
    assert late.is_set()
    await _asked(house)
    assert list(house.fiscal.reversals) == [refund_no]
    assert house.fiscal.confirmed_fen == 0
    assert len(told) == 1
    assert await _sound(house)


async def test_refund_that_the_bank_gave_back_takes_the_confirmation_up_again(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.fiscal.fail("confirm", "before")
    refund_no = await house.refund(number, 2000, "撤销办理", "cashier-1")
    await house.drain()
    await _asked(house)
    assert await _next_question(bill_no) is None
    await house.service.fiscal.after_bounce(refund_no)
    assert await _next_question(bill_no) is not None


async def test_bank_that_gives_a_refund_back_while_the_code_is_withdrawn_is_not_forgotten(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill_no, number = await _paid(house)
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
    assert await _next_question(bill_no) is not None
    assert await _sound(house)


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
    assert await _sound(house)


@pytest.mark.parametrize(
    ("damage", "missing"),
    [
        ("DELETE FROM ledger_entry WHERE transfer_key LIKE 'fiscal.confirmed:%'", "fiscal.confirmed:"),
        ("DELETE FROM ledger_entry WHERE transfer_key LIKE 'fiscal.reversed:%'", "fiscal.reversed:"),
        ("UPDATE bill SET late_fee_fen = 10, amount_fen = 2010", "bill.repriced:"),
    ],
)
async def test_ledger_check_names_what_the_fiscal_platform_knows_and_it_does_not(
    house: PaymentsHouse, damage: str, missing: str
) -> None:
    _, number = await _paid(house)
    await house.drain()
    await house.refund(number, 500, "多缴", "cashier-1")
    await house.drain()
    assert await _sound(house)
    await db.execute(damage)
    found = await house.service.check_ledger()
    assert [key.partition(":")[0] + ":" for key in found.missing] == [missing]


async def test_recent_check_sees_new_faults_until_they_are_mended_and_the_daily_one_sees_old_ones(
    house: PaymentsHouse,
) -> None:
    _, number = await _paid(house)
    await house.drain()
    ledger = house.service.ledger
    await house.service.sweeps.check_ledger()
    assert (await ledger.check_recent()).is_sound
    await db.execute("UPDATE ledger_entry SET amount_fen = amount_fen + 1 WHERE account = 'channel:WECHAT'")
    for _ in range(2):
        found = await ledger.check_recent()
        assert (found.sum_fen, found.unbalanced) == (1, [f"payment.succeeded:{number}"])
        assert metrics.LEDGER_FAULTS._value.get() > 0
    await db.execute("UPDATE ledger_entry SET amount_fen = amount_fen - 1 WHERE account = 'channel:WECHAT'")
    await house.service.sweeps.check_whole_ledger()
    assert metrics.LEDGER_FAULTS._value.get() == 0
    await db.execute(
        "INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no,"
        " occurred_at) VALUES ('00000000-0000-7000-8000-000000000000', now(), 'of.old', 'revenue', 5, '', '', now())"
    )
    assert (await ledger.check_recent()).is_sound, "written before the last sound check"
    assert (await ledger.check_all()).unbalanced == ["of.old"]
