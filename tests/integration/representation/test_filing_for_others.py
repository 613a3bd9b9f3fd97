"""Cases for enterprises and for people by their agents, over HTTP: both persons on record, and who may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app import clock, db
from tests.integration.applications.conftest import FORM, ITEM
from tests.integration.representation.conftest import CLOUD, Phone, Town, audited, row_of

pytestmark = pytest.mark.anyio


async def test_agent_files_for_a_person_and_both_stand_in_timeline_and_audit(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    mandate = await town.mandate(principal, agent)
    number = await town.draft(agent, on_behalf_of={"mandate_no": mandate})
    status, submitted = await agent("POST", f"/applications/{number}/submit", {})
    assert (status, submitted["status"]) == (200, "SUBMITTED")
    row, people = await row_of(number), [town.caller(phone).citizen_id for phone in (principal, agent)]
    assert [row["citizen_id"], row["agent_id"]] == people
    assert (row["mandate_id"] is not None, row["applicant_shown"]) == (True, "*伟")
    for phone in (principal, agent):
        status, timeline = await phone("GET", f"/applications/{number}/timeline")
        assert (status, timeline["data"][0]["actor_shown"]) == (200, "代办人 *娜（受 *伟 委托）")
    named = {"citizen": people[0].hex, "mandate_no": mandate}
    assert await audited("case.%") == [
        (f"citizen:{people[1].hex}", "case.begun", named),
        (f"citizen:{people[1].hex}", "case.submit", named),
    ]
    status, parties = await town.reviewer("GET", f"/cases/{number}/parties")
    assert (status, parties["applicant_shown"], parties["agent_shown"], parties["mandate_no"]) == (
        200,
        "*伟",
        "*娜",
        mandate,
    )
    assert [one["application_no"] for one in (await principal("GET", "/applications"))[1]["data"]] == [number]
    assert (await agent("GET", "/applications"))[1]["data"] == []
    line = (await agent("GET", "/represented-applications"))[1]["data"][0]
    assert (line["application"]["application_no"], line["principal_shown"]) == (number, "*伟")


async def everything_is_refused(phone: Phone, number: str) -> None:
    """Every door of a case says that there is none; nothing of the case has changed."""
    before = await row_of(number)
    one = f"/applications/{number}"
    for method, path, body in (
        ("GET", one, None),
        ("GET", f"{one}/timeline", None),
        ("PATCH", one, {"form": FORM}),
        ("POST", f"{one}/submit", {}),
        ("POST", f"{one}/withdraw", {}),
        ("POST", f"{one}/correction", {}),
    ):
        assert await phone.refused(method, path, body) == (404, "not_found"), (method, path)
    assert dict(await row_of(number)) == dict(before)


@pytest.mark.parametrize("end", ["revoked", "laid down", "expired", "not begun", "other item", "other basic code"])
async def test_without_a_live_mandate_the_agents_case_is_not_there(town: Town, end: str) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    mandate = await town.mandate(principal, agent)
    number = await town.draft(agent, on_behalf_of={"mandate_no": mandate})
    assert (await agent("GET", f"/applications/{number}"))[0] == 200
    today = clock.beijing_date()
    if end in ("revoked", "laid down"):
        await (principal if end == "revoked" else agent)("POST", f"/mandates/{mandate}/revoke")
    elif end == "expired":
        await db.execute("UPDATE mandate SET from_on = $1, until_on = $1", today - timedelta(days=1))
    elif end == "not begun":
        await db.execute("UPDATE mandate SET from_on = $1", today + timedelta(days=1))
    else:
        other = "140709013000" if end == "other basic code" else ITEM["item_code"][:-1] + "1"
        await db.execute("UPDATE mandate SET item_codes = jsonb_build_array($1::text)", other)
    await everything_is_refused(agent, number)
    assert (await agent("GET", "/represented-applications"))[1]["data"] == []
    code = "mandate_scope" if end.startswith("other") else "mandate_not_live"
    body = {"item_code": ITEM["item_code"], "on_behalf_of": {"mandate_no": mandate}}
    assert await agent.refused("POST", "/applications", body) == (403, code)
    assert (await principal("GET", f"/applications/{number}"))[0] == 200


async def test_agent_sees_pays_and_chooses_delivery_until_the_mandate_ends(town: Town) -> None:
    principal, agent, other = [await town.phone(key) for key in ("zhang-wei", "li-na", "wang-fang")]
    mandate = await town.mandate(principal, agent)
    number = await town.draft(agent, on_behalf_of={"mandate_no": mandate})
    await agent("POST", f"/applications/{number}/submit", {})
    assert (await town.window("POST", f"/cases/{number}/accept", {}))[0] == 200
    await town.applications.progress.bill_fee(number)
    for phone in (principal, agent):
        _, bills = await phone("GET", f"/applications/{number}/bills")
        assert [bill["amount_fen"] for bill in bills["data"]] == [4000]
    wanted = {"bill_no": bills["data"][0]["bill_no"], "channel": "WECHAT"}
    status, opened = await agent("POST", "/payments", wanted)
    assert status == 201, opened
    payer = await db.fetch_row("SELECT payer_subject FROM payment")
    assert payer is not None
    assert payer["payer_subject"] == f"o{town.caller(agent).citizen_id.hex[:27]}"
    assert (await audited("case.payment_opened"))[0][2]["citizen"] == town.caller(principal).citizen_id.hex
    payment = f"/payments/{opened['out_trade_no']}"
    for phone in (principal, agent):
        assert (await phone("GET", payment))[1]["status"] == "AWAITING"
    assert (await agent("PUT", f"/applications/{number}/delivery", {"method": "COUNTER"}))[0] == 200
    await principal("POST", f"/mandates/{mandate}/revoke")
    count = await db.fetch_row("SELECT count(*) AS n FROM payment")
    for phone in (agent, other):
        assert await phone.refused("POST", "/payments", wanted) == (404, "not_found")
        assert await phone.refused("GET", payment) == (404, "not_found")
        assert await phone.refused("GET", f"/applications/{number}/bills") == (404, "not_found")
        delivery = ("PUT", f"/applications/{number}/delivery", {"method": "COUNTER"})
        assert await phone.refused(*delivery) == (404, "not_found")
    assert await db.fetch_row("SELECT count(*) AS n FROM payment") == count


async def test_others_find_neither_mandate_nor_case(town: Town) -> None:
    principal, agent, other = [await town.phone(key) for key in ("zhang-wei", "li-na", "wang-fang")]
    mandate = await town.mandate(principal, agent)
    number = await town.draft(agent, on_behalf_of={"mandate_no": mandate})
    await everything_is_refused(other, number)
    count = await db.fetch_row("SELECT count(*) AS n FROM application")
    for behalf in ({"mandate_no": mandate}, {"mandate_no": "WT00000000"}, {"enterprise_id": "0" * 32}):
        body = {"item_code": ITEM["item_code"], "on_behalf_of": behalf}
        assert await other.refused("POST", "/applications", body) == (404, "not_found")
    for faulty in ({}, {"mandate_no": mandate, "enterprise_id": "0" * 32}, {"mandate_no": "x y"}, {"more": 1}, 5):
        body = {"item_code": ITEM["item_code"], "on_behalf_of": faulty}
        assert (await agent.refused("POST", "/applications", body))[0] == 400
    assert await db.fetch_row("SELECT count(*) AS n FROM application") == count


async def test_a_persons_own_case_is_not_open_to_their_agent(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    await town.mandate(principal, agent)
    await everything_is_refused(agent, await town.draft(principal))


async def test_representative_files_for_the_enterprise_and_loses_it_with_the_role(town: Town) -> None:
    boss = await town.phone("zhang-wei")
    enterprise = await town.enterprise(boss)
    number = await town.draft(boss, on_behalf_of={"enterprise_id": enterprise})
    assert (await boss("POST", f"/applications/{number}/submit", {}))[0] == 200
    row = await row_of(number)
    assert (row["enterprise_id"].hex, row["agent_id"], row["applicant_shown"]) == (enterprise, None, CLOUD["name"])
    _, timeline = await boss("GET", f"/applications/{number}/timeline")
    assert timeline["data"][0]["actor_shown"] == f"法定代表人 *伟（代表 {CLOUD['name']}）"
    assert (await boss("GET", "/applications"))[1]["data"] == []
    listed = f"/represented-applications?enterprise_id={enterprise}"
    assert [one["application"]["application_no"] for one in (await boss("GET", listed))[1]["data"]] == [number]
    assert (await boss("DELETE", f"/enterprises/{CLOUD['uscc']}"))[0] == 204
    await everything_is_refused(boss, number)
    assert await boss.refused("GET", listed) == (404, "not_found")


async def test_enterprises_agents_share_its_cases_within_their_scope(town: Town) -> None:
    boss, clerk, other = [await town.phone(key) for key in ("zhang-wei", "li-na", "wang-fang")]
    enterprise = await town.enterprise(boss)
    mandate = await town.mandate(boss, clerk, enterprise_id=enterprise, item_codes=["140709012000"])
    number = await town.draft(clerk, on_behalf_of={"mandate_no": mandate})
    assert (await boss("GET", f"/applications/{number}"))[0] == 200
    await everything_is_refused(other, number)
    narrow = await town.mandate(boss, other, "wang-fang", enterprise_id=enterprise, item_codes=["140709013000"])
    await everything_is_refused(other, number)
    listed = f"/represented-applications?enterprise_id={enterprise}"
    assert (await other("GET", listed))[1]["data"] == []
    await other("POST", f"/mandates/{narrow}/revoke")
    await town.mandate(boss, other, "wang-fang", enterprise_id=enterprise, item_codes=[])
    assert (await other("POST", f"/applications/{number}/submit", {}))[1]["status"] == "SUBMITTED"
    _, timeline = await boss("GET", f"/applications/{number}/timeline")
    assert timeline["data"][0]["actor_shown"] == f"代办人 *芳（受 {CLOUD['name']} 委托）"
    await boss("POST", f"/mandates/{mandate}/revoke")
    await everything_is_refused(clerk, number)


async def test_lists_for_others_turn_pages(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    mandate = await town.mandate(principal, agent)
    numbers = [await town.draft(agent, on_behalf_of={"mandate_no": mandate}) for _ in range(3)]
    found: list[Any] = []
    cursor = ""
    for _ in range(3):
        _, page = await agent("GET", f"/represented-applications?limit=1&cursor={cursor}")
        found += [one["application"]["application_no"] for one in page["data"]]
        cursor = page["next_cursor"] or ""
    assert found == numbers[::-1]
    assert (await agent.refused("GET", "/represented-applications?enterprise_id=x"))[0] == 400
