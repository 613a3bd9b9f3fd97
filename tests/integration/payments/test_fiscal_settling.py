"""After the payment: confirmation and receipt, with lost answers and refusals, and the check of the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app import db, metrics
from payments.fiscal.neutral import FiscalReceipt, FiscalRefusal
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse
from tests.integration.payments.fiscal_steps import asked, bill_of, count, next_question, paid, reasons, sound

pytestmark = pytest.mark.anyio


async def test_paid_bill_is_confirmed_and_its_receipt_is_shown(house: PaymentsHouse) -> None:
    bill_no, number = await paid(house)
    assert (await bill_of(house, bill_no)).status_text == "缴费确认中"
    assert await house.drain() == ["bill.paid", "bill.confirmed", "receipt.issued"]
    shown, notice = await bill_of(house, bill_no), await house.notice(bill_no)
    assert (shown.status, shown.status_text, shown.refunds) == ("CONFIRMED", "已缴费", [])
    assert shown.receipt is not None
    assert notice.receipt is not None
    assert (shown.receipt.code, shown.receipt.number) == (notice.receipt.code, notice.receipt.number)
    payment = await house.service.own_payment(house.caller, number)
    assert (payment.receipt, payment.bill_status_text, payment.late_fee_fen) == (shown.receipt, "已缴费", 0)
    assert await next_question(bill_no) is None
    assert await sound(house)


@pytest.mark.parametrize("kind", ["before", "after", "not_sent"])
@pytest.mark.parametrize("call", ["confirm", "receipt"])
async def test_lost_answer_is_asked_again_by_the_sweep(house: PaymentsHouse, call: str, kind: str) -> None:
    bill_no, _ = await paid(house)
    house.fiscal.fail(call, kind)
    await house.drain()
    assert (await bill_of(house, bill_no)).receipt is None
    await asked(house)
    assert (await bill_of(house, bill_no)).receipt is not None
    assert await count("fiscal_receipt") == 1
    assert await sound(house)


async def test_confirmation_that_takes_its_time_is_asked_at_growing_distance(house: PaymentsHouse) -> None:
    bill_no, _ = await paid(house)
    house.fiscal.holds = True
    await house.drain()
    distances = []
    for _ in range(11):
        await asked(house)
        distances.append(await next_question(bill_no))
    seconds = [round(each.total_seconds()) for each in distances if each is not None]
    assert seconds == [5, 10, 30, 60, 120, 300, 600, 1800, 3600, 3600, 3600]
    assert (await bill_of(house, bill_no)).status_text == "缴费确认中"
    house.fiscal.release()
    assert await asked(house) == ["bill.confirmed", "receipt.issued"]
    assert (await bill_of(house, bill_no)).status == "CONFIRMED"


async def test_receipt_that_is_not_there_yet_is_asked_for_again(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await paid(house)

    async def not_yet(payment_code: str) -> FiscalReceipt | None:
        return None

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(house.fiscal, "receipt", not_yet)
        assert await house.drain() == ["bill.paid", "bill.confirmed"]
        assert await asked(house) == []
    assert await asked(house) == ["receipt.issued"]


async def test_jobs_and_sweeps_at_once_book_once(house: PaymentsHouse) -> None:
    bill_no, _ = await paid(house)
    confirm = house.service.jobs()["payments.confirm_bill"]
    await house.wake()
    sweeps = house.service.sweeps
    await asyncio.gather(*(confirm({"bill_no": bill_no}) for _ in range(10)), sweeps.ask_fiscal(), sweeps.ask_fiscal())
    assert sorted(await house.drain()) == ["bill.confirmed", "bill.paid", "receipt.issued"]
    assert await count("ledger_entry WHERE transfer_key LIKE 'fiscal.confirmed:%'") == 2
    assert await sound(house)


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
    bill_no, number = await paid(house)
    house.fiscal.fail("confirm", "reject", times=2, refusal=refusal)
    counter = metrics.QUARANTINED.labels("fiscal", str(refusal).lower())
    before = counter._value.get()
    await house.drain()
    await asked(house)
    found, _ = await house.service.quarantined(EVERYWHERE)
    assert [(row.provider, row.reason, row.reference_no) for row in found] == [("fiscal", str(refusal).lower(), number)]
    assert counter._value.get() - before == 1
    distance = await next_question(bill_no)
    assert distance is not None
    assert round(distance.total_seconds()) == 86_400
    assert (await bill_of(house, bill_no)).status_text == "缴费确认中"
    assert await asked(house) == ["bill.confirmed", "receipt.issued"]
    assert await sound(house)


async def test_bill_paid_at_a_counter_as_well_is_refunded_by_staff_and_settled(house: PaymentsHouse) -> None:
    bill = await house.issue()
    await house.drain()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    house.fiscal.pay_elsewhere((await house.notice(bill.bill_no)).code)
    await house.notify("WECHAT", house.wechat.pay(opened.out_trade_no))
    await house.drain()
    assert await reasons(house) == ["paid_by_another"]
    await house.refund(opened.out_trade_no, 2000, "已在银行缴费", "cashier-1")
    await house.drain()
    await asked(house)
    assert (await bill_of(house, bill.bill_no)).status == "REFUNDED"
    assert await next_question(bill.bill_no) is None
    assert house.fiscal.reversals == {}
    assert await sound(house)


async def test_receipt_of_another_sum_is_not_kept(house: PaymentsHouse) -> None:
    bill_no, number = await paid(house)
    house.fiscal.holds = True
    await house.drain()
    house.fiscal.release()
    notice = await house.notice(bill_no)
    assert notice.receipt is not None
    true, notice.receipt = notice.receipt, replace(notice.receipt, amount_fen=1)
    await asked(house)
    assert (await bill_of(house, bill_no)).receipt is None
    assert [(row.reason, row.reference_no) for row in (await house.service.quarantined(EVERYWHERE))[0]] == [
        ("receipt_differs", number)
    ]
    notice.receipt = true
    assert await asked(house) == ["receipt.issued"]


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
    _, number = await paid(house)
    await house.drain()
    await house.refund(number, 500, "多缴", "cashier-1")
    await house.drain()
    assert await sound(house)
    await db.execute(damage)
    found = await house.service.check_ledger()
    assert [key.partition(":")[0] + ":" for key in found.missing] == [missing]


async def test_recent_check_sees_new_faults_until_they_are_mended_and_the_daily_one_sees_old_ones(
    house: PaymentsHouse,
) -> None:
    _, number = await paid(house)
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
