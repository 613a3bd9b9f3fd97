"""Pages of refunds: a payment and its form, what waits for a second person or for help, and the confirmed acts."""

from __future__ import annotations

import re

import pytest

from app import db
from tests.fakes.payments_house import PaymentsHouse
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio


@pytest.fixture
async def room(browser: Browser) -> PaymentsHouse:
    """A payments room with fake channels behind the browser's pages."""
    made = PaymentsHouse(refund_approval_fen=1000)
    await made.prepare()
    browser.house.payments = made.service
    return made


async def _paid(room: PaymentsHouse) -> str:
    bill = await room.issue()
    opened = await room.service.create(room.caller, bill.bill_no, "WECHAT")
    await room.notify("WECHAT", room.wechat.pay(opened.out_trade_no))
    await room.drain()
    return opened.out_trade_no


async def _number() -> str:
    row = await db.fetch_row("SELECT out_refund_no FROM refund ORDER BY id DESC LIMIT 1")
    assert row is not None
    return str(row["out_refund_no"])


async def test_cashier_finds_a_payment_and_asks_for_a_part_of_it(browser: Browser, room: PaymentsHouse) -> None:
    number = await _paid(room)
    await browser.sign_in("cashier")
    assert number in await browser.get("/staff/payments")
    assert number in await browser.get(f"/staff/payments?q={number}")
    assert "没有符合条件的支付单" in await browser.get("/staff/payments?q=P1")
    path = f"/staff/payments/{number}"
    assert "尚可退 20.00元" in await browser.get(path)
    sent = {"amount": "5.5", "reason": "多缴"}
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', await browser.get(path)))
    status, location, _ = await browser.post(f"{path}/refunds", **hidden, **sent)
    assert (status, location) == (303, f"{path}?done={await _number()}")
    assert "已提交" in await browser.get(location)
    status, _, page = await browser.post(f"{path}/refunds", **hidden, **sent)
    assert (status, "已有新的退款申请" in page) == (409, True), "a form that is sent twice asks once"
    await room.drain()
    page = await browser.get(path)
    assert "已退款" in page
    assert "尚可退 14.50元" in page
    assert room.wechat.received_fen == 1450


@pytest.mark.parametrize(
    ("amount", "reason", "status"),
    [("", "多缴", 400), ("-1", "多缴", 400), ("1.234", "多缴", 400), ("1", " ", 400), ("20.01", "多缴", 409)],
)
async def test_faulty_form_is_shown_again_with_what_was_written(
    browser: Browser, room: PaymentsHouse, amount: str, reason: str, status: int
) -> None:
    number = await _paid(room)
    await browser.sign_in("cashier")
    page = await browser.get(f"/staff/payments/{number}")
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    path = f"/staff/payments/{number}/refunds"
    got, _, page = await browser.post(path, **hidden, amount=amount, reason=reason)
    assert got == status
    assert 'role="alert"' in page
    assert f'value="{amount}"' in page
    got, _, _ = await browser.post(path, **(hidden | {"csrf_token": "forged"}), amount="1", reason="多缴")
    assert got == 403
    assert await db.fetch_all("SELECT 1 FROM refund") == []


async def test_second_person_approves_on_a_page_and_the_first_is_not_offered_it(
    browser: Browser, room: PaymentsHouse
) -> None:
    number = await _paid(room)
    refund_no = await room.refund(number, 1500, "重复收费", by="cashier")
    await browser.sign_in("cashier")
    page = await browser.get("/staff/refunds")
    assert refund_no in page
    assert f"/staff/refunds/{refund_no}/approve" not in page
    status, _, page = await browser.send(f"/staff/refunds/{refund_no}/approve")
    assert (status, "申请人以外的人员" in page) == (403, True)
    await browser.sign_in("approver")
    assert f"/staff/refunds/{refund_no}/approve" in await browser.get("/staff/refunds")
    status, location, _ = await browser.send(f"/staff/refunds/{refund_no}/approve", note="已核对")
    assert (status, location) == (303, "/staff/refunds?done=approve")
    assert "已同意退款" in await browser.get(location)
    status, _, page = await browser.send(f"/staff/refunds/{refund_no}/approve")
    assert (status, "不在待审核状态" in page) == (409, True)
    await room.drain()
    assert room.wechat.received_fen == 500


async def test_refusal_needs_a_reason(browser: Browser, room: PaymentsHouse) -> None:
    refund_no = await room.refund(await _paid(room), 1500, by="cashier")
    await browser.sign_in("approver")
    path = f"/staff/refunds/{refund_no}/refuse"
    assert (await browser.send(path, note=" "))[0] == 400
    assert (await browser.send(path, note="否" * 201))[0] == 400
    assert (await browser.send(path, note="收费有据"))[0] == 303
    assert refund_no not in await browser.get("/staff/refunds")


@pytest.mark.parametrize(("act", "note"), [("retry", {}), ("settle", {"note": "银行转账 20261122001"})])
async def test_abnormal_refund_is_helped_on_a_page(
    browser: Browser, room: PaymentsHouse, act: str, note: dict[str, str]
) -> None:
    number = await _paid(room)
    room.wechat.fail("refund", "reject")
    refund_no = await room.refund(number, 500)
    await room.drain()
    await browser.sign_in("cashier")
    page = await browser.get("/staff/refunds")
    assert f"/staff/refunds/{refund_no}/{act}" in page
    assert "REFUSED" in page
    assert (await browser.send(f"/staff/refunds/{refund_no}/{act}", **note))[0] == 303
    await room.drain()
    assert refund_no not in await browser.get("/staff/refunds")
    row = await db.fetch_row("SELECT status FROM refund")
    assert row is not None
    assert row["status"] == "SUCCEEDED"


async def test_pages_keep_strangers_out_and_fields_are_labelled(browser: Browser, room: PaymentsHouse) -> None:
    number = await _paid(room)
    refund_no = await room.refund(number, 1500, by="cashier")
    await browser.sign_in("clerk")
    for path in (
        "/staff/payments",
        f"/staff/payments/{number}",
        "/staff/refunds",
        f"/staff/refunds/{refund_no}/approve",
    ):
        await browser.get(path, 403)
    await browser.sign_in("cashier")
    await browser.get("/staff/payments/P1", 404)
    await browser.get(f"/staff/refunds/{refund_no}/sing", 404)
    await browser.get("/staff/refunds/R1/settle", 404)
    for path in (
        "/staff/payments",
        f"/staff/payments/{number}",
        "/staff/refunds",
        f"/staff/refunds/{refund_no}/settle",
    ):
        page = await browser.get(path)
        ids = re.findall(r"<(?:input|textarea)(?![^>]*type=\"hidden\")[^>]*id=\"([^\"]+)\"", page)
        assert all(f'<label for="{each}"' in page for each in ids), path
        assert page.count("<h1") == 1, path
