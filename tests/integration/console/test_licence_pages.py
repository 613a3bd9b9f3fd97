"""Pages of licences: found by number within scope, changed with a reason by a reviewer, hostile input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from app.errors import InvalidTransition, NotFound
from services.licences.types import Change, LicenceHistory
from services.staff.types import Role
from tests.integration.console.conftest import Browser, House

pytestmark = pytest.mark.anyio
NUMBER = "11140105MB0001177F-1"
PATH = f"/staff/licences/{NUMBER}"


@dataclass
class Care:
    """One licence; keeps what was asked of it."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    is_over: bool = False

    async def licence(self, staff: Any, number: str) -> LicenceHistory:
        staff.require_role(Role.WINDOW, Role.REVIEWER)
        if number != NUMBER:
            raise NotFound("未找到该证照")
        return LicenceHistory(
            licence_no=NUMBER, identifier="1.2.156", type_name="居民<证>", version=1, status="VALID",
            status_text="有效", holder_shown="张*", issuer_name="小店分局", issued_on="2026-01-01", expires_on=None,
            application_no="C1", seal_no="", sealed_at=None, superseded_at=None, changes=[],
            acts=["suspend", "revoke"],
        )  # fmt: skip

    async def change_licence(self, staff: Any, number: str, change: Change, reason: str, address: str) -> None:
        staff.require_role(Role.REVIEWER)
        if self.is_over:
            raise InvalidTransition("证照当前为“注销”，不能进行此操作")
        self.asked.append((change, reason))


@pytest.fixture
def care(house: House) -> Care:
    """The staff's use cases after the decision, with one licence."""
    made = Care()
    house.applications.aftercare = made  # type: ignore[assignment]  # only what these pages ask of it
    return made


async def test_licence_is_found_and_changed_with_a_reason(browser: Browser, care: Care) -> None:
    await browser.sign_in("clerk")
    assert "没有编号为" in await browser.get("/staff/licences?q=%3Cnone%3E")
    assert PATH in await browser.get(f"/staff/licences?q={NUMBER}")
    page = await browser.get(PATH)
    assert "居民&lt;证&gt;" in page
    assert page.count("<h1") == 1
    for form in ({"change": "suspend"}, {"change": "burn", "reason": "x"}, {"reason": "x"}):
        status, _, page = await _send(browser, **form)
        assert (status, 'role="alert"' in page) == (400, True), form
    status, location, _ = await _send(browser, change="suspend", reason="依法\r\n暂扣")
    assert (status, location) == (303, f"{PATH}?done=suspend")
    assert "已暂扣" in await browser.get(location)
    assert care.asked == [("suspend", "依法\n暂扣")]
    care.is_over = True
    status, _, page = await _send(browser, change="revoke", reason="再次")
    assert (status, "不能进行此操作" in page) == (409, True)


async def test_others_are_refused_and_forged_forms_too(browser: Browser, care: Care) -> None:
    await browser.sign_in("clerk")
    status, _, _ = await browser.post(f"{PATH}/status", change="suspend", reason="x", csrf_token="forged")
    assert status == 403
    await browser.get("/staff/licences/X", 404)
    await browser.get("/staff/licences?q=" + "x" * 129, 400)
    await browser.sign_in("stranger")
    assert "变更状态</h2>" not in await browser.get(PATH), "a window looks only"
    assert (await browser.post(f"{PATH}/status", change="suspend", reason="x"))[0] == 403
    await browser.sign_in("cashier")
    for path in ("/staff/licences", PATH):
        assert "role_required" in await browser.get(path, 403)


async def _send(browser: Browser, **fields: str) -> tuple[int, str, str]:
    page = await browser.get(PATH)
    token = page.split('name="csrf_token" value="')[-1].split('"')[0]
    return await browser.post(f"{PATH}/status", csrf_token=token, **fields)
