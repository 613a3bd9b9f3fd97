"""Help at the window over HTTP: the code, the consent, what staff may and may not, and who can end it when."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app import db
from services.staff.types import Role
from tests.integration.applications.conftest import FORM, ITEM, staff
from tests.integration.representation.conftest import Phone, Town, audited, row_of

pytestmark = pytest.mark.anyio


async def opened(town: Town) -> dict[str, Any]:
    status, offer = await town.window("POST", "/assistances", {"item_code": ITEM["item_code"]})
    assert status == 201, offer
    return dict(offer)


async def consented(town: Town, phone: Phone, *, may_submit: bool) -> str:
    offer = await opened(town)
    _, seen = await phone("POST", "/assistances/look", {"code": offer["code"]})
    digest = next(one["sha256"] for one in seen["consents"] if one["may_submit"] is may_submit)
    status, view = await phone("POST", "/assistances/consent", {"code": offer["code"], "text_sha256": digest})
    assert (status, view["status"], view["may_submit"]) == (200, "ACTIVE", may_submit)
    return str(offer["assistance_no"])


async def filled_in(town: Town, number: str) -> dict[str, Any]:
    one = f"/assistances/{number}"
    photo = await town.photo(town.window, f"{one}/uploads")
    status, draft = await town.window("PUT", f"{one}/draft", {"form": FORM, "materials": [photo]})
    assert (status, draft["status"]) == (200, "DRAFT"), draft
    return dict(draft)


async def state() -> list[dict[str, Any]]:
    rows = await db.fetch_all("SELECT * FROM assistance ORDER BY id")
    return [dict(row) for row in rows]


async def test_help_from_offer_to_submission_names_both(town: Town) -> None:
    citizen = await town.phone("zhang-wei")
    offer = await opened(town)
    assert (len(offer["code"]), offer["code"] in offer["qr_text"]) == (8, True)
    _, seen = await citizen("POST", "/assistances/look", {"code": offer["code"]})
    assert (seen["staff_shown"], seen["item_name"]) == ("工作人员window", ITEM["name"])
    number = await consented(town, citizen, may_submit=True)
    draft = await filled_in(town, number)
    row, who = await row_of(draft["application_no"]), town.caller(citizen).citizen_id
    assert (row["citizen_id"], row["assisted_by"], row["agent_id"]) == (who, "window", None)
    status, submitted = await town.window("POST", f"/assistances/{number}/submit", {"version": draft["version"]})
    assert (status, submitted["status"]) == (200, "SUBMITTED"), submitted
    assert (await row_of(draft["application_no"]))["provider"] == "WINDOW"
    _, timeline = await citizen("GET", f"/applications/{draft['application_no']}/timeline")
    assert [(step["event"], step["actor_kind"], step["actor_shown"]) for step in timeline["data"]] == [
        ("assistance.begun", "STAFF", "帮办人员 工作人员window（为 *伟 帮办）"),
        ("application.submitted", "STAFF", "帮办人员 工作人员window（为 *伟 帮办）"),
    ]
    helped = {"citizen": who.hex, "assistance_no": number}
    assert await audited("case.%") == [
        ("window", "case.assisted_draft", helped),
        ("window", "case.submit", helped),
    ]
    citizens = [entry for entry in await audited("assistance.consented") if entry[0] == f"citizen:{who.hex}"]
    assert [entry[2] for entry in citizens] == [{"may_submit": True, "staff": "window", "item_code": ITEM["item_code"]}]
    view = (await citizen("GET", f"/assistances/{number}"))[1]
    assert (view["status"], view["application_no"]) == ("ENDED", draft["application_no"])
    assert "assistance.ended" in await town.react()


async def test_consent_to_fill_in_leaves_the_submission_to_the_citizen(town: Town) -> None:
    citizen = await town.phone("zhang-wei")
    number = await consented(town, citizen, may_submit=False)
    draft = await filled_in(town, number)
    before = dict(await row_of(draft["application_no"]))
    assert await town.window.refused("POST", f"/assistances/{number}/submit", {}) == (403, "citizen_must_submit")
    assert dict(await row_of(draft["application_no"])) == before
    assert (await citizen("GET", f"/applications/{draft['application_no']}"))[1]["form"] == FORM
    assert (await citizen("POST", f"/applications/{draft['application_no']}/submit", {}))[1]["status"] == "SUBMITTED"
    await town.react()
    assert [one["ended_by"] for one in await state()] == ["SUBMITTED"]
    status, seen = await town.window("GET", f"/assistances/{number}")
    assert (status, seen["assistance"]["status"], seen["application"]) == (200, "ENDED", None)


async def test_the_citizen_may_end_it_at_any_time(town: Town) -> None:
    citizen = await town.phone("zhang-wei")
    number = await consented(town, citizen, may_submit=True)
    draft = await filled_in(town, number)
    assert (await town.window("GET", f"/assistances/{number}"))[1]["application"]["form"] == FORM
    assert (await citizen("POST", f"/assistances/{number}/end"))[1]["status"] == "ENDED"
    assert (await citizen("POST", f"/assistances/{number}/end"))[0] == 200
    before = dict(await row_of(draft["application_no"]))
    for method, path, body in (("PUT", "draft", {"form": FORM}), ("POST", "submit", {})):
        assert await town.window.refused(method, f"/assistances/{number}/{path}", body) == (409, "assistance_over")
    assert dict(await row_of(draft["application_no"])) == before
    assert (await town.window("GET", f"/assistances/{number}"))[1]["application"] is None
    assert [entry[0] for entry in await audited("assistance.ended")] == [
        f"citizen:{town.caller(citizen).citizen_id.hex}"
    ]


async def test_of_two_first_drafts_at_once_one_is_kept(town: Town) -> None:
    number = await consented(town, await town.phone("zhang-wei"), may_submit=False)
    body = {"form": FORM, "materials": []}
    answers = await asyncio.gather(*(town.window("PUT", f"/assistances/{number}/draft", body) for _ in range(4)))
    assert {status for status, _ in answers} <= {200, 409}
    kept = await db.fetch_all("SELECT application_no FROM application")
    assert [row["application_no"] for row in kept] == [(await state())[0]["application_no"]]


async def test_what_the_citizen_has_handed_in_is_not_changed_by_who_helped(town: Town) -> None:
    """Also where the case has come back to be mended before the end of the help was noted."""
    citizen = await town.phone("zhang-wei")
    number = await consented(town, citizen, may_submit=False)
    draft = await filled_in(town, number)
    case = draft["application_no"]
    assert (await citizen("POST", f"/applications/{case}/submit", {}))[0] == 200
    await town.applications.desk.return_to_citizen(staff("other", Role.WINDOW), case, "请修改", "127.0.0.1")
    before = await row_of(case)
    body = {"form": FORM | {"reason": "损坏"}, "materials": []}
    assert (await town.window("PUT", f"/assistances/{number}/draft", body))[0] == 409
    assert dict(await row_of(case)) == dict(before)


async def test_nothing_is_done_before_the_consent(town: Town) -> None:
    offer = await opened(town)
    one = f"/assistances/{offer['assistance_no']}"
    for method, path, body in (("PUT", "draft", {"form": FORM}), ("POST", "submit", {})):
        assert await town.window.refused(method, f"{one}/{path}", body) == (409, "assistance_over")
    assert await db.fetch_row("SELECT 1 FROM application") is None
    assert (await town.window("GET", one))[1]["assistance"]["status"] == "OPEN"


async def test_a_code_serves_once_and_ten_minutes(town: Town) -> None:
    citizen, other = await town.phone("zhang-wei"), await town.phone("li-na")
    await consented(town, citizen, may_submit=False)
    offer = await opened(town)
    assert await citizen.refused("POST", "/assistances/look", {"code": "00000000"}) == (404, "not_found")
    _, seen = await other("POST", "/assistances/look", {"code": offer["code"]})
    before = await state()
    consent = {"code": offer["code"], "text_sha256": "0" * 64}
    assert await other.refused("POST", "/assistances/consent", consent) == (409, "consent_text_changed")
    nobody = await town.phone("nobody", real_name=False)
    consent["text_sha256"] = seen["consents"][0]["sha256"]
    assert await nobody.refused("POST", "/assistances/consent", consent) == (403, "real_name_required")
    assert await state() == before
    assert (await other("POST", "/assistances/consent", consent))[0] == 200
    assert await citizen.refused("POST", "/assistances/consent", consent) == (404, "not_found")
    late = await opened(town)
    await db.execute("UPDATE assistance SET expires_at = now() WHERE assistance_no = $1", late["assistance_no"])
    assert await citizen.refused("POST", "/assistances/look", {"code": late["code"]}) == (404, "not_found")


async def test_of_two_consents_at_once_one_counts(town: Town) -> None:
    phones = [await town.phone(key) for key in ("zhang-wei", "li-na", "wang-fang")]
    offer = await opened(town)
    _, seen = await phones[0]("POST", "/assistances/look", {"code": offer["code"]})
    consent = {"code": offer["code"], "text_sha256": seen["consents"][0]["sha256"]}
    answers = await asyncio.gather(*(phone("POST", "/assistances/consent", consent) for phone in phones))
    assert sorted(status for status, _ in answers)[0] == 200
    assert {status for status, _ in answers} <= {200, 404, 409}
    assert len(await audited("assistance.consented")) == 1


async def test_declined_is_declined(town: Town) -> None:
    citizen = await town.phone("zhang-wei")
    offer = await opened(town)
    assert (await citizen("POST", "/assistances/decline", {"code": offer["code"]}))[0] == 204
    assert await citizen.refused("POST", "/assistances/look", {"code": offer["code"]}) == (404, "not_found")
    assert (await town.window("GET", f"/assistances/{offer['assistance_no']}"))[1]["assistance"]["status"] == "DECLINED"


async def test_assistances_are_nobody_elses(town: Town) -> None:
    citizen, other = await town.phone("zhang-wei"), await town.phone("li-na")
    own = await town.draft(citizen)
    number = await consented(town, citizen, may_submit=True)
    draft = await filled_in(town, number)
    one, before = f"/assistances/{number}", await state()
    for method, path, body in (
        ("GET", one, None),
        ("PUT", f"{one}/draft", {"form": FORM}),
        ("POST", f"{one}/submit", {}),
        ("POST", f"{one}/end", None),
    ):
        assert await town.other_window.refused(method, path, body) == (404, "not_found")
        assert await town.reviewer.refused(method, path, body) == (403, "role_required")
    assert await other.refused("GET", one) == (404, "not_found")
    assert await other.refused("POST", f"{one}/end") == (404, "not_found")
    assert await state() == before
    assert await town.reviewer.refused("POST", "/assistances", {"item_code": ITEM["item_code"]}) == (
        403,
        "role_required",
    )
    assert await town.window.refused("POST", "/assistances", {"item_code": "X"}) == (404, "not_found")
    # The desk knows neither the draft nor what else the citizen has begun.
    for hidden in (own, draft["application_no"]):
        assert await town.window.refused("GET", f"/cases/{hidden}") == (404, "not_found")
    assert (await town.window("GET", "/assistances"))[1]["data"][0]["assistance_no"] == number
    assert (await town.other_window("GET", "/assistances"))[1]["data"] == []


async def test_a_consent_runs_out_and_the_citizen_is_told(town: Town) -> None:
    citizen = await town.phone("zhang-wei")
    number = await consented(town, citizen, may_submit=True)
    await db.execute("UPDATE assistance SET expires_at = now()")
    assert await town.window.refused("PUT", f"/assistances/{number}/draft", {"form": FORM}) == (409, "assistance_over")
    assert await town.applications.assistances.end_run_out() == 1
    assert await town.applications.assistances.end_run_out() == 0
    assert "assistance.ended" in await town.react()
    assert [one["ended_by"] for one in await state()] == ["SYSTEM"]


async def test_assistances_and_agents_cases_follow_a_merged_person(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    mandate = await town.mandate(principal, agent)
    number = await town.draft(agent, on_behalf_of={"mandate_no": mandate})
    await consented(town, agent, may_submit=False)
    old, survivor = town.caller(agent).citizen_id, town.caller(agent).session_id
    for _ in range(2):
        await town.applications.assistances.take_over(old, survivor)
    assert (await row_of(number))["agent_id"] == survivor
    assert [one["citizen_id"] for one in await state()] == [survivor]
