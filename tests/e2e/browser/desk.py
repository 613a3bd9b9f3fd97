"""One window of the console: opens pages, checks that they serve people of all senses and screens, keeps pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, ConsoleMessage, Page

PICTURES = Path(__file__).parents[3] / "var" / "screenshots"
"""Kept after the run, for people to look at."""
_STANDARDS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Desk:
    """A window and what its browser has complained of: broken scripts, refused styles, failed requests."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def _heard(self, message: ConsoleMessage) -> None:
        # A refused form is an answer of 4xx with a page that explains it; browsers log that as an error.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(f"{self.page.url}: {message.text}")

    async def open(self, address: str) -> Page:
        """Go to a page of the console; it must be there."""
        answer = await self.page.goto(address, wait_until="load")
        assert answer is not None
        assert answer.status == 200, f"{address}: {answer.status}"
        return self.page

    async def press(self, name: str) -> Page:
        """Press the button or follow the link of this name."""
        wanted = re.compile(rf"^\s*{re.escape(name)}\s*$")
        target = self.page.get_by_role("button", name=wanted).or_(self.page.get_by_role("link", name=wanted))
        await target.first.click()
        await self.page.wait_for_load_state("load")
        return self.page

    async def faults(self) -> list[str]:
        """Name what keeps people out of the page as it stands: WCAG 2.2 A and AA, and what sticks out of the screen."""
        found = await Axe().run(self.page, options=_STANDARDS)
        listed = [
            f"{violation['id']}: {node['html'][:160]}"
            for violation in found.response["violations"]
            for node in violation["nodes"]
        ]
        if (wider := await self.page.evaluate(_WIDER)) > 0:
            listed.append(f"{wider} px wider than the screen")
        return listed

    async def picture(self, name: str) -> None:
        """Keep a picture of the whole page."""
        size = self.page.viewport_size
        folder = PICTURES / str(size["width"] if size else "any")
        folder.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=folder / f"{name}.png", full_page=True)
