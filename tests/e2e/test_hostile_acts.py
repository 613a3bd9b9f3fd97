"""Acts on cases that stand where the act has its place, with every part of the body spoiled: never a fault of ours, and
what is refused leaves the case as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from handlers.doors import Auth, Route
from tests.e2e.conftest import Surroundings
from tests.e2e.steps import STORY, Applicant
from tests.e2e.walking import Doors, encoded, example
from tests.knocking import Heard, Knocker, check_problem

pytestmark = pytest.mark.anyio
_WRONG: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 2**31, 2**63, 10**400, "", " ", "\x00", "\u202e", "\ufffe", "x" * 9_000, "%00", "A" * 64,
    "\U0001f4a9" * 60, "9999-12-31", "0001-01-01", "2026-02-30", "0001-01-01T00:00:00+14:00", "00000000000000000000",
    [], {}, [[]], [None], {"": ""}, {"a": {"b": [1]}}, ["x"] * 200,
)  # fmt: skip
_EXTRA: dict[str, dict[str, Any]] = {
    "PATCH /api/v1/applications/<application_no:str>": {
        "form_patch": {"phone": "13800000007", "reason": "遗失", "lost_on": "2025-03-02", "commitment": True},
        "materials": [
            {"material_code": "M02", "source": "upload", "upload_id": "01939c5e-0000-7000-8000-000000000001"},
            {"material_code": "M03", "source": "licence", "licence_no": "X1"},
            {"material_code": "M03", "source": "earlier", "application_no": "X1"},
            {"material_code": "M03", "source": "promise", "text_sha256": "a" * 64},
        ],
        "version": 1,
    },
    "POST /api/v1/applications": {
        "item_code": STORY["item_code"],
        "form": {"reason": "遗失"},
        "division": "140105",
        "on_behalf_of": {"mandate_no": "WT20261122Y32T9GPDYQ"},
    },
    "POST /api/v1/package-cases": {
        "package_code": "YJS1401050001",
        "form": {"applicant_name": "孙建国", "babies": 1, "wants_allowance": True, "child_born_on": "2025-02-18"},
        "materials": [{"material_code": "PK7Q2M9XA", "source": "later", "text_sha256": "a" * 64}],
        "optional_items": ["11140105MB0001177F4140709012000"],
    },
}
"""Bodies with more in them than a door's own example has."""
_AFTER_ACCEPTANCE = ("/suspend", "/resume", "/extend", "/reviews", "/approve", "/deny", "/terminate", "/overdue-reason")


def _spoiled(value: Any) -> Iterator[Any]:
    """Yield the value with each part of it, however deep, replaced by each wrong one; and without it."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            without = copy.copy(value)
            del without[key]
            yield without
            for other in (*_WRONG, *_spoiled(value[key])):
                changed = copy.copy(value)
                changed[key] = other
                yield changed


def _check(route: Route, heard: Heard, body: Any) -> None:
    assert heard.status < 500, (route.path, str(body)[:200], heard.body[:300])
    if heard.status >= 400:
        check_problem(heard)


def _body(route: Route) -> dict[str, Any]:
    return _EXTRA.get(f"{route.method} {route.path}") or example(route)


def test_every_part_of_a_body_spoiled_is_no_fault_of_ours(doors: Doors) -> None:
    number = 300_000
    for route in doors.writing():
        for body in _spoiled(_body(route)):
            number += 1
            _check(route, doors.send(route, encoded(body), number), body)


async def _standing(scene: Surroundings, applicant: Applicant, route: Route) -> str:
    """A case where the act of a door has its place."""
    number = await applicant.submitted()
    if route.path.endswith(_AFTER_ACCEPTANCE):
        (await applicant.window.call("POST", f"/cases/{number}/accept", {})).expect(200)
    return number


def _acts(doors: Doors) -> list[Route]:
    listed = [route for route in doors.writing() if route.auth is Auth.STAFF and "<application_no" in route.path]
    return [route for route in listed if route.method == "POST"]


async def test_acts_of_staff_with_spoiled_bodies_leave_the_case_as_it_was(scene: Surroundings, doors: Doors) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    routes, number, taken = _acts(doors), 400_000, set()
    assert len(routes) >= 20
    for route in routes:
        good = {name: value for name, value in example(route).items() if name != "version"}
        case_no = await _standing(scene, applicant, route)
        before = await applicant.phone.case(case_no)
        for body in (good, *({**good, "version": wrong} for wrong in _WRONG), *_spoiled(good)):
            number += 1
            address = doors.address(route, application_no=case_no)
            heard = doors.knocker(route, number).knock(route.method, address, encoded(body))
            _check(route, heard, body)
            now = await applicant.phone.case(case_no)
            if heard.status >= 400:
                assert now == before, (route.path, body)
                continue
            taken.add(route.path.rpartition("/")[2])
            if now["version"] != before["version"]:
                case_no = await _standing(scene, applicant, route)
                before = await applicant.phone.case(case_no)
    assert taken >= {"receive", "return", "accept", "correction", "not-accept", "deny", "reviews", "extend", "claim"}


async def test_changes_of_a_draft_that_are_refused_leave_it_as_it_was(scene: Surroundings, doors: Doors) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    case = await applicant.draft()
    path = f"/api/v1/applications/{case['application_no']}"
    route = next(each for each in doors.writing() if each.method == "PATCH" and each.path == _ONE)
    knocker = Knocker(doors.base, applicant.phone.token)
    before, kept = await applicant.phone.case(case["application_no"]), 0
    for body in _spoiled({"form_patch": {**applicant.form(), "police_station": "小店派出所"}}):
        heard = knocker.knock("PATCH", path, encoded(body))
        _check(route, heard, body)
        now = await applicant.phone.case(case["application_no"])
        if heard.status >= 400:
            assert now == before, body
        kept, before = kept + (heard.status == 200), now
    assert kept > 0


_ONE = "/api/v1/applications/<application_no:str>"
