"""Pages of staff and roles, the first sign-in, the own account and the audit trail, by a browser without scripts."""

from __future__ import annotations

import re

import pyotp
import pytest

from app import clock, db
from handlers.rendering import CONTENT_SECURITY_POLICY
from services.staff.types import NewStaff, Role
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio
GOOD = "汾河边的柳树 green in May"
_INLINE = re.compile(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=\"/static/)", re.IGNORECASE)


@pytest.fixture(autouse=True)
def _mid_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold the seconds in the middle of a time step, so that no code grows old during a test."""
    middle = clock.timestamp() // 30 * 30 + 15
    monkeypatch.setattr(clock, "timestamp", lambda: middle)


async def _newcomer(browser: Browser, username: str = "root", role: Role = Role.ADMINISTRATOR) -> str:
    new = NewStaff(username=username, display_name=f"新人 {username}", roles=[role], divisions=["140000"])
    return (await browser.house.staff.members.add_by_operator(new)).first_password


def _token(page: str) -> str:
    return page.split('name="csrf_token" value="')[1].split('"')[0]


async def _settle(browser: Browser, username: str, password: str) -> str:
    """Go through the pages of a first sign-in; return the TOTP secret."""
    status, location, _ = await browser.post("/staff/sign-in", username=username, password=password, totp="")
    assert (status, location) == (303, "/staff/setup")
    form = {"csrf_token": _token(await browser.get("/staff/setup"))}
    assert (await browser.post("/staff/setup/password", new_password=GOOD, again=GOOD, **form))[:2] == (
        303,
        "/staff/setup",
    )
    page = await browser.get("/staff/setup")
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert secret is not None
    code = pyotp.TOTP(secret[1]).at(clock.timestamp())
    status, location, page = await browser.post("/staff/setup/totp/confirm", totp=f"{code[:3]} {code[3:]}", **form)
    assert (status, location) == (303, "/staff"), page
    return secret[1]


@pytest.fixture
async def root(browser: Browser) -> Browser:
    """The administrator of the province, through the first sign-in."""
    await _settle(browser, "root", await _newcomer(browser))
    return browser


async def test_newcomer_is_led_through_the_first_sign_in(browser: Browser) -> None:
    await _settle(browser, "root", await _newcomer(browser))
    assert "新人 root" in await browser.get("/staff/profile")
    assert await browser.location("/staff/setup") == "/staff"


async def test_session_of_a_first_sign_in_opens_no_other_page(browser: Browser) -> None:
    password = await _newcomer(browser)
    await browser.post("/staff/sign-in", username="root", password=password, totp="")
    for page in ("/staff", "/staff/members", "/staff/profile", "/staff/audit"):
        assert await browser.location(page) == "/staff/setup"
    page = await browser.get("/staff/setup")
    assert not _INLINE.search(page)
    assert (await browser.post("/staff/sign-out", csrf_token=_token(page)))[1] == "/staff/sign-in?signed_out=1"


async def test_faults_of_the_first_sign_in_are_said_in_the_page(browser: Browser) -> None:
    password = await _newcomer(browser)
    await browser.post("/staff/sign-in", username="root", password=password, totp="")
    form = {"csrf_token": _token(await browser.get("/staff/setup"))}
    for fields, sentence in (
        ({"new_password": GOOD, "again": "x"}, "两次输入的新密码不一致"),
        ({"new_password": "short", "again": "short"}, "密码至少12个字符"),
        ({"new_password": "Password1234", "again": "Password1234"}, "过于常见"),
    ):
        status, _, page = await browser.post("/staff/setup/password", **fields, **form)
        assert (status, sentence in page, 'aria-invalid="true"' in page) == (400, True, True)
    await browser.post("/staff/setup/password", new_password=GOOD, again=GOOD, **form)
    status, _, page = await browser.post("/staff/setup/totp/confirm", totp="000000", **form)
    assert (status, "动态口令不正确" in page) == (400, True)


async def test_qr_code_is_an_image_of_the_session(browser: Browser) -> None:
    password = await _newcomer(browser)
    await browser.post("/staff/sign-in", username="root", password=password, totp="")
    await browser.get("/staff/totp.svg", 404)
    form = {"csrf_token": _token(await browser.get("/staff/setup"))}
    await browser.post("/staff/setup/totp", **form)
    async with browser.session.get(f"{browser.base}/staff/totp.svg") as got:
        assert (got.status, got.headers["Content-Type"]) == (200, "image/svg+xml")
        assert got.headers["Cache-Control"] == "no-store"
        assert " style=" not in await got.text()
    browser.session.cookie_jar.clear()
    assert (await browser.location("/staff/totp.svg")).startswith("/staff/sign-in")


async def test_administrator_adds_changes_and_resets_somebody(root: Browser) -> None:
    fields = {"username": "new-window", "display_name": "<b>新窗口</b>", "divisions": "140105，140106"}
    status, _, page = await root.send("/staff/members/new", **fields, role_window="1")
    assert (status, "初始密码（仅显示这一次）" in page) == (200, True)
    assert "&lt;b&gt;新窗口&lt;/b&gt;" in page
    assert "初始密码（仅显示这一次）" not in await root.get("/staff/members/new-window")
    edited = {"display_name": "新窗口", "divisions": "140105", "departments": "", "role_reviewer": "1"}
    status, location, page = await root.send("/staff/members/new-window/edit", **edited)
    assert (status, location) == (303, "/staff/members/new-window?done=changed"), page
    page = await root.get(location)
    assert "已保存，立即生效" in page
    act = {"csrf_token": _token(page), "version": "2", "act": "reset_password"}
    status, _, page = await root.post("/staff/members/new-window/act", **act, sure="1", reason="")
    assert (status, "请填写原因" in page) == (400, True)
    status, _, page = await root.post("/staff/members/new-window/act", **act, reason="忘记密码")
    assert (status, "请勾选确认" in page) == (400, True)
    status, _, page = await root.post("/staff/members/new-window/act", **act, reason="忘记密码", sure="1")
    assert (status, "初始密码（仅显示这一次）" in page) == (200, True)
    rows = await db.fetch_all("SELECT action FROM audit_entry WHERE object_no = 'new-window' ORDER BY seq")
    assert [row["action"] for row in rows] == ["staff.added", "staff.changed", "staff.password_reset"]


async def test_faulty_form_of_an_account_keeps_what_was_written(root: Browser) -> None:
    fields = {"username": "new window", "display_name": "新", "divisions": "140105", "role_window": "1"}
    status, _, page = await root.send("/staff/members/new", **fields)
    assert (status, "用户名只能用字母" in page, 'value="new window"' in page) == (400, True, True)
    status, _, page = await root.send("/staff/members/new", **(fields | {"username": "x", "role_window": ""}))
    assert (status, "请至少选择一个角色" in page) == (400, True)
    status, _, page = await root.send("/staff/members/new", **(fields | {"username": "x", "divisions": "149999"}))
    assert (status, "没有区划 149999" in page) == (400, True)


async def test_own_account_offers_no_acts_and_clerks_see_no_members(root: Browser) -> None:
    assert 'action="/staff/members/root/act"' not in await root.get("/staff/members/root")
    root.session.cookie_jar.clear()
    await root.sign_in("clerk")
    await root.get("/staff/members", 403)
    assert "/staff/members" not in (await root.get("/staff")).split("<main")[0]


async def test_profile_ends_sessions_and_changes_the_password(clerk: Browser) -> None:
    known = clerk.house.secrets["clerk"]
    code = pyotp.TOTP(known["totp_secret"]).at(clock.timestamp() + 30)
    await clerk.house.staff.sign_in("clerk", known["password"], code, "10.8.8.8", "<i>Other</i>")
    page = await clerk.get("/staff/profile")
    assert "&lt;i&gt;Other&lt;/i&gt;" in page
    assert "10.8.8.8" in page
    form = {"csrf_token": _token(page)}
    assert (await clerk.post("/staff/profile/sessions/end-others", **form))[1] == "/staff/profile?done=others"
    assert "10.8.8.8" not in await clerk.get("/staff/profile")
    await db.execute("UPDATE staff_member SET totp_last_step = 0")
    proof = {"password": known["password"], "totp": code, "new_password": GOOD, "again": GOOD}
    status, _, page = await clerk.post("/staff/profile/password", **(proof | {"password": "x"}), **form)
    assert (status, "原密码或动态口令不正确" in page, known["password"] in page) == (400, True, False)
    assert (await clerk.post("/staff/profile/password", **proof, **form))[:2] == (303, "/staff/profile?done=password")


async def test_audit_page_filters_and_says_what_is_wrong_with_a_filter(root: Browser) -> None:
    page = await root.get("/staff/audit?actor=root&action=staff.")
    assert "staff.password_set" in page
    assert "staff.added" not in page
    await root.get("/staff/audit?since=2026-02-30", 400)
    await root.get("/staff/audit?cursor=x", 400)
    assert "没有符合条件的审计记录" in await root.get("/staff/audit?object_no=nothing")
    async with root.session.get(f"{root.base}/staff/audit/export?actor=root&format=csv") as got:
        text = (await got.read()).decode()
    assert "仅限公务使用" in text.splitlines()[0]
    assert "staff.password_set" in text


async def test_chain_is_checked_in_the_background(root: Browser) -> None:
    assert "尚未核验" in await root.get("/staff/audit/check")
    form = {"csrf_token": _token(await root.get("/staff/audit")), "scope": "all"}
    assert (await root.post("/staff/audit/check", **form))[:2] == (303, "/staff/audit")
    assert "正在核验" in await root.get("/staff/audit/check")
    status, _, page = await root.post("/staff/audit/check", **form)
    assert (status, "核验正在进行" in page) == (409, True)
    await root.house.staff.trail.check()
    assert "完整：已核验至" in await root.get("/staff/audit/check")


async def test_every_one_of_these_pages_is_strict_and_labelled(root: Browser) -> None:
    await root.house.staff.members.add_by_operator(
        NewStaff(username="other", display_name="另一人", roles=[Role.WINDOW], divisions=["140105"])
    )
    paths = ("", "/new", "/other", "/other/edit")
    for path in (*(f"/staff/members{one}" for one in paths), "/staff/profile", "/staff/audit"):
        page = await root.get(path)
        async with root.session.get(root.base + path) as got:
            assert got.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert not _INLINE.search(page), path
        fields = re.findall(r"<(?:input|textarea|select)(?![^>]*type=\"hidden\")[^>]*", page)
        ids = [re.search(r'id="([^"]+)"', one) for one in fields]
        assert all(one is not None and f'<label for="{one[1]}"' in page for one in ids), path
        assert page.count("<h1") == 1, path
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", page, re.DOTALL):
            assert 'name="csrf_token"' in form, path
