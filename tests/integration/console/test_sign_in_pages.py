"""Signing in and out with a browser that has no scripts."""

from __future__ import annotations

import pytest

from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio


async def test_page_without_session_leads_to_sign_in_and_back(browser: Browser) -> None:
    address = await browser.location("/staff/cases")
    assert address == "/staff/sign-in?next=/staff/cases"
    form = await browser.get(address)
    assert 'name="next" value="/staff/cases"' in form
    status, location, _ = await browser.sign_in("clerk", next="/staff/cases")
    assert (status, location) == (303, "/staff/cases")
    assert "小店区窗口 郝婷" in await browser.get("/staff/cases")


@pytest.mark.parametrize("address", ["https://evil.example", "//evil.example", "/staff\r\nX: y", "/api/v1/me"])
async def test_sign_in_never_leads_elsewhere(browser: Browser, address: str) -> None:
    assert (await browser.sign_in("clerk", next=address))[:2] == (303, "/staff")


async def test_cookie_is_kept_from_scripts_and_other_sites(browser: Browser) -> None:
    known = browser.house.secrets["clerk"]
    await browser.sign_in("clerk")
    cookie = next(iter(browser.session.cookie_jar))
    assert cookie.key == "sjt_staff"
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert cookie.value not in (known["password"], "")


async def test_wrong_code_shows_form_again_without_password(browser: Browser) -> None:
    known = browser.house.secrets["clerk"]
    form = {"username": "clerk", "password": known["password"], "totp": "000000"}
    status, _, page = await browser.post("/staff/sign-in", **form)
    assert status == 401
    assert "用户名、密码或动态口令不正确" in page
    assert 'value="clerk"' in page
    assert known["password"] not in page


async def test_empty_form_names_each_missing_field(browser: Browser) -> None:
    status, _, page = await browser.post("/staff/sign-in", username="", password="", totp="")
    assert status == 400
    assert all(sentence in page for sentence in ("请填写用户名", "请填写密码"))


async def test_sign_in_from_another_site_is_refused(browser: Browser) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        async with browser.session.post(
            f"{browser.base}/staff/sign-in", data={"username": "x"}, headers=headers
        ) as got:
            assert (got.status, "请从本站页面提交" in await got.text()) == (403, True)


async def test_sign_out_ends_session_and_cookie(clerk: Browser) -> None:
    page = await clerk.get("/staff")
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    assert (await clerk.post("/staff/sign-out", csrf_token=token))[:2] == (303, "/staff/sign-in?signed_out=1")
    assert "您已退出登录" in await clerk.get("/staff/sign-in?signed_out=1")
    assert await clerk.location("/staff") == "/staff/sign-in"


async def test_sign_out_without_csrf_token_is_refused(clerk: Browser) -> None:
    for fields in ({}, {"csrf_token": "guess"}):
        status, _, page = await clerk.post("/staff/sign-out", **fields)
        assert (status, "页面已过期" in page) == (403, True)
    await clerk.get("/staff")
