"""Routing and instant approval in the running product: a case changes hands, another is granted by its rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from demo.phone import Phone
from demo.wire import until
from tests.e2e.conftest import Surroundings
from tests.e2e.steps import Applicant

pytestmark = pytest.mark.anyio
ITEMS = Path(__file__).parents[2] / "data" / "items"
BIRTH = json.loads((ITEMS / "fertility-registration-xiaodian.json").read_text(encoding="utf-8"))
THERE = json.loads((ITEMS / "id-card-reissue-pingcheng.json").read_text(encoding="utf-8"))


async def _queue(counter: Any, name: str) -> set[str]:
    found = (await counter.call("GET", f"/queues/{name}?limit=100")).expect(200)["data"]
    return {case["application_no"] for case in found}


async def _case(phone: Phone, number: str) -> dict[str, Any]:
    return dict((await phone.call("GET", f"/applications/{number}")).expect(200))


async def test_a_case_is_claimed_and_handed_to_another_division(scene: Surroundings) -> None:
    somebody = await scene.applicant("wechat", "zhang-wei")
    number = await somebody.submitted()
    window, reviewer, far = somebody.window, somebody.reviewer, await scene.counter("window-pingcheng")
    assert number in await _queue(reviewer, "unclaimed")
    (await reviewer.call("POST", f"/cases/{number}/claim", {})).expect(200)
    assert number in await _queue(reviewer, "mine")
    refused = (await window.call("POST", f"/cases/{number}/accept", {})).expect(409)
    assert (refused["code"], refused["current"]["officer"]) == ("claimed_by_other", "reviewer-xiaodian")
    (await reviewer.call("POST", f"/cases/{number}/transfer", {"username": "window-xiaodian", "reason": "窗口受理"}))
    batch = (await window.call("POST", "/cases/batch-accept", {"application_nos": [number]})).expect(200)["data"]
    assert [(line["accepted"], line["status"]) for line in batch] == [(True, "ACCEPTED")]
    place = {"division_code": THERE["division_code"], "department_code": THERE["department_code"]}
    (await reviewer.call("POST", f"/cases/{number}/hand-over-to", {**place, "reason": "由户籍地办理"})).expect(200)
    assert number in await _queue(far, "unclaimed")
    (await reviewer.call("GET", f"/cases/{number}")).expect(404)
    history = (await far.call("GET", f"/cases/{number}/assignments")).expect(200)["data"]
    assert [line["kind"] for line in history] == ["CLAIM", "TRANSFER", "RELEASE", "HAND_OVER"]

    async def told() -> set[str]:
        listed = (await somebody.phone.call("GET", "/notices?limit=100")).expect(200)["data"]
        return {notice["title"] for notice in listed}

    await until("notice", told, lambda titles: "办件已移送" in titles)
    shown = await _case(somebody.phone, number)
    assert (shown["division_code"], shown["item_code"]) == (THERE["division_code"], THERE["item_code"])


async def _registration(who: Applicant, **answers: Any) -> str:
    await who.ready()
    person = who.phone.person
    own = {"applicant_name": person["name"], "id_number": person["id_number"], "phone": person["phone"]}
    form = {name: value for name, value in BIRTH["form"]["examples"][0].items() if not name.startswith("spouse")}
    photo = (await who.phone.upload("proof"))["upload_id"]
    wish = {
        "item_code": BIRTH["item_code"],
        "form": {**form, "married": False, **own, **answers},
        "materials": [{"material_code": "M01", "upload_id": photo}],
    }
    number = str((await who.phone.call("POST", "/applications", wish)).expect(201)["application_no"])
    (await who.phone.call("POST", f"/applications/{number}/submit", {})).expect(200)
    return number


async def test_a_case_is_granted_by_its_rule_and_a_person_looks_when_asked(scene: Surroundings) -> None:
    somebody = await scene.applicant("alipay", "li-na")
    number = await _registration(somebody)
    case = await until("decision", lambda: _case(somebody.phone, number), lambda case: case["outcome"] == "GRANTED")
    assert case["accepted_at"]
    told = (await somebody.phone.call("GET", f"/applications/{number}/decision-explanation")).expect(200)
    assert (told["by_rule"], told["decisions"][-1]["rule_code"]) == (True, "fertility-registration")
    (await somebody.phone.call("POST", f"/applications/{number}/ask-for-person")).expect(200)
    admin = await scene.counter("admin")
    assert number in await _queue(admin, "asked")


async def test_a_doubtful_case_stays_with_people(scene: Surroundings) -> None:
    somebody = await scene.applicant("alipay", "li-na")
    number = await _registration(somebody, children_count=9)

    async def judged() -> list[Any]:
        told = (await somebody.phone.call("GET", f"/applications/{number}/decision-explanation")).expect(200)
        return list(told["decisions"])

    runs = await until("verdict", judged, bool)
    assert [run["verdict"] for run in runs] == ["PERSON"]
    case = await _case(somebody.phone, number)
    assert (case["status"], case["outcome"], case["reason"]) == ("SUBMITTED", "", "")
