"""The list of cases: every filter, its address, its file, and what is odd in it."""

from __future__ import annotations

import pytest

from app import db
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio


def _token(page: str) -> str:
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("q=身份证", True),
        ("q=无此事项", False),
        ("division=140105", True),
        ("division=140100", True),
        ("division=140213", False),
        ("department=11140105MB0001177F", True),
        ("department=11140702MB0001265T", False),
        ("since=2020-01-01&until=2090-12-31", True),
        ("until=2020-01-01", False),
        ("held=unclaimed", True),
        ("held=mine", False),
        ("paid=unpaid", True),
        ("paid=paid", False),
        ("paid=free", False),
        ("platform=WECHAT", True),
        ("platform=ALIPAY", False),
        ("urgency=red", False),
        ("urgency=overdue", False),
        ("status=ANY", True),
        ("status=CLOSED", False),
        ("status=SUBMITTED&held=unclaimed&paid=unpaid&platform=WECHAT&division=140105", True),
    ],
)
async def test_filters_narrow_the_list(clerk: Browser, query: str, is_found: bool) -> None:
    number = await clerk.house.submitted_case()
    assert (f"/staff/cases/{number}" in await clerk.get(f"/staff/cases?{query}")) is is_found


@pytest.mark.parametrize("colour", ["yellow", "red"])
async def test_cards_find_their_cases(clerk: Browser, colour: str) -> None:
    number = await clerk.house.submitted_case()
    await db.execute(
        "INSERT INTO due_card (id, created_at, application_id, stage, colour, due_on, officer, division_code,"
        " department_code) SELECT gen_random_uuid(), now(), id, 'RECEIPT', $2, current_date, '', division_code,"
        " department_code FROM application WHERE application_no = $1",
        number,
        colour.upper(),
    )
    assert f"/staff/cases/{number}" in await clerk.get(f"/staff/cases?urgency={colour}")
    page = await clerk.get(f"/staff/cases/{number}")
    assert {"yellow": "黄牌", "red": "红牌"}[colour] in page
    assert f"/staff/cases/{number}" in await clerk.get("/staff/today/deadlines")


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-13-01",
        "since=0000-01-01",
        "since=9999-12-31",
        "until=x",
        "since=2026-02-02&until=2026-02-01",
        "division=14",
        "department=x",
        "paid=maybe",
        "item=%27",
        "q=%00",
        "q=" + "x" * 65,
        "cursor=AAAA",
    ],
)
async def test_odd_filters_are_bad_requests(clerk: Browser, query: str) -> None:
    assert "<h1>" in await clerk.get(f"/staff/cases?{query}", status=400)


async def test_filter_beyond_the_scope_finds_nothing(browser: Browser) -> None:
    number = await browser.house.submitted_case()
    await browser.sign_in("stranger")
    for query in ("", "division=140105", "division=140000", "status=ANY"):
        assert number not in await browser.get(f"/staff/cases?{query}")


async def test_pages_of_a_filtered_list_keep_the_filter(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    await db.execute(
        "INSERT INTO application SELECT (jsonb_populate_record(a, jsonb_build_object("
        " 'id', gen_random_uuid(), 'application_no', 'C' || n))).* FROM application a, generate_series(1, 24) n"
        " WHERE application_no = $1",
        number,
    )
    seen: list[str] = []
    address = "/staff/cases?status=ANY&platform=WECHAT"
    while address:
        page = await clerk.get(address)
        seen += [part.split('"', 1)[0] for part in page.split('<a href="/staff/cases/')[1:]]
        address = (
            page.split('class="button plain" href="/staff/cases?')[-1].split('"')[0] if 'rel="next"' in page else ""
        )
        address = f"/staff/cases?{address.replace('&amp;', '&')}" if address else ""
    assert (len(seen), len(set(seen))) == (25, 25)


async def test_file_is_marked_masked_and_audited(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    token = _token(await clerk.get("/staff/cases"))
    status, _, text = await clerk.post("/staff/cases/export", format="csv", status="SUBMITTED", csrf_token=token)
    assert (status, number in text, "仅限公务使用" in text) == (200, True, True)
    assert "张伟" not in text
    rows = await db.fetch_all("SELECT action, details::text AS details FROM audit_entry WHERE action LIKE 'export.%'")
    assert [row["action"] for row in rows] == ["export.cases", "export.finished"]
    assert '"status": "SUBMITTED"' in rows[0]["details"]


async def test_file_with_names_needs_a_reason_and_the_right(browser: Browser) -> None:
    await browser.house.submitted_case()
    await browser.sign_in("clerk")
    token = _token(await browser.get("/staff/cases"))
    status, _, page = await browser.post("/staff/cases/export", names="1", csrf_token=token)
    assert (status, "请写明导出个人信息的理由" in page) == (400, True)
    sent = {"names": "1", "reason": "信访核查", "csrf_token": token}
    status, _, text = await browser.post("/staff/cases/export", **sent)
    assert (status, "张伟" in text, "140105199003070012" in text) == (200, True, True)
    row = await db.fetch_row("SELECT details::text AS d FROM audit_entry WHERE action = 'case.export_unmasked'")
    assert row is not None
    assert "信访核查" in row["d"]
    await browser.sign_in("auditor")
    token = _token(await browser.get("/staff/cases"))
    status, _, _ = await browser.post("/staff/cases/export", names="1", reason="看看", csrf_token=token)
    assert status == 403


async def test_refused_file_keeps_what_was_chosen(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    token = _token(await clerk.get("/staff/cases"))
    sent = {"names": "1", "format": "xlsx", "reason": "查" * 201, "csrf_token": token}
    status, _, page = await clerk.post("/staff/cases/export", **sent)
    assert (status, "不能超过200字" in page, "查" * 201 in page) == (400, True, True)
    assert 'value="1" checked' in page
    assert 'value="xlsx" selected' in page
    status, _, page = await clerk.post("/staff/cases/export", q=number, csrf_token=token)
    assert (status, "按编号查到的办件不能导出" in page) == (400, True)


@pytest.mark.parametrize(("username", "opens"), [("dispatcher", False), ("cashier", False), ("auditor", True)])
async def test_list_leads_only_those_to_a_case_who_may_open_it(browser: Browser, username: str, opens: bool) -> None:
    number = await browser.house.submitted_case()
    await browser.sign_in(username)
    page = await browser.get("/staff/cases")
    assert (number in page, f'href="/staff/cases/{number}"' in page) == (True, opens)
    async with browser.session.get(f"{browser.base}/staff/cases/{number}") as answer:
        assert answer.status == (200 if opens else 403)
