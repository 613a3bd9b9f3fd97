"""A window works through a case: queue, detail, files, decisions with confirmation, and every refusal as a page."""

from __future__ import annotations

import re

import pytest

from app import db
from app.ids import new_id
from payments.types import NewBill
from tests.integration.console.conftest import Browser, item_record

pytestmark = pytest.mark.anyio


async def test_today_counts_and_shows_what_waits(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get("/staff")
    assert re.search(r'status=SUBMITTED">已提交\s*<span class="figure">1</span>', page)
    assert f"/staff/cases/{number}" in page
    assert "张伟" not in page


async def test_list_filters_searches_and_pages(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    assert number in await clerk.get("/staff/cases?status=SUBMITTED")
    assert "没有符合条件的办件" in await clerk.get("/staff/cases?status=ACCEPTED")
    assert f"/staff/cases/{number}" in await clerk.get(f"/staff/cases?status=&q={number}")
    assert "您的辖区内没有编号为“140000”的办件" in await clerk.get("/staff/cases?q=140000")
    odd = await clerk.get("/staff/cases?q=14%3Cb%3E")
    assert 'value="14&lt;b&gt;"' in odd
    assert "没有符合条件的办件" in odd
    for bad in ("status=NONE", "cursor=%25", "what=1", "cursor=1&cursor=2"):
        assert "<h1>" in await clerk.get(f"/staff/cases?{bad}", status=400)


async def test_long_list_continues_on_the_next_page(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    await db.execute(
        "INSERT INTO application SELECT (jsonb_populate_record(a, jsonb_build_object("
        " 'id', gen_random_uuid(), 'application_no', 'C' || n))).* FROM application a, generate_series(1, 24) n"
        " WHERE application_no = $1",
        number,
    )
    first = await clerk.get("/staff/cases")
    onward = re.search(r'href="(/staff/cases\?cursor=[^"]+)" rel="next"', first)
    assert onward is not None
    second = await clerk.get(onward[1])
    listed = [set(re.findall(r'href="/staff/cases/(\w+)"', page)) for page in (first, second)]
    assert ([len(each) for each in listed], listed[0] & listed[1]) == ([20, 5], set())
    assert "回到第一页" in second


async def test_case_shows_titles_answers_and_picture(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get(f"/staff/cases/{number}")
    for text in ("常住户口所在地地址", "是否已在公安机关采集指纹", "申请人证件照片", "应缴 40.00元", "提交申请"):
        assert text in page
    picture = re.search(r'href="(/staff/files/[^"]+)"', page)
    assert picture is not None
    async with clerk.session.get(clerk.base + picture[1]) as got:
        assert (got.status, got.content_type) == (200, "image/png")
        assert "sandbox" in got.headers["Content-Security-Policy"]


async def test_accepting_asks_first_then_says_so_once_done(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    status, location, _ = await clerk.send(f"/staff/cases/{number}/accept")
    assert (status, location) == (303, f"/staff/cases/{number}?done=accept")
    page = await clerk.get(location)
    assert 'role="status">已受理' in page
    assert f"/staff/cases/{number}/approve" in page
    assert f"/staff/cases/{number}/accept" not in page


async def test_approving_before_payment_says_why_not(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    await clerk.send(f"/staff/cases/{number}/accept")
    status, _, page = await clerk.send(f"/staff/cases/{number}/approve")
    assert (status, "申请人尚未缴费" in page, 'role="alert"' in page) == (409, True, True)


async def test_reason_is_required_kept_and_told(clerk: Browser) -> None:
    number, act = await clerk.house.submitted_case(), "not-accept"
    status, _, page = await clerk.send(f"/staff/cases/{number}/{act}", given="  \r\n ")
    assert (status, "请写明" in page, 'aria-invalid="true"' in page) == (400, True, True)
    status, _, page = await clerk.send(f"/staff/cases/{number}/{act}", given="长" * 501)
    assert (status, "现有501字" in page, "长" * 501 in page) == (400, True, True)
    assert (await clerk.send(f"/staff/cases/{number}/{act}", given="照片<底色>不符\r\n请重拍"))[0] == 303
    page = await clerk.get(f"/staff/cases/{number}")
    assert "照片&lt;底色&gt;不符\n请重拍" in page


async def test_special_procedure_is_chosen_from_those_of_the_item(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    await clerk.send(f"/staff/cases/{number}/accept")
    assert "/suspend" not in await clerk.get(f"/staff/cases/{number}")
    other = item_record("minimum-living-xiaodian").item_code
    await db.execute("UPDATE application SET item_code = $2 WHERE application_no = $1", number, other)
    assert f"/staff/cases/{number}/suspend" in await clerk.get(f"/staff/cases/{number}")
    status, _, page = await clerk.send(f"/staff/cases/{number}/suspend", given="公告")
    assert (status, "该事项没有此特别程序" in page) == (400, True)
    assert (await clerk.send(f"/staff/cases/{number}/suspend", given="入户调查和公示"))[0] == 303
    assert (await clerk.send(f"/staff/cases/{number}/resume"))[:2] == (303, f"/staff/cases/{number}?done=resume")


async def test_second_click_meets_what_the_first_has_changed(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get(f"/staff/cases/{number}/accept")
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    version = page.split('name="version" value="')[1].split('"')[0]
    sent = [await clerk.post(f"/staff/cases/{number}/accept", csrf_token=token, version=version) for _ in range(2)]
    assert [status for status, _, _ in sent] == [303, 409]
    assert "请刷新后再试" in sent[1][2]


@pytest.mark.parametrize("fields", [{"version": "1"}, {"version": "1", "csrf_token": "guess"}])
async def test_act_without_csrf_token_is_refused_and_changes_nothing(clerk: Browser, fields: dict[str, str]) -> None:
    number = await clerk.house.submitted_case()
    status, _, page = await clerk.post(f"/staff/cases/{number}/accept", **fields)
    assert (status, "页面已过期" in page) == (403, True)
    row = await db.fetch_row("SELECT status FROM application WHERE application_no = $1", number)
    assert row is not None
    assert row["status"] == "SUBMITTED"


@pytest.mark.parametrize("version", ["", "x", "0", "-1"])
async def test_odd_form_is_a_bad_request_page(clerk: Browser, version: str) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get(f"/staff/cases/{number}/accept")
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    status, _, page = await clerk.post(f"/staff/cases/{number}/accept", csrf_token=token, version=version)
    assert (status, "<h1>" in page) == (400, True)


async def test_case_of_another_division_is_not_found(browser: Browser) -> None:
    number = await browser.house.submitted_case()
    await browser.sign_in("stranger")
    for path in ("", "/accept"):
        assert "未找到" in await browser.get(f"/staff/cases/{number}{path}", status=404)
    assert number not in await browser.get("/staff/cases")
    assert "没有编号为" in await browser.get(f"/staff/cases?q={number}")


async def test_unknown_addresses_are_pages_not_found(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    for path in (
        f"/staff/cases/{number}/burn",
        "/staff/cases/none",
        "/staff/files/none",
        "/static/none.css",
        "/staff/no",
    ):
        assert "<h1>" in await clerk.get(path, status=404)


async def test_case_shows_how_far_its_bill_is_at_the_fiscal_platform(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    payments = clerk.house.payments
    bill = await payments.issue_bill(
        NewBill(
            citizen_id=new_id(),
            subject_no=number,
            purpose="item_fee",
            title="工本费",
            amount_fen=4000,
            department_code="11140105MB0001177F",
            division_code="140105",
        )
    )
    assert "财政系统开具中" in await clerk.get(f"/staff/cases/{number}")
    await payments.jobs()["payments.register_bill"]({"bill_no": bill.bill_no})
    await db.execute(
        "UPDATE bill SET status = 'CONFIRMED', amount_fen = 4030, late_fee_fen = 30, paid_at = now(),"
        " confirmed_at = now()"
    )
    await db.execute(
        "INSERT INTO fiscal_receipt (id, created_at, bill_id, kind, refund_no, receipt_code, receipt_number,"
        " check_code, amount_fen, url, issued_at) SELECT id, now(), id, 'BLUE', '', '14010126', '0000000042', "
        " 'a1b2c3', 4030, 'https://receipts.example.gov.cn/42.pdf', now() FROM bill"
    )
    page = await clerk.get(f"/staff/cases/{number}")
    for seen in ("已缴费", "0000000042", "财政确认", "其中滞纳金"):
        assert seen in page
    assert "财政系统开具中" not in page
