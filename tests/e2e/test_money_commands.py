"""What an operator types while the product runs: a number shown and asked about, a day compared, merchants, ledger."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from demo.wire import until
from tests.e2e.books import Books
from tests.e2e.commands import Printed, command
from tests.e2e.conftest import Surroundings
from tests.e2e.steps import Applicant

pytestmark = pytest.mark.anyio
PLATFORMS = pytest.mark.parametrize(("platform", "key"), [("wechat", "liu-yang"), ("alipay", "chen-jing")])
_FEE_FEN = 4000


@pytest.fixture(autouse=True)
async def undisturbed(scene: Surroundings) -> AsyncIterator[None]:
    """Commands work beside the product: they neither stop nor replace its engines."""
    database = scene.product.database_pid()
    yield
    assert scene.product.is_ready()
    assert scene.product.database_pid() == database


def _account(scene: Surroundings, platform: str) -> dict[str, Any]:
    """The made-up account of a department at a platform, on which few other tests pay."""
    listed = json.loads((scene.product.var / "keys" / "merchants.json").read_text(encoding="utf-8"))
    return next(dict(entry) for entry in listed if entry["channel"] == platform.upper())


async def _untold(scene: Surroundings, platform: str, key: str) -> tuple[Applicant, str, dict[str, Any]]:
    """A bill of the department that is paid while the callback stays away and nobody asks; case number and order."""
    applicant, books = await scene.applicant(platform, key), Books(scene)
    number, bill_no = await applicant.billed()
    await books.give(bill_no, _account(scene, platform)["department_code"])
    order = await applicant.order(bill_no)
    later = "UPDATE payment SET ask_after = now() + interval '1 day' WHERE out_trade_no = $1"
    await books.rows(later, order["out_trade_no"])
    await applicant.tap(order, "none")
    return applicant, number, order


async def _day_of(scene: Surroundings, platform: str, order: dict[str, Any]) -> str:
    """The Beijing day on which the platform took the money."""
    part, moment = ("wechat_pay/orders", "success_time") if platform == "wechat" else ("alipay/trades", "gmt_payment")
    told = (await scene.control.send("GET", f"/control/{part}/{order['out_trade_no']}")).expect(200)
    return str(told[moment][:10])


@asynccontextmanager
async def _bills_made(scene: Surroundings, platform: str, day: str) -> AsyncIterator[None]:
    """Let the bill of a day that is not over be there: WeChat makes it when told so, Alipay on the day after."""
    if platform == "wechat":
        (await scene.control.send("POST", "/control/wechat_pay/bills", value={"date": day})).expect(200)
        yield
        return
    (await scene.control.send("PUT", "/control/clock", value={"offset_seconds": 86_400})).expect(200)
    try:
        yield
    finally:
        (await scene.control.send("PUT", "/control/clock", value={"offset_seconds": 0})).expect(200)


async def _nothing_personal(scene: Surroundings, printed: Printed) -> None:
    people = [scene.product.person(key) for key in ("liu-yang", "chen-jing")]
    payers = await Books(scene).rows("SELECT subject FROM identity")
    private = [str(person[name]) for person in people for name in ("name", "id_number", "phone", "address")]
    private += [str(row["subject"]) for row in payers if len(str(row["subject"])) > 4]
    assert len(private) > 8
    assert [value for value in private if value in printed.text] == []


async def test_number_is_shown_and_asked_about(scene: Surroundings) -> None:
    applicant, number, order = await _untold(scene, "wechat", "liu-yang")
    trade_no = order["out_trade_no"]
    shown = await command(scene.product, "payments", "show", trade_no)
    assert (shown.code, "AWAITING" in shown.text) == (0, True), shown.text

    asked = await command(scene.product, "payments", "ask", trade_no)
    assert asked.code == 0, asked.text
    assert f"支付单 {trade_no}：渠道状态 PAID" in asked.text
    assert "status：AWAITING → SUCCEEDED" in asked.text
    bill = await applicant.paid(number)

    cashier = await scene.counter("cashier")
    wish = {"amount_fen": 500, "reason": "多缴"}
    made = (await cashier.call("POST", f"/payments/{trade_no}/refunds", wish)).expect(201)
    await until("refund", lambda: applicant.payment(order), lambda seen: seen["refunds"][0]["status"] == "SUCCEEDED")
    again = await command(scene.product, "payments", "ask", made["out_refund_no"])
    assert (again.code, f"退款单 {made['out_refund_no']}：渠道状态 SUCCESS" in again.text) == (0, True), again.text

    seen = []
    for each in (bill["bill_no"], bill["payment_code"], trade_no, made["out_refund_no"]):
        printed = await command(scene.product, "payments", "show", each)
        assert printed.code == 0, printed.text
        assert printed.cells(bill["bill_no"])[3] == str(_FEE_FEN)
        assert printed.cells(trade_no)[4] == "SUCCEEDED"
        assert printed.cells(made["out_refund_no"])[1:4] == ["500", "STAFF", "SUCCEEDED"]
        assert printed.cells(f"payment.succeeded:{trade_no}")[2].lstrip("-") == str(_FEE_FEN)
        await _nothing_personal(scene, printed)
        seen.append(printed.text)
    assert len(set(seen)) == 1, "every number leads to the same"


async def test_unknown_number_and_impossible_day_are_refused(scene: Surroundings) -> None:
    for act in ("show", "ask"):
        refused = await command(scene.product, "payments", act, "B20260101NOBODY")
        assert (refused.code, "未找到该号码" in refused.text) == (1, True), refused.text
    refused = await command(scene.product, "reconcile", "--date", "2026-02-30")
    assert (refused.code, "日期格式应为" in refused.text) == (2, True), refused.text
    assert "Traceback" not in refused.text


@PLATFORMS
async def test_day_is_compared_and_the_payment_that_nobody_told_is_booked(
    scene: Surroundings, platform: str, key: str
) -> None:
    applicant, number, order = await _untold(scene, platform, key)
    day, code = await _day_of(scene, platform, order), _account(scene, platform)["code"]
    compare = ("reconcile", "--date", day, "--account", code)
    cashier = await scene.counter("cashier")

    async def difference() -> dict[str, Any]:
        kind = "/discrepancies?kind=PAID_THERE_NOT_HERE&limit=100"
        rows = (await cashier.call("GET", kind)).expect(200)["data"]
        return next(dict(row) for row in rows if row["reference_no"] == order["out_trade_no"])

    async with _bills_made(scene, platform, day):
        found = await command(scene.product, *compare)
    assert found.code == 0, found.text
    assert found.cells(code)[1] == "完成"
    assert "渠道已收款，本地未入账" in found.text
    await _nothing_personal(scene, found)
    repaired = await until("repair", difference, lambda row: row["status"] == "REPAIRED")
    assert (repaired["theirs_fen"], repaired["bill_no"]) == (_FEE_FEN, (await applicant.paid(number))["bill_no"])

    async with _bills_made(scene, platform, day):
        second, third = await command(scene.product, *compare), await command(scene.product, *compare)
    assert (second.code, third.code) == (0, 0), second.text
    row = second.cells(code)
    assert row == third.cells(code)
    assert row[2] == row[3], "what the channel received is what we booked"
    assert row[-1] == "0", "nothing waits"
    assert await difference() == repaired


async def test_day_whose_bills_are_not_there_yet_ends_with_an_error(scene: Surroundings) -> None:
    now = (await scene.control.send("GET", "/control/clock")).expect(200)["now"]
    today = (datetime.fromisoformat(now) + timedelta(hours=8)).date()
    refused = await command(scene.product, "reconcile", "--date", str(today), "--account", "alipay-default")
    assert (refused.code, "alipay-default：该日账单尚未生成" in refused.text) == (1, True), refused.text
    refused = await command(scene.product, "reconcile", "--date", str(today + timedelta(days=2)))
    assert refused.code == 1
    assert refused.text.count("对账日期不能晚于今天（invalid_request）") >= 2, refused.text


async def test_merchants_are_listed_and_checked_and_the_ledger_is_sound(scene: Surroundings) -> None:
    account = _account(scene, "wechat")
    listed = await command(scene.product, "merchants", "list")
    assert listed.code == 0, listed.text
    row = listed.cells(account["code"])
    assert (row[1], row[3], row[-1]) == ("微信支付", account["mch_id"], "启用"), row
    for code in ("wechat-default", "alipay-default"):
        assert listed.cells(code)[-1] == "启用"
    checked = await command(scene.product, "merchants", "check")
    assert (checked.code, "0 个不可用" in checked.text) == (0, True), checked.text
    audited = await command(scene.product, "audit", "ledger")
    assert (audited.code, audited.text.strip()) == (0, "账目平衡"), audited.text
    assert "PRIVATE KEY" not in listed.text + checked.text
