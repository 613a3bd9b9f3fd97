"""Queues and claims over HTTP: who sees what, who may act, and who wins when two are at it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from app import db
from services.staff.types import StaffCaller
from tests.integration.applications.conftest import ITEM
from tests.integration.applications.routing.steps import COUNTER, Acts, counts, numbers, row_of

pytestmark = pytest.mark.anyio


async def test_a_case_waits_unclaimed_until_somebody_takes_it(world: Any, counters: Any, acts: Acts) -> None:
    number = await world.submitted()
    reviewer = counters("reviewer")
    assert await numbers(reviewer, "unclaimed") == [number] == await numbers(reviewer, "department")
    assert await numbers(reviewer, "mine") == []
    status, hold, _ = await reviewer("POST", f"{COUNTER}/cases/{number}/claim", {"version": 2})
    assert (status, hold["officer"], hold["version"]) == (200, "reviewer", 3)
    assert await numbers(reviewer, "mine") == [number] == await numbers(counters("chief"), "department")
    assert await numbers(counters("chief"), "unclaimed") == []
    shown = await counts(reviewer)
    assert (shown["unclaimed"], shown["mine"], shown["department"], shown["overdue"]) == (0, 1, 1, 0)
    status, again, _ = await reviewer("POST", f"{COUNTER}/cases/{number}/claim")
    assert (status, again["version"]) == (200, 3)
    status, hold, _ = await reviewer("POST", f"{COUNTER}/cases/{number}/release", {"version": 3})
    assert (status, hold["officer"], hold["claimed_at"]) == (200, "", None)
    assert await numbers(reviewer, "unclaimed") == [number]
    _, history, _ = await counters("auditor")("GET", f"{COUNTER}/cases/{number}/assignments")
    assert [(line["kind"], line["to_officer"]) for line in history["data"]] == [("CLAIM", "reviewer"), ("RELEASE", "")]
    assert (await acts())[-2:] == ["case.claimed", "case.released"]


async def test_of_two_who_claim_at_once_one_wins(world: Any, counters: Any) -> None:
    number = await world.submitted()
    path = f"{COUNTER}/cases/{number}/claim"
    answers = await asyncio.gather(*(counters(name)("POST", path, {"version": 2}) for name in ("reviewer", "second")))
    assert sorted(status for status, _, _ in answers) == [200, 409]
    refused = next(answer for status, answer, _ in answers if status == 409)
    won = next(answer for status, answer, _ in answers if status == 200)
    assert refused["code"] in ("claimed_by_other", "stale_version")
    assert refused["current"]["version"] == 3
    assert (await row_of(number))["officer"] == won["officer"]
    assert len(await db.fetch_all("SELECT 1 FROM case_assignment")) == 1


async def test_of_two_who_decide_at_once_one_wins(world: Any, counters: Any) -> None:
    number = await world.accepted()
    await world.pay(number)
    version = (await row_of(number))["version"]
    approve = counters("reviewer")("POST", f"{COUNTER}/cases/{number}/approve", {"version": version})
    deny = counters("second")("POST", f"{COUNTER}/cases/{number}/deny", {"version": version, "reason": "不符合条件"})
    answers = await asyncio.gather(approve, deny)
    assert sorted(status for status, _, _ in answers) == [200, 409]
    row = await row_of(number)
    assert row["version"] == version + 1
    assert row["status"] == ("APPROVED" if answers[0][0] == 200 else "DENIED")
    assert row["officer"] == ("reviewer" if answers[0][0] == 200 else "second")


async def test_only_the_officer_or_the_chief_acts_on_a_claimed_case(
    world: Any, counters: Any, people_at_work: dict[str, StaffCaller]
) -> None:
    number = await world.submitted()
    await counters("both")("POST", f"{COUNTER}/cases/{number}/claim")
    before = await row_of(number)
    for path, body in (("accept", {}), ("not-accept", {"reason": "不属于职权"}), ("release", None), ("claim", None)):
        status, answer, _ = await counters("reviewer")("POST", f"{COUNTER}/cases/{number}/{path}", body)
        assert (status, answer["code"], answer["current"]["officer"]) == (409, "claimed_by_other", "both"), path
    assert await row_of(number) == before
    for name, acts in (
        ("reviewer", set()),
        ("both", {"receive", "return", "accept", "request_correction", "not_accept"}),
    ):
        view = await world.applications.desk.case(people_at_work[name], number, "127.0.0.1")
        assert set(view.acts) - {"review"} == acts, name
    status, answer, _ = await counters("both")("POST", f"{COUNTER}/cases/{number}/accept", {"version": 3})
    assert (status, answer["status"]) == (200, "ACCEPTED")
    assert (await row_of(number))["officer"] == "both"


async def test_deciding_claims_and_a_window_that_accepts_leaves_the_case_to_reviewers(
    world: Any, counters: Any
) -> None:
    number = await world.submitted()
    status, _, _ = await counters("window")("POST", f"{COUNTER}/cases/{number}/accept", {})
    assert (status, (await row_of(number))["officer"]) == (200, "")
    await world.pay(number)
    status, _, _ = await counters("reviewer")("POST", f"{COUNTER}/cases/{number}/approve", {})
    row = await row_of(number)
    assert (status, row["officer"]) == (200, "reviewer")
    assert row["claimed_at"] is not None
    _, history, _ = await counters("reviewer")("GET", f"{COUNTER}/cases/{number}/assignments")
    assert [(line["kind"], line["to_officer"]) for line in history["data"]] == [("CLAIM", "reviewer")]


async def test_the_chief_assigns_and_an_officer_transfers(world: Any, counters: Any) -> None:
    number = await world.submitted()
    base = f"{COUNTER}/cases/{number}"
    status, hold, _ = await counters("chief")("POST", f"{base}/assign", {"username": "reviewer", "version": 2})
    assert (status, hold["officer"]) == (200, "reviewer")
    status, answer, _ = await counters("reviewer")("POST", f"{base}/assign", {"username": "second"})
    assert (status, answer["code"]) == (403, "role_required")
    for name in ("far", "auditor", "nobody"):
        status, answer, _ = await counters("chief")("POST", f"{base}/assign", {"username": name})
        assert (status, answer["errors"][0]["path"]) == (400, "username"), name
    status, answer, _ = await counters("second")("POST", f"{base}/transfer", {"username": "second", "reason": "帮忙"})
    assert (status, answer["code"]) == (409, "claimed_by_other")
    status, hold, _ = await counters("reviewer")("POST", f"{base}/transfer", {"username": "second", "reason": "休假"})
    assert (status, hold["officer"]) == (200, "second")
    _, history, _ = await counters("chief")("GET", f"{base}/assignments")
    lines = [(line["kind"], line["from_officer"], line["to_officer"], line["reason"]) for line in history["data"]]
    assert lines == [("ASSIGN", "", "reviewer", ""), ("TRANSFER", "reviewer", "second", "休假")]
    await counters("second")("POST", f"{base}/release")
    status, answer, _ = await counters("second")("POST", f"{base}/transfer", {"username": "both", "reason": "忙"})
    assert (status, answer["code"]) == (409, "not_claimed")


async def test_out_of_scope_is_not_found_and_auditors_only_look(world: Any, counters: Any) -> None:
    number = await world.submitted()
    before = await row_of(number)
    for path, body in (("claim", None), ("release", None), ("transfer", {"username": "far", "reason": "x"})):
        status, answer, _ = await counters("far")("POST", f"{COUNTER}/cases/{number}/{path}", body)
        assert (status, answer["code"]) == (404, "not_found")
    assert await numbers(counters("far"), "department") == []
    status, answer, _ = await counters("auditor")("POST", f"{COUNTER}/cases/{number}/claim")
    assert (status, answer["code"]) == (403, "role_required")
    status, answer, _ = await counters("reviewer")("GET", f"{COUNTER}/queues/nonsense")
    assert (status, answer["code"]) == (404, "not_found")
    assert await row_of(number) == before


async def test_a_batch_is_accepted_case_by_case_and_may_be_repeated(world: Any, counters: Any) -> None:
    first, second = await world.submitted(), await world.submitted()
    draft = (await world.draft()).application_no
    wanted = {"application_nos": [first, second, draft, "14209900000000", first]}
    path = f"{COUNTER}/cases/batch-accept"
    status, answer, _ = await counters("window")("POST", path, wanted)
    assert status == 200
    told = [(line["application_no"], line["accepted"], line["code"]) for line in answer["data"]]
    bad = [(draft, False, "not_found"), ("14209900000000", False, "not_found")]
    assert told == [(first, True, ""), (second, True, ""), *bad]
    versions = [(await row_of(number))["version"] for number in (first, second)]
    _, again, _ = await counters("window")("POST", path, wanted)
    assert [line["accepted"] for line in again["data"]] == [True, True, False, False]
    assert versions == [(await row_of(number))["version"] for number in (first, second)]
    status, _, _ = await counters("window")("POST", path, {"application_nos": []})
    assert status == 400
    status, _, _ = await counters("window")("POST", path, {"application_nos": ["1"] * 101})
    assert status == 400


async def test_queues_page_and_filter(world: Any, counters: Any) -> None:
    made = [await world.submitted() for _ in range(5)]
    await counters("reviewer")("POST", f"{COUNTER}/cases/{made[1]}/claim")
    await counters("window")("POST", f"{COUNTER}/cases/{made[2]}/accept", {})
    seen, cursor = [], ""
    while True:
        _, answer, _ = await counters("chief")(
            "GET", f"{COUNTER}/queues/department", params={"limit": "2", "cursor": cursor}
        )
        seen += [case["application_no"] for case in answer["data"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert seen == made
    chief = counters("chief")
    assert await numbers(chief, "unclaimed", status="ACCEPTED") == [made[2]]
    assert await numbers(chief, "department", q=made[3]) == [made[3]]
    assert await numbers(chief, "department", q="没有这个事项") == []
    assert len(await numbers(chief, "department", q=ITEM["name"][:4])) == 5
    assert await numbers(chief, "department", item_code=ITEM["item_code"], limit="1") == [made[0]]
    await db.execute("UPDATE application SET promised_due_on = '2020-01-02' WHERE application_no = $1", made[2])
    assert await numbers(chief, "overdue") == [made[2]]
    assert (await counts(chief))["overdue"] == 1
    await counters("window")("POST", f"{COUNTER}/cases/{made[0]}/accept", {})
    await db.execute("UPDATE application SET promised_due_on = '2020-01-01' WHERE application_no = $1", made[0])
    _, first, _ = await chief("GET", f"{COUNTER}/queues/overdue", params={"limit": "1"})
    assert [case["application_no"] for case in first["data"]] == [made[0]]
    assert await numbers(chief, "overdue", limit="1", cursor=first["next_cursor"]) == [made[2]]


async def test_cards_are_queues(world: Any, counters: Any) -> None:
    number = await world.accepted()
    await db.execute(
        "INSERT INTO due_card (id, created_at, application_id, stage, colour, due_on, officer, division_code,"
        " department_code) SELECT gen_random_uuid(), now(), id, 'REVIEW', 'RED', now(), '', division_code,"
        " department_code FROM application WHERE application_no = $1",
        number,
    )
    assert await numbers(counters("chief"), "red") == [number]
    assert await numbers(counters("chief"), "yellow") == []
    assert (await counts(counters("chief")))["red"] == 1
    assert await numbers(counters("far"), "red") == []


async def test_departments_narrow_the_queues(
    world: Any, counters: Any, people_at_work: dict[str, StaffCaller], narrowed: Callable[..., StaffCaller]
) -> None:
    number = await world.submitted()
    own = (ITEM["department_code"],)
    people_at_work["own"] = narrowed(username="own", departments=own)
    people_at_work["other"] = narrowed(username="other", departments=("11140105MB0009999X",))
    assert await numbers(counters("own"), "unclaimed") == [number] == await numbers(counters("own"), "department")
    assert await numbers(counters("other"), "unclaimed") == [] == await numbers(counters("other"), "department")
    assert ((await counts(counters("own")))["unclaimed"], (await counts(counters("other")))["unclaimed"]) == (1, 0)
    await counters("own")("POST", f"{COUNTER}/cases/{number}/claim")
    assert await numbers(counters("own"), "mine") == [number]
