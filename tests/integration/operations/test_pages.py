"""Pages and doors of providers and jobs, with a token instead of a cookie."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from types import SimpleNamespace

import aiohttp
import pytest

from app import db
from app.settings import Settings
from handlers.staff import operation_pages, operations
from services.staff.types import StaffCaller
from tests.doorway import served
from tests.integration.operations.conftest import ADMINISTRATOR, AUDITOR, House
from tests.integration.operations.test_jobs import PERSONAL, _park

pytestmark = pytest.mark.anyio
_INLINE = re.compile(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=\"/static/)", re.IGNORECASE)


class Sessions:
    """Believes that the token is the caller."""

    async def authenticate(self, token: str, *, setup: bool = False) -> StaffCaller:
        return {"admin": ADMINISTRATOR, "auditor": AUDITOR}[token]


@pytest.fixture
async def base(house: House) -> AsyncIterator[str]:
    """Open doors."""
    front = SimpleNamespace(staff=Sessions(), operations=house.operations, settings=Settings(), cipher=None)
    async with served(front, (*operation_pages.ROUTES, *operations.ROUTES)) as address:
        yield address


@pytest.fixture
async def admin(base: str) -> AsyncIterator[aiohttp.ClientSession]:
    """The administrator."""
    async with aiohttp.ClientSession(base, headers={"Authorization": "Bearer admin"}) as session:
        yield session


async def _page(session: aiohttp.ClientSession, path: str, status: int = 200) -> str:
    async with session.get(path, allow_redirects=False) as got:
        text = await got.text()
        assert got.status == status, text
        assert not _INLINE.search(text)
        return text


async def test_pages_of_providers(admin: aiohttp.ClientSession, house: House) -> None:
    for outcome in ("answered", "answered", "answered", "timeout"):
        house.health.observe("wechat_pay", "order", outcome, 0.1)
    await house.health.flush()
    page = await _page(admin, "/staff/providers")
    assert page.count("<h1") == 1
    assert 'data-refresh="/staff/providers/part"' in page
    for text in (page, await _page(admin, "/staff/providers/part")):
        assert "微信支付" in text
        assert "25.0%（1/4）" in text
        assert "超时" in text
    assert "近24小时" in await _page(admin, "/staff/providers/of/wechat_pay")
    await _page(admin, "/staff/providers/of/nobody", 404)


async def test_page_of_jobs_puts_back_and_throws_away(admin: aiohttp.ClientSession) -> None:
    await _park("reaction", PERSONAL, 3)
    page = await _page(admin, "/staff/jobs?job=reaction")
    assert "13800000001" not in page
    assert "subject_no=B1" in page
    assert "没有在运行的任务进程" in await _page(admin, "/staff/jobs/part")
    rows = await db.fetch_all("SELECT id FROM pgqueuer ORDER BY id")
    first, second = rows[0]["id"], rows[1]["id"]
    for path, fields, done in (
        (f"/staff/jobs/{first}/requeue", {}, "requeued"),
        (f"/staff/jobs/{second}/discard", {"reason": "已处理"}, "discarded"),
        ("/staff/jobs/requeue", {"job": "reaction"}, "requeued"),
    ):
        async with admin.post(path, data={"csrf_token": "", **fields}, allow_redirects=False) as got:
            assert (got.status, got.headers["Location"]) == (303, f"/staff/jobs?done={done}")
    for path, fields, status in (
        (f"/staff/jobs/{first}/requeue", {}, 404),
        ("/staff/jobs/99999999999999999999/discard", {"reason": "x"}, 404),
        ("/staff/jobs/requeue", {"job": "reaction"}, 404),
    ):
        async with admin.post(path, data={"csrf_token": "", **fields}, allow_redirects=False) as got:
            assert got.status == status
    assert "没有失败的任务" in await _page(admin, "/staff/jobs")


async def test_json_doors_say_the_same(admin: aiohttp.ClientSession) -> None:
    await _park("reaction", PERSONAL)
    async with admin.get("/api/staff/v1/jobs") as got:
        assert (await got.json())["jobs"][0]["failed"] == 1
    async with admin.get("/api/staff/v1/jobs/failed?limit=1") as got:
        (job,) = (await got.json())["data"]
    async with admin.post(f"/api/staff/v1/jobs/{job['id']}/discard", json={"reason": "已处理"}) as got:
        assert got.status == 204
    async with admin.post("/api/staff/v1/jobs/failed/requeue", json={"job": "reaction"}) as got:
        assert (got.status, (await got.json())["code"]) == (404, "not_found")
    async with admin.get("/api/staff/v1/providers") as got:
        assert (await got.json())["data"] == []


async def test_auditors_see_no_buttons(base: str) -> None:
    await _park("reaction", PERSONAL)
    async with aiohttp.ClientSession(base, headers={"Authorization": "Bearer auditor"}) as session:
        page = await _page(session, "/staff/jobs")
    assert "reaction" in page
    assert "/requeue" not in page
    assert "/discard" not in page
