"""A real browser before the running product: members of staff at their desks, signed in, with what the page says."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.e2e.browser.chromium import installed
from tests.e2e.browser.desk import Desk
from tests.e2e.conftest import Surroundings

_FOLDER = Path(sys.prefix) / "browser"


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser, started once."""
    found = installed(_FOLDER)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=found.program,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
            env=dict(found.environment),
        )
        yield started
        await started.close()


class Desks:
    """Opens desks: one browser window each, closed at the end of the test."""

    def __init__(self, browser: Browser, scene: Surroundings) -> None:
        self._browser = browser
        self._scene = scene
        self.opened: list[Desk] = []

    async def nobody(self, width: int = 1280) -> Desk:
        """A window in which nobody is signed in."""
        context = await self._browser.new_context(
            viewport={"width": width, "height": 900}, locale="zh-CN", base_url=self._scene.product.base
        )
        desk = Desk(context, await context.new_page())
        self.opened.append(desk)
        return desk

    async def of(self, username: str, width: int = 1280) -> Desk:
        """A window of a member of staff, with the session that this run has opened for them already."""
        counter = await self._scene.counter(username)
        desk = await self.nobody(width)
        await desk.context.add_cookies(
            [{"name": "sjt_staff", "value": counter.token, "url": self._scene.product.base, "httpOnly": True}]
        )
        return desk


@pytest.fixture
async def desks(browser: Browser, scene: Surroundings) -> AsyncIterator[Desks]:
    """Windows of staff; nothing may have gone wrong in any of them when the test ends."""
    found = Desks(browser, scene)
    yield found
    for desk in found.opened:
        await desk.context.close()
    assert [complaint for desk in found.opened for complaint in desk.complaints] == []
