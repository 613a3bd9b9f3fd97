"""缴款码: issued by the fiscal platform, asked about before every new order, withdrawn with its bill."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app import db
from app.errors import Conflict, ProviderProtocolError, ProviderUnavailable
from payments.fiscal.neutral import FiscalBill, FiscalOrder, FiscalRefusal, FiscalStanding
from payments.fiscal.ports import FiscalRefused
from payments.types import BillLine, BillView
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse

pytestmark = pytest.mark.anyio


async def _registered(house: PaymentsHouse, **changed: object) -> BillView:
    bill = await house.issue(**changed)
    await house.drain()
    return bill


async def _code(bill_no: str) -> str | None:
    row = await db.fetch_row("SELECT payment_code FROM bill WHERE bill_no = $1", bill_no)
    assert row is not None
    code: str | None = row["payment_code"]
    return code


async def _reasons(house: PaymentsHouse) -> list[str]:
    return [row.reason for row in (await house.service.quarantined(EVERYWHERE))[0]]


async def _refusal(house: PaymentsHouse, bill_no: str, channel: str = "WECHAT") -> str:
    with pytest.raises(Conflict) as refused:
        await house.service.create(house.caller, bill_no, channel)
    assert house.wechat.orders == {}
    return refused.value.stable_code


async def test_code_is_issued_by_the_platform_with_what_the_bill_says(house: PaymentsHouse) -> None:
    lines = (BillLine("工本费", 2000, "晋发改价格〔2013〕1号"),)
    bill = await _registered(house, lines=lines, agency_name="太原市公安局小店分局")
    shown = (await house.service.own_bills(house.caller, bill.subject_no))[0]
    notice = await house.notice(bill.bill_no)
    assert (shown.payment_code, shown.late_fee_fen, shown.status_text) == (notice.code, 0, "待缴费")
    assert (notice.order.agency_name, notice.order.amount_fen) == ("太原市公安局小店分局", 2000)
    assert [line.basis for line in notice.order.lines] == ["晋发改价格〔2013〕1号"]


async def test_lost_answer_of_issue_is_repeated_with_equal_words(house: PaymentsHouse) -> None:
    bill = await house.issue()
    house.fiscal.fail("issue", "after")
    with pytest.raises(ProviderUnavailable):
        await house.drain()
    assert await _code(bill.bill_no) is None
    await house.service.jobs()["payments.register_bill"]({"bill_no": bill.bill_no})
    assert list(house.fiscal.notices) == [await _code(bill.bill_no)]


async def test_lines_that_do_not_add_up_are_left_out(house: PaymentsHouse) -> None:
    bill = await _registered(house, lines=(BillLine("工本费", 1999),))
    assert (await house.notice(bill.bill_no)).order.lines == ()


async def test_refused_registration_is_shown_to_staff_and_comes_again(house: PaymentsHouse) -> None:
    bill = await house.issue()
    house.fiscal.fail("issue", "reject", times=2, refusal=FiscalRefusal.CONTENT_DIFFERS)
    register = house.service.jobs()["payments.register_bill"]
    for _ in range(2):
        with pytest.raises(FiscalRefused):
            await register({"bill_no": bill.bill_no})
    assert await _reasons(house) == ["content_differs"]
    await register({"bill_no": bill.bill_no})
    assert await _code(bill.bill_no) is not None


async def test_code_that_another_bill_has_is_not_believed(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await _registered(house)
    taken = await _code(first.bill_no)
    issue = house.fiscal.issue

    async def twice(order: FiscalOrder) -> FiscalBill:
        return replace(await issue(order), payment_code=str(taken))

    monkeypatch.setattr(house.fiscal, "issue", twice)
    second = await house.issue()
    with pytest.raises(ProviderProtocolError):
        await house.service.create(house.caller, second.bill_no, "WECHAT")
    assert await _code(second.bill_no) is None
    assert house.wechat.orders == {}


async def test_bill_without_code_gets_it_when_it_is_paid(house: PaymentsHouse) -> None:
    bill = await house.issue()
    await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert await _code(bill.bill_no) is not None
    assert (house.fiscal.calls["issue"], house.fiscal.calls["query"]) == (1, 0)


async def test_platform_is_asked_for_new_orders_only(house: PaymentsHouse) -> None:
    bill = await _registered(house)
    for _ in range(3):
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert house.fiscal.calls["query"] == 1
    await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    assert house.fiscal.calls["query"] == 2


async def test_grown_late_fee_reprices_the_bill_before_the_order(house: PaymentsHouse) -> None:
    bill = await _registered(house)
    house.fiscal.grow_late_fee(str(await _code(bill.bill_no)), 30)
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert house.wechat.orders[opened.out_trade_no].order.amount_fen == 2030
    shown = (await house.service.own_bills(house.caller, bill.subject_no))[0]
    assert (shown.amount_fen, shown.late_fee_fen) == (2030, 30)
    assert (await house.service.check_ledger()).is_sound
    assert (await house.service.issue_bill(house.new_bill(subject_no=bill.subject_no))).bill_no == bill.bill_no
    house.fiscal.grow_late_fee(str(await _code(bill.bill_no)), 60)
    await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert house.wechat.orders[opened.out_trade_no].order.amount_fen == 2030, "an open order keeps its sum"


async def test_late_fee_that_was_waived_and_grew_again_stays_balanced(house: PaymentsHouse) -> None:
    bill = await _registered(house)
    for fen in (30, 0, 30):
        house.fiscal.grow_late_fee(str(await _code(bill.bill_no)), fen)
        opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
        await house.expire()
        await house.service.sweeps.close_expired()
        assert house.wechat.orders[opened.out_trade_no].order.amount_fen == 2000 + fen
    await house.service.void_bills(bill.subject_no)
    row = await db.fetch_row("SELECT sum(amount_fen) AS fen FROM ledger_entry WHERE account = 'receivable'")
    assert row is not None
    assert row["fen"] == 0
    assert (await house.service.check_ledger()).is_sound


async def test_ten_creates_at_once_while_the_late_fee_grows_open_one_order_of_the_new_sum(
    house: PaymentsHouse,
) -> None:
    bill = await _registered(house)
    house.fiscal.grow_late_fee(str(await _code(bill.bill_no)), 30)
    work = [house.service.create(house.caller, bill.bill_no, "WECHAT") for _ in range(10)]
    answers = await asyncio.gather(*work, return_exceptions=True)
    assert {type(answer).__name__ for answer in answers} <= {"OpenedPayment", "Conflict"}
    assert [order.order.amount_fen for order in house.wechat.orders.values()] == [2030]
    assert (await house.service.check_ledger()).is_sound


@pytest.mark.parametrize("kind", ["before", "after", "not_sent"])
@pytest.mark.parametrize("call", ["issue", "query"])
async def test_platform_that_is_away_opens_nothing(house: PaymentsHouse, call: str, kind: str) -> None:
    bill = await (house.issue() if call == "issue" else _registered(house))
    house.fiscal.fail(call, kind)
    with pytest.raises(ProviderUnavailable) as away:
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert away.value.detail == "财政非税系统暂时无法应答，请稍后再试"
    assert (house.wechat.orders, await house.bill_status(bill.bill_no)) == ({}, "UNPAID")
    await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert len(house.fiscal.notices) == 1


async def test_code_void_there_is_refused_and_shown_to_staff_once(house: PaymentsHouse) -> None:
    bill = await _registered(house)
    (await house.notice(bill.bill_no)).is_void = True
    for _ in range(2):
        assert await _refusal(house, bill.bill_no) == "bill_void_at_fiscal"
    found, _ = await house.service.quarantined(EVERYWHERE)
    assert [(row.provider, row.reason, row.reference_no) for row in found] == [
        ("fiscal", "bill_void_at_fiscal", bill.bill_no)
    ]
    assert found[0].received["standing"] == "VOID"


async def test_code_paid_elsewhere_is_refused_and_shown_to_staff(house: PaymentsHouse) -> None:
    bill = await _registered(house)
    house.fiscal.pay_elsewhere(str(await _code(bill.bill_no)))
    assert await _refusal(house, bill.bill_no) == "bill_paid_at_fiscal"
    assert await _reasons(house) == ["bill_paid_at_fiscal"]


async def test_code_unknown_there_is_refused(house: PaymentsHouse) -> None:
    bill = await _registered(house)
    house.fiscal.notices.clear()
    assert await _refusal(house, bill.bill_no) == "bill_unknown_at_fiscal"


async def test_refused_question_is_refused_and_one_to_come_again_is_an_outage(house: PaymentsHouse) -> None:
    bill = await _registered(house)
    house.fiscal.fail("query", "reject")
    assert await _refusal(house, bill.bill_no) == "bill_refused_at_fiscal"
    assert await _reasons(house) == ["other"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount_fen": 1900}, "bill_differs_at_fiscal"),
        ({"amount_fen": 2100}, "bill_differs_at_fiscal"),
        ({"amount_fen": 1990, "late_fee_fen": -10}, "bill_differs_at_fiscal"),
        ({"standing": FiscalStanding.UNRECOGNISED}, "provider_unavailable"),
        ({"bill_no": "B20260101ANOTHER"}, "provider_protocol_error"),
    ],
)
async def test_answer_that_contradicts_the_bill_opens_nothing(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], code: str
) -> None:
    bill = await _registered(house)
    query = house.fiscal.query

    async def changed(payment_code: str) -> FiscalBill | None:
        found = await query(payment_code)
        return None if found is None else replace(found, **changes)  # type: ignore[arg-type]  # values of a test

    monkeypatch.setattr(house.fiscal, "query", changed)
    with pytest.raises((Conflict, ProviderUnavailable, ProviderProtocolError)) as refused:
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert refused.value.stable_code == code
    assert (house.wechat.orders, await house.bill_status(bill.bill_no)) == ({}, "UNPAID")


async def test_bill_that_is_paid_while_the_platform_answers_is_not_taken_for_a_contradiction(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = await _registered(house)
    late = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    content = house.wechat.pay(late.out_trade_no)
    await db.execute("UPDATE payment SET status = 'CLOSED', closed_at = now(), ask_after = NULL")
    await db.execute("UPDATE bill SET status = 'UNPAID'")
    query = house.fiscal.query

    async def paid_meanwhile(payment_code: str) -> FiscalBill | None:
        monkeypatch.setattr(house.fiscal, "query", query)
        await house.notify("WECHAT", content)
        await house.drain()
        return await query(payment_code)

    monkeypatch.setattr(house.fiscal, "query", paid_meanwhile)
    with pytest.raises(Conflict) as refused:
        await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    assert refused.value.stable_code == "bill_paid"
    assert await _reasons(house) == []
    assert house.alipay.orders == {}


async def test_voided_bill_voids_its_code(house: PaymentsHouse) -> None:
    bill = await _registered(house)
    house.fiscal.fail("void", "after")
    await house.service.void_bills(bill.subject_no)
    with pytest.raises(ProviderUnavailable):
        await house.drain()
    await house.service.jobs()["payments.void_code"]({"bill_no": bill.bill_no})
    assert (await house.notice(bill.bill_no)).is_void


async def test_voided_bill_that_never_asked_for_a_code_asks_for_none(house: PaymentsHouse) -> None:
    bill = await house.issue()
    await house.service.void_bills(bill.subject_no)
    await house.drain()
    assert house.fiscal.calls["issue"] == 0


async def test_voided_bill_whose_code_got_lost_has_it_withdrawn(house: PaymentsHouse) -> None:
    bill = await house.issue()
    house.fiscal.fail("issue", "after")
    with pytest.raises(ProviderUnavailable):
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.service.void_bills(bill.subject_no)
    await house.drain()
    assert [notice.is_void for notice in house.fiscal.notices.values()] == [True]


async def test_bill_voided_while_its_code_is_issued_has_it_withdrawn(
    house: PaymentsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = await house.issue()
    issue = house.fiscal.issue

    async def voided_meanwhile(order: FiscalOrder) -> FiscalBill:
        monkeypatch.setattr(house.fiscal, "issue", issue)
        await house.service.void_bills(bill.subject_no)
        return await issue(order)

    monkeypatch.setattr(house.fiscal, "issue", voided_meanwhile)
    with pytest.raises(Conflict) as refused:
        await house.service.create(house.caller, bill.bill_no, "WECHAT")
    assert refused.value.stable_code == "bill_void"
    await house.drain()
    assert [notice.is_void for notice in house.fiscal.notices.values()] == [True]


async def test_voided_bill_that_was_paid_at_a_counter_is_shown_to_staff(house: PaymentsHouse) -> None:
    bill = await _registered(house)
    house.fiscal.pay_elsewhere(str(await _code(bill.bill_no)))
    await house.service.void_bills(bill.subject_no)
    await house.drain()
    assert await _reasons(house) == ["paid_elsewhere"]
    assert await house.bill_status(bill.bill_no) == "VOID"


async def test_contradictions_of_bills_outside_the_scope_are_not_shown(house: PaymentsHouse) -> None:
    bill = await _registered(house, division_code="110101")
    (await house.notice(bill.bill_no)).is_void = True
    assert await _refusal(house, bill.bill_no) == "bill_void_at_fiscal"
    assert await _reasons(house) == []
