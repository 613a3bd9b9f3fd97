"""A case from pull to result, handled by a department's own system over signed HTTP."""

from __future__ import annotations

import asyncio

import pytest

from app import db
from tests.integration.exchange.conftest import INSURANCE, POLICE, Exchange

pytestmark = pytest.mark.anyio


async def _pulled(exchange: Exchange, number: str) -> dict[str, object]:
    """Read on until a case is listed: a change shows after two seconds."""
    for _ in range(60):
        page = await exchange.department().ask("pull")
        assert page["status"] == 200, page
        found = [case for case in page["cases"] if case["application_no"] == number]
        if found:
            return dict(found[-1])
        await asyncio.sleep(0.2)
    raise AssertionError("the case is never listed")


async def test_a_case_is_pulled_accepted_examined_and_granted(exchange: Exchange) -> None:
    number, police = await exchange.submitted(), exchange.department(POLICE)
    line = await _pulled(exchange, number)
    assert (line["status"], line["version"]) == ("SUBMITTED", 2)

    seen = await police.ask("case", {"application_no": number})
    case = seen["body"]
    assert case["applicant"]["name"] == "张伟"
    assert case["applicant"]["document_type_text"] == "居民身份证"
    assert len(case["applicant"]["document_no"]) == 18
    assert case["applicant"]["mobile"] == "13800000001"
    assert (case["source"], case["agent"]) == ("WECHAT", None)
    assert case["form"] == exchange.item["form"]["examples"][0]
    assert seen["files"]
    assert all(file == {"status": 200, "fits": True} for file in seen["files"])

    taken = await police.push(number, "acceptance", 2, "accept")
    assert (taken["status"], taken["body"]["status"], taken["body"]["version"]) == (200, "ACCEPTED", 3)
    reviewed = await police.push(number, "process", 3, "review", step="现场勘验", result="pass", opinion="照片合格")
    assert (reviewed["status"], reviewed["body"]["version"]) == (200, 3)
    await exchange.pay(number)
    granted = await police.push(number, "result", 3, "approve")
    assert (granted["status"], granted["body"]["status"]) == (200, "APPROVED")
    row = await exchange.row(number)
    assert (row["status"], row["outcome"], row["version"]) == ("APPROVED", "GRANTED", 4)

    acceptance = (await police.call("GET", f"/integration/v1/cases/{number}/messages/acceptance"))["body"]
    assert (acceptance["kind"], acceptance["action"], acceptance["body"]["uscc"]) == (
        "acceptance", "accept", "11140105MB0001177F",
    )  # fmt: skip
    assert acceptance["officer"] == "小店公安分局业务系统 郭强"
    assert acceptance["promised_due_on"] == row["promised_due_on"].isoformat()
    process = (await police.call("GET", f"/integration/v1/cases/{number}/messages/process"))["body"]
    assert {
        "step": "现场勘验",
        "action": "PASS",
        "action_text": "通过",
        "officer": "郭强",
        "opinion": "照片合格",
    }.items() <= next(step for step in process["steps"] if step["step"] == "现场勘验").items()
    result = (await police.call("GET", f"/integration/v1/cases/{number}/messages/result"))["body"]
    assert (result["outcome"], result["outcome_text"], result["has_fee"]) == ("GRANTED", "准予", True)

    events = await police.heard_of(number, 3)
    assert [each["content"]["event"] for each in events] == [
        "application.submitted", "application.accepted", "application.approved",
    ]  # fmt: skip
    assert [each["content"]["sequence"] for each in events] == [1, 2, 3]
    assert events[1]["content"]["message"]["action"] == "accept"
    assert events[2]["content"]["message"]["outcome"] == "GRANTED"
    # Events go over other people's machines: they name nobody.
    assert "张伟" not in str(events)
    assert case["applicant"]["document_no"] not in str(events)


async def test_every_look_and_every_act_is_audited_with_its_officer(exchange: Exchange) -> None:
    number, police = await exchange.submitted(), exchange.department(POLICE)
    await police.ask("case", {"application_no": number})
    await police.push(number, "acceptance", 2, "not_accept", reason="不属于本机关职权范围")
    rows = await db.fetch_all(
        "SELECT actor, action FROM audit_entry WHERE object_no = $1 OR details->>'application_no' = $1 ORDER BY seq",
        number,
    )
    acts = [(row["actor"], row["action"]) for row in rows]
    assert acts[0] == (f"system:{POLICE}", "case.viewed")
    assert (f"system:{POLICE}", "upload.viewed") in acts
    assert acts[-1] == (f"system:{POLICE}/郭强", "case.not_accept")


async def test_the_other_acts_of_the_desk_are_there_too(exchange: Exchange) -> None:
    police = exchange.department(POLICE)
    received = await exchange.submitted()
    assert (await police.push(received, "acceptance", 2, "receive"))["body"]["status"] == "RECEIVED"
    corrected = await police.push(received, "acceptance", 3, "request_correction", reason="照片背景应为白色")
    assert corrected["body"]["status"] == "CORRECTION"
    returned = await exchange.submitted()
    assert (await police.push(returned, "acceptance", 2, "return", reason="照片不清楚"))["body"]["status"] == "RETURNED"
    denied = await exchange.submitted()
    await police.push(denied, "acceptance", 2, "accept")
    assert (await police.push(denied, "result", 3, "deny", reason="不符合申请条件"))["body"]["status"] == "DENIED"
    ended = await exchange.submitted()
    await police.push(ended, "acceptance", 2, "accept")
    assert (await police.push(ended, "result", 3, "terminate", reason="申请人死亡"))["body"]["status"] == "CLOSED"


async def test_another_departments_case_is_not_there(exchange: Exchange) -> None:
    number, other = await exchange.submitted(), exchange.department(INSURANCE)
    before = await exchange.row(number)
    for path in ("", "/messages/acceptance", "/messages/process", "/messages/result"):
        heard = await other.call("GET", f"/integration/v1/cases/{number}{path}")
        assert (heard["status"], heard["body"]["code"]) == (404, "not_found")
    upload = await db.fetch_row("SELECT upload_id FROM application_material WHERE application_id = $1", before["id"])
    assert upload is not None
    heard = await other.call("GET", f"/integration/v1/cases/{number}/materials/{upload['upload_id']}")
    assert heard["status"] == 404
    pushed = await other.push(number, "acceptance", 2, "accept")
    assert (pushed["status"], pushed["body"]["code"]) == (404, "not_found")
    assert (await other.ask("pull"))["cases"] == []
    assert await exchange.row(number) == before


async def test_a_file_of_another_case_is_not_there(exchange: Exchange) -> None:
    first, second = await exchange.submitted(), await exchange.submitted()
    row = await exchange.row(second)
    upload = await db.fetch_row("SELECT upload_id FROM application_material WHERE application_id = $1", row["id"])
    assert upload is not None
    police = exchange.department(POLICE)
    heard = await police.call("GET", f"/integration/v1/cases/{first}/materials/{upload['upload_id']}")
    assert heard["status"] == 404
    assert (await police.call("GET", f"/integration/v1/cases/{first}/materials/nothing"))["status"] == 404


async def test_the_list_is_read_in_pages_and_each_change_comes_once(exchange: Exchange) -> None:
    numbers = [await exchange.submitted() for _ in range(3)]
    await asyncio.sleep(2.2)
    police, cursor, seen = exchange.department(POLICE), "", []
    while True:
        page = (await police.call("GET", f"/integration/v1/cases?limit=1&cursor={cursor}"))["body"]
        seen += [case["application_no"] for case in page["data"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert [number for number in seen if number in numbers] == numbers
    assert len(seen) == len(set(seen))
    empty = (await police.call("GET", f"/integration/v1/cases?cursor={cursor}"))["body"]
    assert (empty["data"], empty["next_cursor"], empty["has_more"]) == ([], cursor, False)
    bad = await police.call("GET", "/integration/v1/cases?cursor=nonsense")
    assert (bad["status"], bad["body"]["errors"][0]["path"]) == (400, "cursor")


async def test_a_change_that_takes_long_to_commit_is_not_missed(exchange: Exchange) -> None:
    late, soon = await exchange.submitted(), await exchange.submitted()
    police, wrote, may_end = exchange.department(POLICE), asyncio.Event(), asyncio.Event()
    change = "UPDATE application SET updated_at = clock_timestamp() WHERE application_no = $1"

    async def slow() -> None:
        async with db.transaction() as tx:
            await tx.execute(change, late)
            wrote.set()
            await may_end.wait()

    slowly = asyncio.create_task(slow())
    await wrote.wait()
    await db.execute(change, soon)
    await asyncio.sleep(2.2)
    first = (await police.call("GET", "/integration/v1/cases?limit=200"))["body"]
    may_end.set()
    await slowly
    await asyncio.sleep(2.2)
    cursor = first["next_cursor"]
    later = (await police.call("GET", f"/integration/v1/cases?limit=200&cursor={cursor}"))["body"]
    assert late in [case["application_no"] for case in later["data"]]
