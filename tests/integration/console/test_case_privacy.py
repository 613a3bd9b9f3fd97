"""Personal data on a case's page: hidden until somebody who may asks for them, once, and written down."""

from __future__ import annotations

import msgspec
import pytest

from app import db
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio
SECRET = ("张伟", "140105199003070012", "平阳路88号")


async def acts(kind: str = "case") -> list[tuple[str, str]]:
    """What the audit trail says of cases."""
    rows = await db.fetch_all(
        "SELECT action, details::text AS details FROM audit_entry WHERE action LIKE $1 ORDER BY seq", f"{kind}.%"
    )
    return [(row["action"], row["details"]) for row in rows]


async def test_page_hides_personal_data_until_they_are_asked_for(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get(f"/staff/cases/{number}")
    assert "/staff/files/" in page
    assert not [text for text in SECRET if text in page]
    assert "140105********0012" in page
    status, _, shown = await clerk.post(f"/staff/cases/{number}/unmask", csrf_token=_token(page))
    assert status == 200
    assert not [text for text in SECRET if text not in shown]
    assert "&lt;b&gt;3&lt;/b&gt;" in shown
    again = await clerk.get(f"/staff/cases/{number}")
    assert not [text for text in SECRET if text in again]
    assert [action for action, _ in await acts()] == ["case.viewed", "case.unmasked", "case.viewed"]


async def test_unmasking_needs_the_token_of_the_session(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    status, _, page = await clerk.post(f"/staff/cases/{number}/unmask", csrf_token="x")
    assert (status, [text for text in SECRET if text in page]) == (403, [])
    assert await acts() == []


@pytest.mark.parametrize("username", ["auditor", "chief"])
async def test_who_looks_on_sees_masked_data_and_cannot_unmask(browser: Browser, username: str) -> None:
    number = await browser.house.submitted_case()
    await browser.sign_in(username)
    page = await browser.get(f"/staff/cases/{number}")
    assert "显示个人信息" not in page
    assert "/staff/files/" not in page
    assert not [text for text in SECRET if text in page]
    status, _, refused = await browser.post(f"/staff/cases/{number}/unmask", csrf_token=_token(page))
    assert (status, [text for text in SECRET if text in refused]) == (403, [])


async def test_cashier_sees_no_answers_of_a_case(browser: Browser) -> None:
    number = await browser.house.submitted_case()
    await browser.sign_in("cashier")
    assert "您没有权限" in await browser.get(f"/staff/cases/{number}", status=403)


async def test_unmasking_elsewhere_is_not_found(browser: Browser) -> None:
    number = await browser.house.submitted_case()
    await browser.sign_in("stranger")
    token = _token(await browser.get("/staff"))
    status, _, _ = await browser.post(f"/staff/cases/{number}/unmask", csrf_token=token)
    assert (status, await acts()) == (404, [])


async def test_materials_are_leafed_through_under_one_entry_of_the_audit(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get(f"/staff/cases/{number}/materials")
    picture = page.split('src="/staff/looks/', 1)[1].split('"', 1)[0]
    for _ in range(2):
        async with clerk.session.get(f"{clerk.base}/staff/looks/{picture}") as got:
            assert (got.status, got.content_type) == (200, "image/png")
            assert "no-store" in got.headers["Cache-Control"]
    assert [action for action, _ in await acts()] == ["case.materials_viewed"]
    assert await acts("upload") == []


@pytest.mark.parametrize("address", ["none/1", "AAAA/1", "{token}/0x", "{token}/-1", "{token}/9999"])
async def test_odd_addresses_of_a_page_are_not_found(clerk: Browser, address: str) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get(f"/staff/cases/{number}/materials")
    token = page.split('src="/staff/looks/', 1)[1].split("/", 1)[0]
    await clerk.get(f"/staff/looks/{address.format(token=token)}", status=404)


async def test_link_of_a_look_opens_nothing_for_the_public(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get(f"/staff/cases/{number}/materials")
    token = page.split('src="/staff/looks/', 1)[1].split("/", 1)[0]
    clerk.session.cookie_jar.clear()
    async with clerk.session.get(f"{clerk.base}/staff/looks/{token}/1", allow_redirects=False) as got:
        assert got.status == 303


async def test_number_of_an_applicant_finds_the_cases_and_stays_out_of_the_trail(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    token = _token(await clerk.get("/staff/cases"))
    status, _, page = await clerk.post("/staff/cases/look-up", number=" 140105199003070012 ", csrf_token=token)
    assert status == 200
    assert f"/staff/cases/{number}" in page
    assert "140105199003070012" not in page
    [(action, details)] = await acts()
    assert (action, msgspec.json.decode(details)) == ("case.looked_up", {"by": "id_number", "found": 1})


@pytest.mark.parametrize("given", ["", "1380000", "张伟", "140105199003070012x", "１３８００００００００"])
async def test_number_that_is_not_whole_is_refused_in_the_page(clerk: Browser, given: str) -> None:
    token = _token(await clerk.get("/staff/cases"))
    status, _, page = await clerk.post("/staff/cases/look-up", number=given, csrf_token=token)
    assert (status, "请填写完整的手机号或身份证号" in page) == (400, True)


async def test_cases_of_elsewhere_are_not_looked_up(browser: Browser) -> None:
    number = await browser.house.submitted_case()
    await browser.sign_in("stranger")
    token = _token(await browser.get("/staff/cases"))
    _, _, page = await browser.post("/staff/cases/look-up", number="140105199003070012", csrf_token=token)
    assert f"/staff/cases/{number}" not in page
    assert "没有该申请人的办件" in page


async def test_auditor_looks_nobody_up(browser: Browser) -> None:
    await browser.sign_in("auditor")
    token = _token(await browser.get("/staff/cases"))
    status, _, _ = await browser.post("/staff/cases/look-up", number="140105199003070012", csrf_token=token)
    assert status == 403


def _token(page: str) -> str:
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
