"""One suite for the port FiscalPlatform, run over the adapter (against the simulator) and over the fake that the other
tests use: whatever the room relies on holds for both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.clock import beijing_date
from app.errors import ProviderUnavailable
from payments.fiscal.neutral import FiscalEntryKind, FiscalProgress, FiscalRefusal, FiscalStanding
from payments.fiscal.ports import FiscalPlatform, FiscalRefused

from .conftest import Stand
from .orders import a_payment, a_refund, an_order, confirmed, day_of, issued

pytestmark = pytest.mark.anyio
NOWHERE = "1" * 20


async def refusal_of(call: Awaitable[object]) -> FiscalRefusal:
    """Return why a call is refused."""
    with pytest.raises(FiscalRefused) as refused:
        await call
    return refused.value.refusal


async def test_issue_gives_a_code_and_what_is_due(stand: Stand) -> None:
    order = an_order()
    bill = await stand.platform.issue(order)
    assert (len(bill.payment_code), bill.payment_code.isdecimal()) == (20, True)
    assert (bill.bill_no, bill.amount_fen, bill.late_fee_fen, bill.standing) == (
        order.bill_no,
        2000,
        0,
        FiscalStanding.UNPAID,
    )
    assert await stand.platform.query(bill.payment_code) == bill


async def test_issue_twice_is_one_notice(stand: Stand) -> None:
    order = an_order()
    first, second = await stand.platform.issue(order), await stand.platform.issue(order)
    assert first == second
    assert await issued(stand.platform) != first.payment_code


@pytest.mark.parametrize(
    "change",
    [{"amount_fen": 2100, "lines": ()}, {"title": "其他"}, {"billed_on": beijing_date() - timedelta(days=1)}],
)
async def test_issue_with_other_content_is_refused(stand: Stand, change: dict[str, object]) -> None:
    order = an_order()
    await stand.platform.issue(order)
    assert await refusal_of(stand.platform.issue(replace(order, **change))) is FiscalRefusal.CONTENT_DIFFERS  # type: ignore[arg-type]  # any field may change


async def test_ten_at_once_issue_one_notice(stand: Stand) -> None:
    order = an_order()
    bills = await asyncio.gather(*(stand.platform.issue(order) for _ in range(10)))
    assert len({bill.payment_code for bill in bills}) == 1


async def test_an_unknown_code_is_nobodys(stand: Stand) -> None:
    assert await stand.platform.query(NOWHERE) is None
    for call in (
        stand.platform.confirm(a_payment(NOWHERE)),
        stand.platform.receipt(NOWHERE),
        stand.platform.reverse(a_refund(NOWHERE)),
        stand.platform.void(NOWHERE),
    ):
        assert await refusal_of(call) is FiscalRefusal.UNKNOWN_CODE


@pytest.mark.parametrize("code", ["", "12", "x" * 20, "1" * 21, "１" * 20])
async def test_a_code_of_another_shape_is_unknown(stand: Stand, code: str) -> None:
    assert await stand.platform.query(code) is None
    assert await refusal_of(stand.platform.void(code)) is FiscalRefusal.UNKNOWN_CODE


async def test_late_fee_is_part_of_what_must_be_paid(stand: Stand) -> None:
    code = await issued(stand.platform)
    await stand.set_late_fee(code, 35)
    bill = await stand.platform.query(code)
    assert bill is not None
    assert (bill.amount_fen, bill.late_fee_fen) == (2035, 35)
    assert await refusal_of(stand.platform.confirm(a_payment(code, 2000))) is FiscalRefusal.AMOUNT_DIFFERS
    assert (await stand.platform.confirm(a_payment(code, 2035))).progress is FiscalProgress.DONE
    paid = await stand.platform.query(code)
    assert paid is not None
    assert (paid.standing, paid.amount_fen, paid.late_fee_fen) == (FiscalStanding.PAID, 2035, 35)


async def test_confirm_twice_is_once(stand: Stand) -> None:
    payment = a_payment(await issued(stand.platform))
    first, second = await stand.platform.confirm(payment), await stand.platform.confirm(payment)
    assert first == second
    assert first.progress is FiscalProgress.DONE
    assert first.confirmed_at is not None
    assert abs(first.confirmed_at - datetime.now(UTC)) < timedelta(minutes=1)
    bill = await stand.platform.query(payment.payment_code)
    assert bill is not None
    assert (bill.standing, bill.out_trade_no) == (FiscalStanding.PAID, payment.out_trade_no)
    assert len(await day_of(stand.platform)) == 1


@pytest.mark.parametrize("amount_fen", [1, 1999, 2001])
async def test_confirm_of_another_amount_is_refused(stand: Stand, amount_fen: int) -> None:
    code = await issued(stand.platform)
    assert await refusal_of(stand.platform.confirm(a_payment(code, amount_fen))) is FiscalRefusal.AMOUNT_DIFFERS
    bill = await stand.platform.query(code)
    assert bill is not None
    assert bill.standing is FiscalStanding.UNPAID


async def test_confirm_with_other_words_is_refused(stand: Stand) -> None:
    payment = await confirmed(stand.platform)
    changed = replace(payment, provider_trade_no="4200000000000000000000000000")
    assert await refusal_of(stand.platform.confirm(changed)) is FiscalRefusal.CONTENT_DIFFERS


async def test_a_second_order_of_a_code_has_its_own_refusal(stand: Stand) -> None:
    payment = await confirmed(stand.platform)
    second = a_payment(payment.payment_code)
    assert await refusal_of(stand.platform.confirm(second)) is FiscalRefusal.PAID_BY_ANOTHER
    counter = await issued(stand.platform)
    await stand.pay_elsewhere(counter)
    assert await refusal_of(stand.platform.confirm(a_payment(counter))) is FiscalRefusal.PAID_BY_ANOTHER


async def test_ten_orders_at_once_one_is_confirmed(stand: Stand) -> None:
    code = await issued(stand.platform)
    payments = [a_payment(code) for _ in range(10)]
    answers = await asyncio.gather(*(stand.platform.confirm(one) for one in payments), return_exceptions=True)
    refused = [each.refusal for each in answers if isinstance(each, FiscalRefused)]
    assert refused == [FiscalRefusal.PAID_BY_ANOTHER] * 9


async def test_held_confirmation_is_asked_for_until_it_is_done(stand: Stand) -> None:
    await stand.hold()
    payment = a_payment(await issued(stand.platform))
    for _ in range(2):
        held = await stand.platform.confirm(payment)
        assert (held.progress, held.confirmed_at) == (FiscalProgress.PROCESSING, None)
    assert await stand.platform.receipt(payment.payment_code) is None
    assert await day_of(stand.platform) == []
    with pytest.raises(FiscalRefused) as early:
        await stand.platform.reverse(a_refund(payment.payment_code))
    assert (early.value.refusal, early.value.retryable) == (FiscalRefusal.NOT_CONFIRMED, True)
    await stand.release()
    assert (await stand.platform.confirm(payment)).progress is FiscalProgress.DONE
    assert await stand.platform.receipt(payment.payment_code) is not None


async def test_receipt_is_the_same_whenever_it_is_asked_for(stand: Stand) -> None:
    payment = a_payment(await issued(stand.platform))
    assert await stand.platform.receipt(payment.payment_code) is None
    await stand.platform.confirm(payment)
    receipt = await stand.platform.receipt(payment.payment_code)
    assert receipt is not None
    assert (len(receipt.code), len(receipt.number), len(receipt.check_code)) == (8, 10, 6)
    assert (receipt.amount_fen, receipt.url.startswith("http")) == (2000, True)
    assert await stand.platform.receipt(payment.payment_code) == receipt


async def test_parts_are_reversed_by_red_letters_up_to_the_whole(stand: Stand) -> None:
    payment = await confirmed(stand.platform)
    blue = await stand.platform.receipt(payment.payment_code)
    first, second = a_refund(payment.payment_code, 500), a_refund(payment.payment_code, 1500)
    one, again = await stand.platform.reverse(first), await stand.platform.reverse(first)
    other = await stand.platform.reverse(second)
    assert one == again
    assert one.progress is other.progress is FiscalProgress.DONE
    assert one.receipt is not None
    assert other.receipt is not None
    assert blue is not None
    assert len({blue.number, one.receipt.number, other.receipt.number}) == 3
    assert (one.receipt.amount_fen, other.receipt.amount_fen) == (500, 1500)
    too_much = a_refund(payment.payment_code, 1)
    assert await refusal_of(stand.platform.reverse(too_much)) is FiscalRefusal.AMOUNT_DIFFERS


async def test_reversal_under_a_used_number_with_another_sum_is_refused(stand: Stand) -> None:
    payment = await confirmed(stand.platform)
    refund = a_refund(payment.payment_code)
    await stand.platform.reverse(refund)
    assert await refusal_of(stand.platform.reverse(replace(refund, amount_fen=600))) is FiscalRefusal.CONTENT_DIFFERS


async def test_nothing_paid_is_nothing_to_reverse(stand: Stand) -> None:
    with pytest.raises(FiscalRefused) as refused:
        await stand.platform.reverse(a_refund(await issued(stand.platform)))
    assert (refused.value.refusal, refused.value.retryable) == (FiscalRefusal.NOT_CONFIRMED, False)


async def test_held_reversal_is_asked_for_until_it_is_done(stand: Stand) -> None:
    payment = await confirmed(stand.platform)
    await stand.hold()
    refund = a_refund(payment.payment_code)
    held = await stand.platform.reverse(refund)
    assert (held.progress, held.receipt) == (FiscalProgress.PROCESSING, None)
    await stand.release()
    done = await stand.platform.reverse(refund)
    assert done.receipt is not None
    assert done.receipt.amount_fen == 500


async def test_void_twice_is_once_and_nobody_pays_it(stand: Stand) -> None:
    code = await issued(stand.platform)
    await stand.platform.void(code)
    await stand.platform.void(code)
    bill = await stand.platform.query(code)
    assert bill is not None
    assert bill.standing is FiscalStanding.VOID
    assert await refusal_of(stand.platform.confirm(a_payment(code))) is FiscalRefusal.ALREADY_VOID


async def test_what_is_paid_is_not_voided(stand: Stand) -> None:
    payment = await confirmed(stand.platform)
    assert await refusal_of(stand.platform.void(payment.payment_code)) is FiscalRefusal.ALREADY_PAID


async def test_the_day_lists_payments_and_reversals(stand: Stand) -> None:
    payments = [await confirmed(stand.platform) for _ in range(3)]
    refund = a_refund(payments[0].payment_code)
    await stand.platform.reverse(refund)
    listed = await day_of(stand.platform)
    paid = {e.reference_no: e for e in listed if e.kind is FiscalEntryKind.PAYMENT}
    assert paid.keys() == {payment.out_trade_no for payment in payments}
    assert {entry.amount_fen for entry in paid.values()} == {2000}
    assert {entry.payment_code for entry in paid.values()} == {payment.payment_code for payment in payments}
    (reversal,) = [e for e in listed if e.kind is FiscalEntryKind.REVERSAL]
    assert (reversal.reference_no, reversal.out_trade_no) == (refund.out_refund_no, payments[0].out_trade_no)
    assert reversal.amount_fen == 500
    assert await day_of(stand.platform, beijing_date() - timedelta(days=1)) == []


async def test_a_lost_entry_is_simply_not_there(stand: Stand) -> None:
    payments = [await confirmed(stand.platform) for _ in range(2)]
    await stand.lose_entry(payments[0].out_trade_no)
    assert [entry.reference_no for entry in await day_of(stand.platform)] == [payments[1].out_trade_no]


CALLS: dict[str, Callable[[FiscalPlatform, str], Awaitable[object]]] = {
    "issue": lambda platform, code: platform.issue(an_order()),
    "query": lambda platform, code: platform.query(code),
    "confirm": lambda platform, code: platform.confirm(a_payment(code)),
    "receipt": lambda platform, code: platform.receipt(code),
    "reverse": lambda platform, code: platform.reverse(a_refund(code)),
    "void": lambda platform, code: platform.void(code),
    "list_day": lambda platform, code: day_of(platform),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_failing_platform_is_unknown_never_refused(stand: Stand, call: str) -> None:
    code = await issued(stand.platform)
    await stand.fail(call, "before")
    with pytest.raises(ProviderUnavailable):
        await CALLS[call](stand.platform, code)


@pytest.mark.parametrize("call", CALLS)
async def test_an_unlisted_refusal_is_for_a_person(stand: Stand, call: str) -> None:
    code = await issued(stand.platform)
    await stand.fail(call, "reject")
    assert await refusal_of(CALLS[call](stand.platform, code)) is FiscalRefusal.OTHER


async def test_a_lost_answer_is_settled_by_the_same_words(stand: Stand) -> None:
    order = an_order()
    await stand.fail("issue", "after")
    with pytest.raises(ProviderUnavailable) as unknown:
        await stand.platform.issue(order)
    assert unknown.value.details.get("nothing_sent") is not True
    payment = a_payment((await stand.platform.issue(order)).payment_code)
    await stand.fail("confirm", "after")
    with pytest.raises(ProviderUnavailable):
        await stand.platform.confirm(payment)
    assert (await stand.platform.confirm(payment)).progress is FiscalProgress.DONE
    refund = a_refund(payment.payment_code)
    await stand.fail("reverse", "after")
    with pytest.raises(ProviderUnavailable):
        await stand.platform.reverse(refund)
    assert (await stand.platform.reverse(refund)).progress is FiscalProgress.DONE
    assert len(await day_of(stand.platform)) == 2
