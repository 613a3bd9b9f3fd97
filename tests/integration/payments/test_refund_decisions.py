"""The second person's word, what staff do with an abnormal refund, and the trace of every act."""

from __future__ import annotations

import asyncio

import pytest

from app import db
from app.errors import Conflict, Forbidden, InvalidRequest, StaleVersion
from payments.types import StaffRefundView
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse, person

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(database: str) -> PaymentsHouse:
    made = PaymentsHouse(refund_approval_fen=1000)
    await made.prepare()
    return made


async def _paid(house: PaymentsHouse) -> tuple[str, str]:
    bill = await house.issue()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    await house.notify("WECHAT", house.wechat.pay(opened.out_trade_no))
    await house.drain()
    return bill.bill_no, opened.out_trade_no


async def _audited() -> list[tuple[str, str]]:
    rows = await db.fetch_all("SELECT actor, action FROM audit_entry ORDER BY seq")
    return [(row["actor"], row["action"]) for row in rows]


async def _shown(house: PaymentsHouse, refund_no: str) -> StaffRefundView:
    return await house.service.refunds.refund(EVERYWHERE, refund_no)


async def test_large_refund_waits_and_goes_after_the_second_persons_yes(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    refund_no = await house.refund(number, 1000)
    await house.drain()
    await house.wake()
    await house.service.sweeps.ask_refunds()
    await house.service.ask_order(number)
    assert house.wechat.calls["refund"] == 0, "it waits"
    assert await house.bill_status(bill_no) == "REFUNDING"
    shown = await _shown(house, refund_no)
    assert (shown.needs_approval, shown.acts) == (True, ["approve", "refuse"])
    listed, _ = await house.service.refunds.refunds(EVERYWHERE, needs_approval=True)
    assert [each.out_refund_no for each in listed] == [refund_no]
    approved = await house.service.refunds.approve(person("approver-1"), refund_no, "已核对")
    assert (approved.approved_by, approved.decision_note, approved.needs_approval) == ("approver-1", "已核对", False)
    await house.drain()
    assert (await _shown(house, refund_no)).status == "SUCCEEDED"
    assert await _audited() == [("cashier-1", "refund.requested"), ("approver-1", "refund.approved")]
    assert (await house.trail.verify()).intact
    assert (await house.service.check_ledger()).is_sound


async def test_sum_cut_into_pieces_needs_the_second_person_too(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    numbers = [await house.refund(number, 400) for _ in range(3)]
    waiting = [(await _shown(house, refund_no)).needs_approval for refund_no in numbers]
    assert waiting == [False, False, True]


async def test_nobody_decides_about_an_own_request(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    refund_no = await house.refund(number, 1500)
    with pytest.raises(Forbidden) as refused:
        await house.service.refunds.approve(person("cashier-1"), refund_no)
    assert refused.value.stable_code == "own_refund"
    with pytest.raises(Forbidden):
        await house.service.refunds.refuse(person("cashier-1"), refund_no, "不同意")
    assert (await _shown(house, refund_no)).needs_approval


async def test_refused_request_frees_its_sum_and_gives_the_bill_back(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    before = await house.bill_status(bill_no)
    refund_no = await house.refund(number, 2000)
    with pytest.raises(InvalidRequest):
        await house.service.refunds.refuse(person("approver-1"), refund_no, " ")
    refused = await house.service.refunds.refuse(person("approver-1"), refund_no, "收费有据")
    assert (refused.status, refused.decision_note, refused.status_text) == ("CLOSED", "收费有据", "审核未通过")
    assert await house.bill_status(bill_no) == before
    await house.refund(number, 2000)
    await house.drain()
    assert house.wechat.calls["refund"] == 0
    assert (await house.service.check_ledger()).is_sound


async def test_two_who_approve_at_once_push_it_once(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    refund_no = await house.refund(number, 2000)
    desk = house.service.refunds
    answers = await asyncio.gather(
        *(desk.approve(person(f"approver-{n}"), refund_no) for n in range(5)), return_exceptions=True
    )
    assert sum(isinstance(answer, StaffRefundView) for answer in answers) == 1
    assert {a.stable_code for a in answers if isinstance(a, Conflict)} == {"refund_not_waiting"}
    assert [action for _, action in await _audited()].count("refund.approved") == 1
    await house.drain()
    assert house.wechat.calls["refund"] == 1


async def test_approval_and_refusal_at_once_have_one_outcome(house: PaymentsHouse) -> None:
    for _ in range(5):
        _, number = await _paid(house)
        refund_no = await house.refund(number, 2000)
        desk = house.service.refunds
        answers = await asyncio.gather(
            desk.approve(person("approver-1"), refund_no),
            desk.refuse(person("approver-2"), refund_no, "收费有据"),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, StaffRefundView) for answer in answers) == 1
        await house.drain()
        went_back = bool(house.wechat.orders[number].refunds)
        assert went_back == isinstance(answers[0], StaffRefundView)
        assert (await _shown(house, refund_no)).status == ("SUCCEEDED" if went_back else "CLOSED")
    assert (await house.service.check_ledger()).is_sound


async def test_form_that_is_sent_twice_asks_once(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    desk = house.service.refunds
    answers = await asyncio.gather(
        *(desk.request(person("cashier-1"), number, 300, "多缴", seen_count=0) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, StaffRefundView) for answer in answers) == 1
    assert sum(isinstance(answer, StaleVersion) for answer in answers) == 2
    await house.drain()
    assert house.wechat.received_fen == 1700


async def test_request_that_comes_again_under_its_key_asks_once(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    desk, cashier = house.service.refunds, person("cashier-1")
    work = [desk.request(cashier, number, 300, "多缴", request_key="k1") for _ in range(5)]
    answers = await asyncio.gather(*work, return_exceptions=True)
    assert {type(answer).__name__ for answer in answers} <= {"StaffRefundView", "StaleVersion"}
    later = await desk.request(cashier, number, 300, "多缴", request_key="k1")
    assert [each.out_refund_no for each in (await desk.refunds(EVERYWHERE))[0]] == [later.out_refund_no]


async def test_abnormal_refund_is_tried_again_under_its_number(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.wechat.fail("refund", "reject")
    refund_no = await house.refund(number, 500)
    await house.drain()
    assert [each.out_refund_no for each in await house.service.refunds.work(EVERYWHERE)] == [refund_no]
    answers = await asyncio.gather(
        *(house.service.refunds.retry(person("cashier-2"), refund_no) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(answer, StaffRefundView) for answer in answers) == 1
    assert {a.stable_code for a in answers if isinstance(a, Conflict)} == {"refund_not_abnormal"}
    await house.drain()
    assert house.wechat.orders[number].refunds == {refund_no: 500}
    assert (await _shown(house, refund_no)).status == "SUCCEEDED"
    assert await house.bill_status(bill_no) != "REFUNDING"
    assert await house.service.refunds.work(EVERYWHERE) == []
    assert ("cashier-2", "refund.retried") in await _audited()
    assert (await house.service.check_ledger()).is_sound


async def test_abnormal_refund_is_settled_once_and_the_channel_keeps_its_money(house: PaymentsHouse) -> None:
    bill_no, number = await _paid(house)
    house.wechat.fail("refund", "reject")
    refund_no = await house.refund(number, 2000)
    await house.service.refunds.approve(person("approver-1"), refund_no)
    await house.drain()
    with pytest.raises(InvalidRequest):
        await house.service.refunds.settle(person("cashier-1"), refund_no, "")
    answers = await asyncio.gather(
        *(house.service.refunds.settle(person("cashier-1"), refund_no, "银行转账 20261122001") for _ in range(3)),
        return_exceptions=True,
    )
    settled = [answer for answer in answers if isinstance(answer, StaffRefundView)]
    assert [(each.status, each.status_text) for each in settled] == [("SUCCEEDED", "已另行退还")]
    assert (await house.drain()).count("refund.succeeded") == 1
    assert await house.bill_status(bill_no) == "REFUNDED"
    row = await db.fetch_row("SELECT sum(amount_fen) AS fen FROM ledger_entry WHERE account = 'paid_back_elsewhere'")
    assert row is not None
    assert row["fen"] == -2000
    assert (await house.service.check_ledger()).is_sound


async def test_provider_that_pays_what_was_settled_elsewhere_is_kept_for_staff(house: PaymentsHouse) -> None:
    _, number = await _paid(house)
    house.wechat.fail("refund", "reject")
    refund_no = await house.refund(number, 500)
    await house.drain()
    await house.service.refunds.settle(person("cashier-1"), refund_no, "现金")
    await house.notify("WECHAT", {"out_trade_no": number, "out_refund_no": refund_no, "amount_fen": "500"})
    assert [q.reason for q in (await house.service.quarantined(EVERYWHERE))[0]] == ["refund_finished"]


@pytest.mark.parametrize("act", ["approve", "refuse", "retry", "settle"])
async def test_act_on_a_refund_that_is_done_is_a_conflict(house: PaymentsHouse, act: str) -> None:
    _, number = await _paid(house)
    refund_no = await house.refund(number, 100)
    await house.drain()
    note = () if act == "retry" else ("已核对",)
    with pytest.raises(Conflict) as refused:
        await getattr(house.service.refunds, act)(person("approver-1"), refund_no, *note)
    expected = "refund_not_waiting" if act in ("approve", "refuse") else "refund_not_abnormal"
    assert refused.value.stable_code == expected
