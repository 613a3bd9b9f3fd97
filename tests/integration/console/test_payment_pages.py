"""The cashier's payments: filters, cursor, what stands beside one, scope, roles, files, hostile queries."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta

import pytest

from app import clock, db
from tests.fakes.compared_days import compared_day
from tests.fakes.payments_house import PaymentsHouse
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio
_NUMBERS = r'href="/staff/payments/(P\w+)"'


def _today() -> str:
    """The day in Beijing, asked for when a test needs it: a run may go past midnight."""
    return clock.beijing_date().isoformat()


@pytest.fixture
async def room(browser: Browser) -> PaymentsHouse:
    """A payments room with fake channels behind the browser's pages."""
    made = PaymentsHouse()
    await made.prepare()
    browser.house.payments = made.service
    return made


async def _opened(room: PaymentsHouse, channel: str = "WECHAT", **changed: object) -> str:
    bill = await room.issue(**changed)
    await room.drain()
    return (await room.service.create(room.caller, bill.bill_no, channel)).out_trade_no


async def _paid(room: PaymentsHouse, channel: str = "WECHAT", **changed: object) -> str:
    number = await _opened(room, channel, **changed)
    await room.notify(channel, room.channel(channel).pay(number))
    return number


async def test_payments_are_found_by_each_mark(browser: Browser, room: PaymentsHouse) -> None:
    paid = await _paid(room, title="<b>工本费</b>", department_code="11140000012345678X")
    waiting = await _opened(room, "ALIPAY", department_code="11140105MB0001177F")
    await browser.sign_in("cashier")
    for query, found in (
        ("", [waiting, paid]),
        ("status=SUCCEEDED", [paid]),
        ("channel=ALIPAY", [waiting]),
        ("channel=ALIPAY&status=SUCCEEDED", []),
        ("department=11140105MB0001177F", [waiting]),
        (f"first_on={_today()}&until={_today()}", [waiting, paid]),
        ("until=2026-01-01", []),
        (f"first_on={(clock.beijing_date() + timedelta(days=1)).isoformat()}", []),
        (f"q={paid}", [paid]),
        ("q=NOBODY", []),
    ):
        page = await browser.get(f"/staff/payments?{query}")
        assert re.findall(_NUMBERS, page) == found, query
    assert "&lt;b&gt;工本费&lt;/b&gt;" in await browser.get("/staff/payments")
    row = await db.fetch_row(
        "SELECT b.bill_no, b.subject_no, p.provider_trade_no FROM payment p JOIN bill b ON b.id = p.bill_id"
        " WHERE p.out_trade_no = $1",
        paid,
    )
    assert row is not None
    for number in row.values():
        assert re.findall(_NUMBERS, await browser.get(f"/staff/payments?q={number}")) == [paid]


async def test_list_continues_by_cursor_under_its_filter(browser: Browser, room: PaymentsHouse) -> None:
    numbers = [await _opened(room) for _ in range(21)]
    await browser.sign_in("cashier")
    page = await browser.get("/staff/payments?status=AWAITING")
    assert re.findall(_NUMBERS, page) == numbers[:0:-1]
    following = re.search(r'href="(/staff/payments\?status=AWAITING&amp;cursor=[^"]+)"', page)
    assert following is not None
    page = await browser.get(following[1].replace("&amp;", "&"))
    assert re.findall(_NUMBERS, page) == numbers[:1]


async def test_payment_is_shown_with_all_that_stands_beside_it(browser: Browser, room: PaymentsHouse) -> None:
    number = await _paid(room)
    await room.refund(number, 500)
    await room.drain()
    await db.execute("UPDATE ledger_entry SET amount_fen = 1 WHERE account = 'revenue' AND amount_fen > 0")
    await browser.sign_in("cashier")
    page = await browser.get(f"/staff/payments/{number}")
    for words in ("开具缴款单", "收款", "退款", "微信支付", "应收", "已入账", "本单", "借贷不平"):
        assert words in page, words
    assert page.count("<h1") == 1
    await db.execute(
        "INSERT INTO discrepancy (id, created_at, account_code, business_on, kind, reference_no, department_code,"
        " division_code, status, details, bill_no, repair, note, resolved_by, ours_fen)"
        " SELECT gen_random_uuid(), now(), 'wechat-default', '2026-03-01', 'AMOUNT_DIFFERS', $1, '', '', 'RESOLVED',"
        " '{}', bill_no, '', '<已退>', '', 1 FROM bill",
        number,
    )
    page = await browser.get(f"/staff/payments/{number}")
    assert "金额不一致" in page
    assert "&lt;已退&gt;" in page


async def test_payments_of_others_are_not_there(browser: Browser, room: PaymentsHouse) -> None:
    number = await _paid(room, division_code="150000")
    await browser.sign_in("cashier")
    assert "没有符合条件的支付单" in await browser.get("/staff/payments")
    assert "没有符合条件的支付单" in await browser.get(f"/staff/payments?q={number}")
    await browser.get(f"/staff/payments/{number}", 404)
    await browser.sign_in("clerk")
    for path in ("", "/export", f"/{number}"):
        assert "role_required" in await browser.get(f"/staff/payments{path}", 403)


async def test_filtered_payments_are_taken_away_as_a_marked_file(browser: Browser, room: PaymentsHouse) -> None:
    number = await _paid(room, title="=工本费")
    await _opened(room, "ALIPAY")
    await browser.sign_in("auditor")
    page = await browser.get("/staff/payments?channel=WECHAT")
    links = re.findall(r'href="(/staff/payments/export[^"]+)" download', page)
    text = await browser.get(links[1].replace("&amp;", "&"))
    mark, heading, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert mark[0].startswith("三晋通 审计 温静 auditor ")
    shown = dict(zip(heading, row, strict=True))
    assert (shown["支付单号"], shown["缴款项目"], shown["金额（元）"]) == (number, "'=工本费", "20.00")
    act = await db.fetch_row("SELECT details->'filters' AS filters FROM audit_entry WHERE action = 'export.payments'")
    assert act is not None
    assert act["filters"] == '{"channel": "WECHAT"}'


@pytest.mark.parametrize("query", ["first_on=x", "until=2026-02-30", "first_on=0001-01-01", "until=9999-12-31",
                                   "first_on=2026-03-02&until=2026-03-01", "cursor=%21"])  # fmt: skip
async def test_faulty_days_and_cursors_show_the_form_again(browser: Browser, room: PaymentsHouse, query: str) -> None:
    await browser.sign_in("cashier")
    assert 'role="alert"' in await browser.get(f"/staff/payments?{query}", 400)
    await browser.get(f"/staff/payments/export?{query}", 400 if "cursor" not in query else 200)


@pytest.mark.parametrize(
    "query", ["channel=CASH", "status=x", "q=" + "x" * 65, "q=%00", "a=b", "department=" + "x" * 19]
)
async def test_hostile_queries_are_refused(browser: Browser, room: PaymentsHouse, query: str) -> None:
    await browser.sign_in("cashier")
    await browser.get(f"/staff/payments?{query}", 400)


async def test_reconciliation_is_taken_away_as_files(browser: Browser, room: PaymentsHouse) -> None:
    await db.execute(
        "INSERT INTO discrepancy (id, created_at, account_code, business_on, kind, reference_no, department_code,"
        " division_code, status, details, bill_no, repair, note, resolved_by, ours_fen)"
        " VALUES (gen_random_uuid(), now(), 'wechat-default', '2026-03-01', 'AMOUNT_DIFFERS', '=1', '', '', 'OPEN',"
        " '{}', '', '', '', '', 1234)"
    )
    await compared_day(date(2026, 3, 1))
    await browser.sign_in("auditor")
    text = await browser.get("/staff/discrepancies/export?status=OPEN")
    _, heading, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    shown = dict(zip(heading, row, strict=True))
    assert (shown["编号"], shown["本地（元）"], shown["对方（元）"]) == ("'=1", "12.34", "")
    assert len((await browser.get("/staff/reconciliations/export")).splitlines()) == 3
    for path in ("discrepancies", "reconciliations"):
        assert f"/staff/{path}/export" in await browser.get(f"/staff/{path}")
        await browser.get(f"/staff/{path}/export?format=pdf", 400)
    await browser.sign_in("clerk")
    assert "role_required" in await browser.get("/staff/discrepancies/export", 403)


async def test_day_summary_has_its_charts(browser: Browser, room: PaymentsHouse) -> None:
    await _paid(room)
    await _paid(room, "ALIPAY")
    await browser.sign_in("cashier")
    page = await browser.get("/staff/statements")
    assert "各渠道缴费" in page
    assert "各部门缴费" in page
    assert "<svg" in page
    assert "style=" not in page
