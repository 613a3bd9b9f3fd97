"""What holds for every page: strict headers, nothing inline, labelled fields, cached assets; the cashier's page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handlers import assets
from handlers.rendering import CONTENT_SECURITY_POLICY
from payments.settlement_repository import record_quarantined
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio
_INLINE = re.compile(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=\"/static/)", re.IGNORECASE)
_ELSEWHERE = re.compile(r"<(?:img|script|link|iframe|form)[^>]*(?:src|href|action)=\"(?!/)", re.IGNORECASE)


async def _pages(browser: Browser) -> dict[str, str]:
    number = await browser.house.submitted_case()
    open_to_all = {
        path: await browser.get(path) for path in ("/", "/demo/received", "/demo/accounts", "/staff/sign-in")
    }
    await browser.sign_in("clerk")
    case = f"/staff/cases/{number}"
    inside = ("/staff", "/staff/cases", case, f"{case}/accept", f"{case}/not-accept", "/staff/queues", f"{case}/hold")
    inside += (f"{case}/materials", f"{case}/request-correction", "/staff/cases?status=ANY&paid=unpaid")
    return open_to_all | {path: await browser.get(path) for path in inside}


async def test_every_page_is_strict_and_holds_nothing_inline(browser: Browser) -> None:
    for path, page in (await _pages(browser)).items():
        async with browser.session.get(browser.base + path) as got:
            assert got.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY, path
            assert got.headers["Cache-Control"] == "no-store", path
            assert got.headers["X-Content-Type-Options"] == "nosniff", path
        assert not _INLINE.search(page), (path, _INLINE.search(page))
        assert not _ELSEWHERE.search(page), path


async def test_policy_allows_no_inline_and_nothing_from_elsewhere() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


async def test_every_field_has_a_label_and_every_page_a_heading_and_language(browser: Browser) -> None:
    for path, page in (await _pages(browser)).items():
        ids = re.findall(r"<(?:input|textarea|select)(?![^>]*type=\"hidden\")[^>]*id=\"([^\"]+)\"", page)
        fields = re.findall(r"<(?:input|textarea|select)(?![^>]*type=\"hidden\")", page)
        assert len(ids) == len(fields), path
        assert all(f'<label for="{each}"' in page for each in ids), path
        if not path.startswith("/demo/"):
            assert page.count("<h1") == 1, path
            assert '<html lang="zh-CN">' in page, path


async def test_assets_are_named_by_content_and_kept_for_a_year(browser: Browser) -> None:
    page = await browser.get("/staff/sign-in")
    found = re.search(r'href="(/static/house\.[0-9a-f]{16}\.css)"', page)
    assert found is not None
    async with browser.session.get(browser.base + found[1]) as got:
        assert (got.status, got.content_type) == (200, "text/css")
        assert got.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        tag = got.headers["ETag"]
    async with browser.session.get(browser.base + found[1], headers={"If-None-Match": tag}) as again:
        assert again.status == 304


def test_an_asset_nobody_wrote_fails_while_rendering() -> None:
    with pytest.raises(KeyError):
        assets.asset("missing.css")


async def test_error_page_names_code_and_request(browser: Browser) -> None:
    async with browser.session.get(f"{browser.base}/static/none", headers={"X-Request-ID": "abc-123"}) as got:
        page = await got.text()
        assert (got.status, got.content_type, got.headers["X-Request-ID"]) == (404, "text/html", "abc-123")
    assert "not_found" in page
    assert "abc-123" in page


async def test_cashier_sees_what_contradicts_our_records(browser: Browser) -> None:
    await record_quarantined("wechat_pay", "k1", "wrong_amount", "P1", {"amount_fen": 4000}, {"amount_fen": 1})
    await browser.sign_in("cashier")
    page = await browser.get("/staff/payments/quarantined")
    assert all(text in page for text in ("金额不符", "微信支付", "40.00元", "0.01元", "P1"))
    assert "待核对支付" in await browser.get("/staff")


async def test_window_may_not_see_the_cashiers_page(clerk: Browser) -> None:
    assert "您没有权限" in await clerk.get("/staff/payments/quarantined", status=403)
    assert "/staff/payments/quarantined" not in await clerk.get("/staff")


_PAIRS = [
    ("ink", "paper"), ("ink", "ground"), ("quiet", "paper"), ("quiet", "ground"), ("blue", "paper"), ("blue", "ground"),
    ("blue", "blue-pale"), ("paper", "blue"), ("paper", "bad"), ("good", "good-pale"), ("warn", "warn-pale"),
    ("bad", "bad-pale"), ("ink", "blue-pale"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "ground"), _PAIRS)
def test_colours_meet_the_contrast_of_wcag_aa(text: str, ground: str) -> None:
    sheet = (Path(assets.__file__).parent / "static" / "house.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", sheet))
    light, dark = sorted((_luminance(colours[text]), _luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def _luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
