"""The demonstration's home page, with and without its simulators."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from aiohttp import web

from app.settings import Settings
from app.showcase import Showcase
from handlers import home
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio


async def test_home_says_who_can_sign_in_and_how(browser: Browser) -> None:
    page = await browser.get("/")
    for text in ("demo-zhang-wei", "张伟", "/docs", "/staff/sign-in", "/readyz", "clerk"):
        assert text in page
    assert browser.house.secrets["clerk"]["password"] in page
    assert "模拟器没有应答" in page


async def test_shown_code_signs_in(browser: Browser) -> None:
    page = await browser.get("/demo/accounts")
    row = page.split("<code>clerk</code>")[1].split("</tr>")[0]
    code = re.search(r'class="code">(\d{6})<', row)
    assert code is not None
    form = {"username": "clerk", "password": browser.house.secrets["clerk"]["password"], "totp": code[1]}
    assert (await browser.post("/staff/sign-in", **form))[0] == 303


async def test_home_shows_what_the_simulators_received(browser: Browser) -> None:
    rows = {
        "/control": {"providers": {"wechat": "http://127.0.0.1:8101"}, "calls": {"wechat": {"code2session": 3}}},
        "/control/requests": [{"at": "2026-03-02T10:00:00+08:00", "provider": "wechat", "call": "code2session",
                               "app_id": "<wx1>", "outcome": "ok"}],
        "/control/messages": [{"at": "2026-03-02T10:00:00+08:00", "channel": "sms", "person": "zhang-wei",
                               "text": "【三晋通】您的办件已受理", "data": {}}],
        "/control/callbacks": [{"at": "2026-03-02T10:00:00+08:00", "provider": "sf", "kind": "route", "status": 200,
                                "attempt": 1, "url": "http://127.0.0.1/callbacks/sf/secret-token"}],
    }  # fmt: skip

    async def answering(request: web.Request) -> web.Response:
        return web.json_response(rows[request.path])

    app = web.Application()
    for path in rows:
        app.router.add_get(path, answering)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    browser.house.showcase = Showcase(replace(browser.house.settings, sim_port=port), browser.session)
    page = await browser.get("/demo/received")
    await runner.cleanup()
    for text in ("code2session", "【三晋通】您的办件已受理", "短信", "微信小程序", "&lt;wx1&gt;", "2026-03-02 10:00"):
        assert text in page
    assert "secret-token" not in page


@pytest.mark.parametrize("env", ["production", "test"])
def test_home_exists_in_demo_mode_only(env: str) -> None:
    assert home.demo_routes(Settings(env=env)) == ()
    assert [route.path for route in home.demo_routes(Settings())] == ["/", "/demo/received", "/demo/accounts"]
