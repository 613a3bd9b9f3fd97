"""What staff do all day, in a real browser: signing in with a one-time code, deciding, a refund by two people."""

from __future__ import annotations

import time

import pyotp
import pytest
from playwright.async_api import expect

from demo.wire import until
from tests.e2e.browser.conftest import Desks
from tests.e2e.browser.desk import Desk
from tests.e2e.conftest import Surroundings

pytestmark = pytest.mark.anyio
_LATE_FEE_FEN = 51_000
"""Makes a bill whose refund needs a second person."""
_STEP_SECONDS = 30


async def _sign_in(desk: Desk, account: dict[str, str], code: str) -> None:
    await desk.open("/staff/sign-in")
    await desk.page.get_by_label("用户名").fill(account["username"])
    await desk.page.get_by_label("密码").fill(account["password"])
    await desk.page.get_by_label("动态口令").fill(code)
    await desk.press("登录")


async def test_signing_in_takes_password_and_one_time_code(desks: Desks, scene: Surroundings) -> None:
    account, desk = scene.product.staff("reviewer-jiaojing"), await desks.nobody(360)
    code = pyotp.TOTP(account["totp_secret"]).at(int(time.time()))
    await _sign_in(desk, account, "000000" if code != "000000" else "111111")
    await expect(desk.page.get_by_role("alert")).to_contain_text("不正确")
    assert await desk.faults() == []
    await desk.picture("sign-in-refused")
    await _sign_in(desk, account, code)
    await expect(desk.page.get_by_role("heading", name="今日")).to_be_visible()
    again = await desks.nobody()
    await _sign_in(again, account, code)
    await expect(again.page.get_by_role("alert")).to_contain_text("不正确")


async def test_signing_out_ends_the_session_in_every_window(desks: Desks, scene: Surroundings) -> None:
    account, desk = scene.product.staff("reviewer-yibao-taiyuan"), await desks.nobody()
    later = pyotp.TOTP(account["totp_secret"]).at(int(time.time()) + _STEP_SECONDS)
    await _sign_in(desk, account, later)
    second = await desk.context.new_page()
    await second.goto("/staff")
    await desk.press("退出")
    await expect(desk.page.get_by_role("status")).to_contain_text("退出")
    await second.goto("/staff")
    assert "/staff/sign-in" in second.url


async def test_case_is_decided_at_the_desk(desks: Desks, scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "wang-fang")
    number, bill_no = await applicant.billed()
    await applicant.tap(await applicant.order(bill_no))
    await applicant.paid(number)
    await until("fee noted", lambda: applicant.phone.case(number), lambda case: bool(case["fee_paid_at"]))
    desk = await desks.of("reviewer-xiaodian")
    page = await desk.open(f"/staff/cases?q={number}")
    await page.get_by_role("link", name=number).click()
    await expect(page.get_by_text("已缴费").first).to_be_visible()
    await desk.press("准予")
    assert await desk.faults() == []
    await desk.press("确认准予")
    await expect(page.get_by_role("status").first).to_contain_text("已准予")
    await applicant.phone.case_in(number, "DELIVERING")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("送达")
    await desk.picture("case-decided")


async def test_refund_above_the_limit_takes_two_people(desks: Desks, scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "wang-fang")
    number, bill_no = await applicant.billed()
    code = (await until("code", lambda: applicant.bill(number), lambda bill: bool(bill["payment_code"])))[
        "payment_code"
    ]
    late = {"late_fee_fen": _LATE_FEE_FEN}
    (await applicant.control.send("POST", f"/control/fiscal/bills/{code}/late-fee", value=late)).expect(200)
    order = await applicant.order(bill_no)
    await applicant.tap(order)
    paid = await applicant.paid(number)
    asking = await desks.of("cashier", 360)
    page = await asking.open(f"/staff/payments/{order['out_trade_no']}")
    await page.get_by_label("退款金额").fill(f"{paid['amount_fen'] / 100:.2f}")
    await page.get_by_label("退款原因").fill("滞纳金计算有误，全额退还")
    await asking.press("申请退款")
    refund = (await applicant.payment(order))["refunds"][0]
    own = await asking.open("/staff/refunds")
    assert await own.locator(f"a[href$='/{refund['out_refund_no']}/approve']").count() == 0
    second = await desks.of("cashier-second")
    await second.open(f"/staff/refunds/{refund['out_refund_no']}/approve")
    await second.press("确认同意退款")
    await expect(second.page.get_by_role("status").first).to_contain_text("已同意退款")
    await until(
        "refund", lambda: applicant.payment(order), lambda payment: payment["refunds"][0]["status"] == "SUCCEEDED"
    )
    shown = await asking.open(f"/staff/payments/{order['out_trade_no']}")
    await expect(shown.get_by_text(refund["out_refund_no"]).first).to_be_visible()
    await asking.picture("payment-refunded")
