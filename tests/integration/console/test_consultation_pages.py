"""The console's pages of consultations: list, thread, answer, refusal with what was written, parts that renew."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from app.consulting import AccountPeople, HouseMatters
from handlers.staff import consultation_pages, pages
from services.consultations.service import ConsultationService
from services.consultations.types import NewConsultation
from tests.doorway import served
from tests.integration.console.conftest import Browser, House

pytestmark = pytest.mark.anyio


@pytest.fixture
def consultations(house: House) -> ConsultationService:
    """The room, under the name that the pages expect."""
    room = ConsultationService(
        people=AccountPeople(house.accounts),
        matters=HouseMatters(house.applications, house.catalogue),
        audit=house.staff.audit,
        cipher=house.cipher,
        limits=house.staff._limits,
        chats={},
        months=24,
    )
    house.consultations = room  # type: ignore[attr-defined]  # only these pages need it
    return room


@pytest.fixture
async def desk(house: House, consultations: ConsultationService) -> AsyncIterator[Browser]:
    """Somebody's browser on the console with these pages, not signed in."""
    routes = (*pages.ROUTES, *consultation_pages.ROUTES)
    jar = aiohttp.CookieJar(unsafe=True)
    async with served(house, routes) as base, aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Browser(base, house, session)


async def _asked(house: House, consultations: ConsultationService) -> str:
    """Have 张伟 ask about his own case; return the thread's number."""
    number = await house.submitted_case()
    new = NewConsultation(text="<b>到哪一步</b>了？", application_no=number)
    caller = await house.citizen()
    survivor = (await house.accounts.profile(caller.citizen_id)).citizen_id
    return (await consultations.start(replace(caller, citizen_id=survivor), new)).consultation_no


async def _send(desk: Browser, number: str, act: str, **fields: str) -> tuple[int, str, str]:
    page = await desk.get(f"/staff/consultations/{number}")
    found = re.search(r'name="csrf_token" value="([^"]*)"', page)
    assert found is not None
    return await desk.post(f"/staff/consultations/{number}/{act}", csrf_token=found[1], **fields)


async def test_clerk_answers_from_the_page(house: House, desk: Browser, consultations: ConsultationService) -> None:
    number = await _asked(house, consultations)
    await desk.sign_in("clerk")
    listed = await desk.get("/staff/consultations")
    assert number in listed
    assert 'data-topics="consultations"' in listed
    shown = await desk.get(f"/staff/consultations/{number}")
    assert "&lt;b&gt;到哪一步&lt;/b&gt;了？" in shown
    assert f'data-topics="consultation:{number}"' in shown
    assert "张伟" not in shown
    status, _, page = await _send(desk, number, "answer", text="  ")
    assert status == 400
    assert "请填写回复内容" in page
    status, location, _ = await _send(desk, number, "answer", text="已受理，请等待")
    assert (status, location) == (303, f"/staff/consultations/{number}?done=answer")
    part = await desk.get(f"/staff/consultations/{number}/part")
    assert "已受理，请等待" in part
    assert "已改用通知告知" in part
    assert "<main" not in part


async def test_refused_routing_shows_what_was_written(
    house: House, desk: Browser, consultations: ConsultationService
) -> None:
    number = await _asked(house, consultations)
    await desk.sign_in("clerk")
    status, _, page = await _send(desk, number, "route", division_code="999999", text="转交")
    assert status == 400
    assert 'value="999999"' in page
    assert "没有此行政区划" in page


async def test_strangers_and_hostile_input_stay_out(
    house: House, desk: Browser, consultations: ConsultationService
) -> None:
    number = await _asked(house, consultations)
    assert (await desk.location("/staff/consultations")).startswith("/staff/sign-in")
    await desk.sign_in("stranger")
    await desk.get(f"/staff/consultations/{number}", 404)
    await desk.get("/staff/consultations/%00", 404)
    await desk.get("/staff/consultations?cursor=%F0", 400)
    await desk.get("/staff/consultations?status=X", 400)
    assert number not in await desk.get("/staff/consultations")
