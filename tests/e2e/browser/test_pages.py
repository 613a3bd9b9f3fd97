"""Every page of the console in a real browser: on a phone and on a desk, readable by everybody, with a picture kept."""

from __future__ import annotations

import pytest

from app.settings import Settings
from handlers.doors import Auth
from handlers.routes import all_routes
from tests.e2e.browser.conftest import Desks
from tests.e2e.browser.seen import NO_PAGES, PAGES, Page, Shown
from tests.e2e.conftest import Surroundings

pytestmark = pytest.mark.anyio
PHONE, DESK = 360, 1280


def test_no_page_is_forgotten() -> None:
    gets = [route for route in all_routes(Settings()) if route.method == "GET" and route.page]
    there = {route.path for route in gets if route.auth is Auth.STAFF and not route.path.endswith(("/part", "/export"))}
    assert there - NO_PAGES - {page.path for page in PAGES} == set()


@pytest.fixture(scope="session")
def shown() -> Shown:
    """What the pages show, made once."""
    return Shown()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
async def test_page_serves_everybody(desks: Desks, scene: Surroundings, shown: Shown, page: Page) -> None:
    address = page.address(await shown.facts(scene))
    faults = {}
    for width in (PHONE, DESK):
        desk = await desks.of(page.username, width)
        await desk.open(address)
        await desk.picture(page.name)
        faults[width] = await desk.faults()
    assert faults == {PHONE: [], DESK: []}
