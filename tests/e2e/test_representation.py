"""Acting for others in the running product: an enterprise, its agent, a mandate taken back, help at the window."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import clock
from demo.phone import Phone
from demo.wire import until
from tests.e2e.conftest import Surroundings
from tests.e2e.steps import STORY, Applicant

pytestmark = pytest.mark.anyio
ENTERPRISES = json.loads((Path(__file__).parents[2] / "data" / "enterprises.json").read_text(encoding="utf-8"))
CLOUD = next(row for row in ENTERPRISES if row["legal_representative"] == "zhang-wei" and row["status"] == "OPEN")


def _mandate_for(agent: Phone, **more: Any) -> dict[str, Any]:
    today = clock.beijing_date()
    return {
        "agent_name": agent.person["name"],
        "agent_id_number": agent.person["id_number"],
        "item_codes": [STORY["item_code"]],
        "from_on": today.isoformat(),
        "until_on": (today + timedelta(days=7)).isoformat(),
        **more,
    }


async def _told(phone: Phone) -> set[str]:
    """Titles in the in-app inbox."""
    return {notice["title"] for notice in (await phone.call("GET", "/notices?limit=100")).expect(200)["data"]}


async def _draft(who: Applicant, **behalf: Any) -> str:
    photo = (await who.phone.upload("proof"))["upload_id"]
    materials = [{"material_code": each["material_code"], "upload_id": photo} for each in STORY["materials"]]
    wish = {"item_code": STORY["item_code"], "form": who.form(), "materials": materials, **behalf}
    return str((await who.phone.call("POST", "/applications", wish)).expect(201)["application_no"])


async def test_enterprise_is_bound_by_the_register_and_its_agent_files(scene: Surroundings) -> None:
    boss, clerk = await scene.applicant("wechat", "zhang-wei"), await scene.applicant("alipay", "li-na")
    await boss.ready()
    await clerk.ready()
    claim = {"uscc": CLOUD["uscc"], "name": CLOUD["name"]}
    refused = await clerk.phone.call("POST", "/enterprises", claim)
    assert refused.expect(409)["code"] == "enterprise_not_confirmed"
    enterprise = (await boss.phone.call("POST", "/enterprises", claim)).expect(201)
    assert enterprise["address"] == CLOUD["address"]
    offer = _mandate_for(clerk.phone, enterprise_id=enterprise["id"])
    mandate = (await boss.phone.call("POST", "/mandates", offer)).expect(201)["mandate_no"]
    await until("notice", lambda: _told(clerk.phone), lambda seen: "收到授权委托" in seen)
    (await clerk.phone.call("POST", f"/mandates/{mandate}/accept")).expect(200)
    number = await _draft(clerk, on_behalf_of={"mandate_no": mandate})
    (await clerk.phone.call("POST", f"/applications/{number}/submit", {})).expect(200)
    case = (await boss.window.call("GET", f"/cases/{number}")).expect(200)["case"]
    assert case["applicant_shown"] == CLOUD["name"]
    timeline = (await boss.phone.call("GET", f"/applications/{number}/timeline")).expect(200)["data"]
    assert timeline[0]["actor_shown"] == f"代办人 *娜（受 {CLOUD['name']} 委托）"
    (await boss.phone.call("POST", f"/mandates/{mandate}/revoke")).expect(200)
    (await clerk.phone.call("GET", f"/applications/{number}")).expect(404)
    (await boss.phone.call("GET", f"/applications/{number}")).expect(200)
    (await boss.phone.call("DELETE", f"/enterprises/{CLOUD['uscc']}")).expect(204)
    (await boss.phone.call("GET", f"/applications/{number}")).expect(404)


async def test_register_that_is_away_binds_nothing(scene: Surroundings) -> None:
    boss = await scene.applicant("wechat", "zhang-wei")
    await boss.ready()
    before = (await boss.phone.call("GET", "/enterprises")).expect(200)["data"]
    fault = {"provider": "register", "call": "representative_check", "kind": "http", "status": 503, "times": 3}
    (await scene.control.send("POST", "/control/faults", value=fault)).expect(200, 201)
    claim = {"uscc": CLOUD["uscc"], "name": CLOUD["name"]}
    assert (await boss.phone.call("POST", "/enterprises", claim)).expect(503)["code"] == "provider_unavailable"
    assert (await boss.phone.call("GET", "/enterprises")).expect(200)["data"] == before


async def test_help_at_the_window_ends_with_the_citizens_own_submission(scene: Surroundings) -> None:
    citizen = await scene.applicant("wechat", "zhang-wei")
    await citizen.ready()
    offer = (await citizen.window.call("POST", "/assistances", {"item_code": STORY["item_code"]})).expect(201)
    seen = (await citizen.phone.call("POST", "/assistances/look", {"code": offer["code"]})).expect(200)
    fill_in = next(one for one in seen["consents"] if not one["may_submit"])
    consent = {"code": offer["code"], "text_sha256": fill_in["sha256"]}
    number = (await citizen.phone.call("POST", "/assistances/consent", consent)).expect(200)["assistance_no"]
    photo = (await citizen.phone.upload("proof"))["upload_id"]
    materials = [{"material_code": each["material_code"], "upload_id": photo} for each in STORY["materials"]]
    draft = {"form": citizen.form(), "materials": materials}
    case = (await citizen.window.call("PUT", f"/assistances/{number}/draft", draft)).expect(200)["application_no"]
    refused = await citizen.window.call("POST", f"/assistances/{number}/submit", {})
    assert refused.expect(403)["code"] == "citizen_must_submit"
    (await citizen.phone.call("POST", f"/applications/{case}/submit", {})).expect(200)

    async def helped() -> dict[str, Any]:
        return dict((await citizen.phone.call("GET", f"/assistances/{number}")).expect(200))

    await until("end of the help", helped, lambda view: view["status"] == "ENDED")
    await until("notice", lambda: _told(citizen.phone), lambda titles: "帮办已结束" in titles)
