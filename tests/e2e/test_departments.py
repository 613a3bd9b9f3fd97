"""A department's own system beside the running product: it is told of a case, reads it, and handles it."""

from __future__ import annotations

from typing import Any

import pytest

from demo.wire import until
from tests.e2e.conftest import Surroundings

pytestmark = pytest.mark.anyio
SYSTEM = "/control/department/systems/gongan-xiaodian"


async def _heard(scene: Surroundings, number: str) -> list[str]:
    listed = (await scene.control.send("GET", f"{SYSTEM}/events")).expect(200)
    return [each["content"]["event"] for each in listed if each["content"]["application_no"] == number]


async def _ask(scene: Surroundings, path: str, body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await scene.control.send("POST", f"{SYSTEM}/{path}", value=body)).expect(200)
    assert found["status"] == 200, found
    return found


async def test_a_case_is_handled_by_the_departments_own_system(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "zhang-wei")
    number = await applicant.submitted()
    await until("first event", lambda: _heard(scene, number), bool)
    case = await _ask(scene, "case", {"application_no": number})
    assert case["body"]["applicant"]["name"] == "张伟"
    assert all(file == {"status": 200, "fits": True} for file in case["files"])
    accepted = {
        "application_no": number,
        "kind": "acceptance",
        "version": case["body"]["version"],
        "content": {"action": "accept", "officer": "郭强"},
    }
    taken = await _ask(scene, "push", accepted)
    denied = {
        "application_no": number,
        "kind": "result",
        "version": taken["body"]["version"],
        "content": {"action": "deny", "officer": "郭强", "reason": "照片与本人不符"},
    }
    await _ask(scene, "push", denied)
    heard = await until("all events", lambda: _heard(scene, number), lambda found: "application.closed" in found)
    assert heard == ["application.submitted", "application.accepted", "application.denied", "application.closed"]
    seen = (await applicant.phone.call("GET", f"/applications/{number}")).expect(200)
    assert (seen["status"], seen["outcome"]) == ("CLOSED", "REFUSED")
