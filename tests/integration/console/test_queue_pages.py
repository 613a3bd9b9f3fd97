"""Queues on pages: counts, claiming and giving back, several accepted at once, passing on to a colleague."""

from __future__ import annotations

import re

import pytest

from app import db
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio


def _token(page: str) -> str:
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


async def _hold(browser: Browser, number: str, **fields: str) -> tuple[int, str, str]:
    return await browser.send(f"/staff/cases/{number}/hold", **fields)


async def test_unclaimed_case_is_claimed_from_the_queue_and_given_back(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get("/staff/queues")
    assert f"/staff/cases/{number}" in page
    assert re.search(r"待认领 <strong>1</strong>", page)
    status, location, _ = await _hold(clerk, number, do="claim", back="unclaimed")
    assert (status, location) == (303, "/staff/queues/unclaimed?done=claim")
    page = await clerk.get("/staff/queues/mine?done=claim")
    assert 'role="status">已认领' in page
    assert number in page
    assert (await _hold(clerk, number, do="release"))[1] == f"/staff/cases/{number}/hold?done=release"
    assert re.search(r"我的办件 <strong>0</strong>", await clerk.get("/staff/queue-counts"))
    actions = await db.fetch_all("SELECT action FROM audit_entry WHERE action LIKE 'case.%' ORDER BY seq")
    assert [row["action"] for row in actions] == ["case.claimed", "case.released"]


async def test_ticked_cases_are_accepted_and_each_is_told(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    token = _token(await clerk.get("/staff/queues"))
    sent = {"case_0": number, "case_3": "NOSUCHCASE", "csrf_token": token}
    status, _, page = await clerk.post("/staff/queues/unclaimed/accept", **sent)
    assert (status, "1件已受理，1件未受理" in page) == (200, True)
    status, _, page = await clerk.post("/staff/queues/unclaimed/accept", csrf_token=token)
    assert (status, "请勾选要受理的办件" in page) == (400, True)


async def test_transfer_needs_a_colleague_and_a_reason(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    await _hold(clerk, number, do="claim")
    for fields, sentence in (
        ({"do": "transfer", "username": "", "reason": "休假"}, "请填写接收人的用户名"),
        ({"do": "transfer", "username": "nobody", "reason": "休假"}, "没有此工作人员"),
        ({"do": "transfer", "username": "approver", "reason": ""}, "请填写转办理由"),
        ({"do": "transfer", "username": "stranger", "reason": "休假"}, "不在本办件的办理范围内"),
    ):
        status, _, page = await _hold(clerk, number, **fields)
        assert (status, sentence in page) == (400, True), fields


async def test_case_of_a_colleague_is_not_taken_and_the_chief_assigns_it(browser: Browser) -> None:
    number = await browser.house.submitted_case()
    await browser.sign_in("clerk")
    await _hold(browser, number, do="claim")
    await browser.sign_in("approver")
    assert (await _hold(browser, number, do="assign", username="clerk"))[0] == 303
    assert (await _hold(browser, number, do="release"))[0] == 303


async def test_stale_hold_says_so(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get(f"/staff/cases/{number}/hold")
    version = page.split('name="version" value="', 1)[1].split('"', 1)[0]
    await _hold(clerk, number, do="claim")
    status, _, page = await clerk.post(
        f"/staff/cases/{number}/hold", do="release", version=str(int(version) - 1 or 99), csrf_token=_token(page)
    )
    assert (status, 'role="alert"' in page) == (409, True)


async def test_cashier_has_no_queues_and_elsewhere_nothing_is_found(browser: Browser) -> None:
    number = await browser.house.submitted_case()
    await browser.sign_in("cashier")
    await browser.get("/staff/queues", status=403)
    await browser.sign_in("stranger")
    assert number not in await browser.get("/staff/queues/department")
    await browser.get(f"/staff/cases/{number}/hold", status=404)
    await browser.get("/staff/queues/none", status=404)
    await browser.get("/staff/queues/mine?status=NONE", status=400)
    await browser.get("/staff/queues/mine?cursor=%25", status=400)
