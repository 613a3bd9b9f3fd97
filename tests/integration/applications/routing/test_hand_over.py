"""Cases between bodies over HTTP: the place of filing, and hand-overs to the body of another division."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from app import db
from app.errors import NotFound
from app.events import DomainEvent
from services.staff.types import Role
from tests.integration.applications.conftest import ITEM, item_of, staff
from tests.integration.applications.routing.steps import COUNTER, ELSEWHERE, Acts, counts, numbers, row_of

pytestmark = pytest.mark.anyio


async def test_the_place_of_filing_receives_and_returns_but_does_not_decide(world: Any, counters: Any) -> None:
    number = await world.submitted()
    await db.execute("UPDATE application SET intake_division_code = '140213'")
    intake = counters("intake")
    assert await numbers(intake, "intake") == [number]
    assert (await counts(intake))["intake"] == 1
    before = await row_of(number)
    for path, body in (("accept", {}), ("not-accept", {"reason": "不属于职权"})):
        status, answer, _ = await intake("POST", f"{COUNTER}/cases/{number}/{path}", body)
        assert (status, answer["code"]) == (403, "intake_only"), path
    status, answer, _ = await intake("POST", f"{COUNTER}/cases/{number}/claim")
    assert (status, answer["code"]) == (403, "intake_only")
    assert await row_of(number) == before
    status, answer, _ = await intake("POST", f"{COUNTER}/cases/{number}/receive", {"version": before["version"]})
    assert (status, answer["status"]) == (200, "RECEIVED")
    assert (await row_of(number))["officer"] == ""


async def test_the_place_of_filing_opens_a_case_to_its_windows_only(world: Any) -> None:
    """Others there find nothing, and within the deciding division the department still counts."""
    number, here = await world.submitted(), "127.0.0.1"
    await db.execute("UPDATE application SET intake_division_code = '140213'")
    desk, files = world.applications.desk, world.applications.uploads
    upload = await db.fetch_row("SELECT id FROM upload")
    window = staff("intake", Role.WINDOW, divisions=("140213",))
    assert (await desk.case(window, number, here)).case.application_no == number
    assert (await files.case_file(window, upload["id"], here)).content_type == "image/jpeg"
    for role in (Role.REVIEWER, Role.APPROVER):
        away = staff("away", role, divisions=("140213",))
        for look in (desk.case(away, number, here), world.applications.documents.list_for_staff(away, number)):
            with pytest.raises(NotFound):
                await look
    with pytest.raises(NotFound):
        await files.case_file(staff("away", Role.REVIEWER, divisions=("140213",)), upload["id"], here)
    await db.execute("UPDATE application SET intake_division_code = '140105'")
    neighbour = replace(staff("neighbour", Role.WINDOW), departments=("11140105000000000X",))
    for look in (desk.case(neighbour, number, here), desk.receive(neighbour, number, here)):
        with pytest.raises(NotFound):
            await look
    with pytest.raises(NotFound):
        await files.case_file(neighbour, upload["id"], here)
    assert await world.status(number) == "SUBMITTED"


def offered_elsewhere(world: Any, **changes: Any) -> None:
    """Let the body of another division offer the same matter."""
    division, department = ELSEWHERE
    code = f"{department}4{ITEM['basic_code']}"
    there = item_of(item_code=code, division_code=division, department_code=department, version=7, **changes)
    world.catalogue.versions[7] = there
    world.catalogue.elsewhere = {(ITEM["basic_code"], division, department): there}


HAND_OVER = {"division_code": ELSEWHERE[0], "department_code": ELSEWHERE[1], "reason": "由户籍地办理"}


async def test_a_case_is_handed_to_the_body_of_another_division(world: Any, counters: Any, acts: Acts) -> None:
    number = await world.accepted()
    offered_elsewhere(world)
    await counters("reviewer")("POST", f"{COUNTER}/cases/{number}/claim")
    before = await row_of(number)
    path = f"{COUNTER}/cases/{number}/hand-over-to"
    status, answer, _ = await counters("second")("POST", path, HAND_OVER)
    assert (status, answer["code"]) == (409, "claimed_by_other")
    wrong = HAND_OVER | {"division_code": "140105"}
    status, answer, _ = await counters("reviewer")("POST", path, wrong)
    assert (status, answer["errors"][0]["path"]) == (400, "department_code")
    assert await row_of(number) == before
    status, hold, _ = await counters("reviewer")("POST", path, HAND_OVER | {"version": before["version"]})
    assert (status, hold["division_code"], hold["officer"]) == (200, "140702", ""), hold
    after = await row_of(number)
    assert (after["item_version"], after["promised_due_on"]) == (7, before["promised_due_on"])
    assert await numbers(counters("far"), "unclaimed") == [number]
    status, answer, _ = await counters("reviewer")("POST", f"{COUNTER}/cases/{number}/claim")
    assert (status, answer["code"]) == (404, "not_found")
    steps = await db.fetch_all("SELECT event, told FROM timeline_entry ORDER BY occurred_at, id")
    assert steps[-1]["event"] == "application.handed_over"
    assert "由户籍地办理" in steps[-1]["told"]
    _, history, _ = await counters("far")("GET", f"{COUNTER}/cases/{number}/assignments")
    assert history["data"][-1]["to_body"] == "/".join(ELSEWHERE)
    assert (await acts())[-1] == "case.handed_over"


async def test_a_case_whose_materials_the_other_body_does_not_know_stays(world: Any, counters: Any) -> None:
    """They could be neither supplied nor looked at there, and what is awaited of them would end the case."""
    number = await world.submitted()
    offered_elsewhere(world, materials=[ITEM["materials"][0]])
    before = await row_of(number)
    path = f"{COUNTER}/cases/{number}/hand-over-to"
    status, answer, _ = await counters("reviewer")("POST", path, HAND_OVER)
    assert (status, answer["code"]) == (409, "materials_differ"), answer
    assert await row_of(number) == before


async def test_the_bill_follows_the_body(world: Any, counters: Any) -> None:
    number = await world.accepted()
    offered_elsewhere(world)
    await world.applications.progress.bill_fee(number)
    await db.execute("UPDATE bill SET created_at = created_at - interval '1 hour'")
    await counters("reviewer")("POST", f"{COUNTER}/cases/{number}/hand-over-to", HAND_OVER)
    row = await db.fetch_row("SELECT payload FROM pgqueuer WHERE convert_from(payload, 'UTF8') LIKE '%handed_over%'")
    event = msgspec.json.decode(row["payload"], type=DomainEvent)
    for _ in range(2):
        await world.applications.handover.rebill(number, event.occurred_at)
    bills = await db.fetch_all("SELECT status, department_code FROM bill ORDER BY id")
    assert [(bill["status"], bill["department_code"]) for bill in bills] == [
        ("VOID", ITEM["department_code"]),
        ("UNPAID", ELSEWHERE[1]),
    ]


async def test_what_was_paid_to_one_body_is_not_handed_over(world: Any, counters: Any) -> None:
    number = await world.accepted()
    offered_elsewhere(world)
    await world.pay(number)
    before = await row_of(number)
    path = f"{COUNTER}/cases/{number}/hand-over-to"
    status, answer, _ = await counters("reviewer")("POST", path, HAND_OVER)
    assert (status, answer["code"]) == (409, "fee_paid")
    assert await row_of(number) == before
    await counters("reviewer")("POST", f"{COUNTER}/cases/{number}/approve", {})
    status, answer, _ = await counters("reviewer")("POST", path, HAND_OVER)
    assert (status, answer["code"]) == (409, "invalid_transition")
