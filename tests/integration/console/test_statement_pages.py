"""Pages of the cashier's day: statement, compared days, differences and the form that closes one, quarantine."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from app import clock, db
from app.ids import new_id
from payments.settlement_repository import record_quarantined
from tests.fakes.compared_days import compared_day
from tests.fakes.payments_house import PaymentsHouse
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio
PAGES = ("/staff/statements", "/staff/reconciliations", "/staff/discrepancies")


@pytest.fixture
async def room(browser: Browser) -> PaymentsHouse:
    """A payments room with fake channels behind the browser's pages."""
    made = PaymentsHouse()
    await made.prepare()
    browser.house.payments = made.service
    return made


async def _paid(room: PaymentsHouse) -> str:
    bill = await room.issue(title="<b>工本费</b>")
    await room.drain()
    opened = await room.service.create(room.caller, bill.bill_no, "WECHAT")
    await room.notify("WECHAT", room.wechat.pay(opened.out_trade_no))
    return opened.out_trade_no


async def _difference(kind: str, reference_no: str, business_on: str = "2026-03-01") -> str:
    row = await db.fetch_row(
        "INSERT INTO discrepancy (id, created_at, account_code, business_on, kind, reference_no, department_code,"
        " division_code, status, details, bill_no, repair, note, resolved_by, ours_fen)"
        " VALUES ($1, now(), 'wechat-default', $4::text::date, $2, $3, '11140000012345678X', '140105', 'OPEN', '{}',"
        " 'B1', '', '', '', 1234) RETURNING id",
        new_id(),
        kind,
        reference_no,
        business_on,
    )
    assert row is not None
    return str(row["id"].hex)


async def test_statement_of_today_is_shown_with_its_files(browser: Browser, room: PaymentsHouse) -> None:
    await _paid(room)
    await _difference("AMOUNT_DIFFERS", "P1", clock.beijing_date().isoformat())
    await browser.sign_in("cashier")
    page = await browser.get("/staff/statements")
    assert "20.00元（1笔）" in page
    assert "账目不符" not in page
    addresses = re.findall(r'href="(/api/staff/v1/statements[^"]*)" download', page)
    assert len(addresses) == 4
    assert 'value="' + clock.beijing_date().isoformat() in page
    page = await browser.get("/staff/statements?date=2026-01-01&until=2026-01-31")
    assert "没有缴费和退款" in page
    assert "lines" not in page, "lines are those of one day"


async def test_statement_that_the_ledger_contradicts_is_an_alarm(browser: Browser, room: PaymentsHouse) -> None:
    await _paid(room)
    await db.execute("DELETE FROM ledger_entry")
    await browser.sign_in("cashier")
    page = await browser.get("/staff/statements")
    assert "与账目分录不符" in page
    assert "账目不符" in page


@pytest.mark.parametrize(
    "query", ["date=x", "date=2026-02-30", "date=2026-03-02&until=2026-03-01", "date=2026-01-01&until=2027-01-01"]
)
async def test_faulty_days_show_the_form_again(browser: Browser, room: PaymentsHouse, query: str) -> None:
    await browser.sign_in("cashier")
    page = await browser.get(f"/staff/statements?{query}", 400)
    assert 'role="alert"' in page
    assert 'aria-invalid="true"' in page


async def test_pages_of_the_cashier_are_linked_for_those_who_may_see_them(
    browser: Browser, room: PaymentsHouse
) -> None:
    await browser.sign_in("cashier")
    start = await browser.get("/staff")
    for path in PAGES:
        assert f'href="{path}"' in start
        page = await browser.get(path)
        assert page.count("<h1") == 1
        assert 'aria-current="page"' in page
    await browser.sign_in("clerk")
    start = await browser.get("/staff")
    for path in PAGES:
        assert f'href="{path}"' not in start
        assert "role_required" in await browser.get(path, 403)


async def test_compared_days_are_listed_with_what_differs(browser: Browser, room: PaymentsHouse) -> None:
    await browser.sign_in("cashier")
    assert "还没有对账结果" in await browser.get("/staff/reconciliations")
    for number in range(21):
        failed = number == 20
        day = date(2026, 3, 1) + timedelta(days=number)
        await compared_day(day, fault="<账单行无法识别>" if failed else "", fault_line=7 if failed else None)
    page = await browser.get("/staff/reconciliations")
    assert "&lt;账单行无法识别&gt;（账单第7行）" in page
    assert "2026-03-01" not in page
    following = re.search(r'href="(/staff/reconciliations\?cursor=[^"]+)"', page)
    assert following is not None
    assert "2026-03-01" in await browser.get(following[1])


async def test_difference_is_closed_with_what_was_done(browser: Browser, room: PaymentsHouse) -> None:
    number = await _difference("AMOUNT_DIFFERS", "P-LESS")
    path = f"/staff/discrepancies/{number}/resolve"
    await browser.sign_in("cashier")
    page = await browser.get("/staff/discrepancies")
    assert "P-LESS" in page
    assert "12.34元" in page
    assert f"/staff/discrepancies/{number}/repair" not in page, "this kind has no repair"
    status, _, page = await browser.send(path, note="  ")
    assert (status, "请填写处理结果" in page) == (400, True)
    status, _, page = await browser.send(path, note="字" * 201)
    assert (status, "不能超过200字" in page) == (400, True)
    status, location, _ = await browser.send(path, note="已线下退还\r\n差额")
    assert (status, location) == (303, "/staff/discrepancies?done=resolve")
    assert "已登记处理结果" in await browser.get(location)
    assert "P-LESS" not in await browser.get("/staff/discrepancies")
    assert "已线下退还\n差额" in await browser.get("/staff/discrepancies?status=RESOLVED")
    status, _, page = await browser.send(path, note="再次")
    assert (status, "该差异已处理" in page) == (409, True)


async def test_difference_is_repaired_by_a_job(browser: Browser, room: PaymentsHouse) -> None:
    number = await _difference("PAID_THERE_NOT_HERE", "P-MISSED")
    await browser.sign_in("cashier")
    status, location, _ = await browser.send(f"/staff/discrepancies/{number}/repair")
    assert (status, location) == (303, "/staff/discrepancies?done=repair")
    rows = await db.fetch_all("SELECT entrypoint FROM pgqueuer")
    assert "payments.repair_discrepancy" in {row["entrypoint"] for row in rows}


async def test_differences_out_of_reach_and_unknown_acts_are_not_found(browser: Browser, room: PaymentsHouse) -> None:
    number = await _difference("AMOUNT_DIFFERS", "P-LESS")
    await browser.sign_in("cashier")
    for path in (f"{number}/force", f"{new_id().hex}/resolve", "x/resolve"):
        await browser.get(f"/staff/discrepancies/{path}", 404)
    await browser.sign_in("clerk")
    await browser.get(f"/staff/discrepancies/{number}/resolve", 403)


async def test_contradicting_callback_is_put_away_once(browser: Browser, room: PaymentsHouse) -> None:
    await record_quarantined("wechat_pay", "e1", "unknown_number", "P-NOBODY", {}, {"amount_fen": 1})
    await browser.sign_in("cashier")
    page = await browser.get("/staff/payments/quarantined")
    action = re.search(r'action="(/staff/payments/quarantined/[0-9a-f]{32})"', page)
    token = re.search(r'name="csrf_token" value="([^"]*)"', page)
    assert action is not None
    assert token is not None
    status, _, page = await browser.post(action[1], csrf_token=token[1], note=" ")
    assert (status, "请填写处理结果" in page) == (400, True)
    status, location, _ = await browser.post(action[1], csrf_token=token[1], note="渠道测试通知")
    assert (status, location) == (303, "/staff/payments/quarantined?done=1")
    page = await browser.get(location)
    assert "已登记处理结果" in page
    assert action[1] not in page
    status, _, page = await browser.post(action[1], csrf_token=token[1], note="再次")
    assert (status, "该回调已处理" in page) == (409, True)
    for unknown in ("x", new_id().hex):
        status, _, _ = await browser.post(
            f"/staff/payments/quarantined/{unknown}", csrf_token=token[1], note="渠道测试通知"
        )
        assert status == 404
