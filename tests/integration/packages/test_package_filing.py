"""One form, materials once, one submission: what is refused with which path, and what each department gets."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from app import clock, db
from services.applications.states import Act
from tests.integration.applications.conftest import caller
from tests.integration.packages.conftest import LOST_CARDS, NEWBORN, PACKAGES, Town, parts_of

pytestmark = pytest.mark.anyio
ID_CARD = "11140105MB0001177F4140709012000"
DRIVER = "11140100MB000110X43140709201000"
SOCIAL = "11140100MB0001134R3142004002000"
BIRTH = "11140105MB0001177F4140709001000"
MEDICAL = "11140105MB000124984142004201000"
ALLOWANCE = "11140100MB0001142L3140504204000"


@pytest.mark.parametrize("package_code", sorted(PACKAGES))
async def test_file_shipped_package_begins_every_part_that_waits_for_nothing(town: Town, package_code: str) -> None:
    view = await town.submitted(package_code)
    assert view["status"] == "HANDLING"
    parts = parts_of(view)
    expected = {part["item_code"]: part.get("depends_on", []) for part in PACKAGES[package_code]["items"]}
    assert set(parts) <= set(expected)
    for code, part in parts.items():
        assert part["status"] == ("WAITING" if expected[code] else "STARTED"), part
        assert (part["application_no"] is None) == bool(expected[code])
    rows = await db.fetch_all("SELECT package_no, status, applicant_shown FROM application")
    assert {tuple(row.values()) for row in rows} == {(view["package_no"], "SUBMITTED", "*伟")}


async def test_submit_hands_each_child_its_own_answers_and_materials_of_one_upload(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    parts = parts_of(view)
    assert {part["status"] for part in parts.values()} == {"STARTED"}
    status, card = await town.phone("GET", f"applications/{parts[ID_CARD]['application_no']}")
    assert (status, card["status"], card["fee_fen"]) == (200, "SUBMITTED", 4000)
    form = town.form(LOST_CARDS)
    own = next(part for part in PACKAGES[LOST_CARDS]["items"] if part["item_code"] == ID_CARD)["field_map"]
    assert set(card["form"]) == set(own)
    assert card["form"]["reason"] == form["reason"]
    assert card["form"]["id_number"] == "140105********0012"
    files: dict[str, set[str]] = {}
    for code in (DRIVER, SOCIAL):
        _, case = await town.phone("GET", f"applications/{parts[code]['application_no']}")
        files[code] = {part["upload_id"] for part in case["materials"]}
    assert len(files[DRIVER] & files[SOCIAL]) == 1, "the identity card was uploaded once and is in both"


async def test_submit_by_conditions_makes_only_the_parts_that_apply(town: Town) -> None:
    view = await town.submitted(LOST_CARDS, lost_driver_licence=False, licence_class=None)
    assert set(parts_of(view)) == {ID_CARD, SOCIAL}
    assert view["parts_total"] == 2


async def test_draft_shows_the_parts_and_takes_changes_of_the_version_read(town: Town) -> None:
    view = await town.draft(LOST_CARDS)
    one = f"package-cases/{view['package_no']}"
    assert (view["status"], view["version"], view["form"]) == ("DRAFT", 1, town.form(LOST_CARDS))
    assert {part["explanation"] for part in view["parts"]} == {"尚未提交"}
    fewer = town.form(LOST_CARDS, lost_social_card=False, bank=None)
    status, changed = await town.phone("PATCH", one, {"form": fewer, "version": 1})
    assert (status, changed["version"], set(parts_of(changed))) == (200, 2, {ID_CARD, DRIVER})
    status, problem = await town.phone("PATCH", one, {"form": fewer, "version": 1})
    assert (status, problem["code"], problem["current"]["version"]) == (409, "stale_version", 2)
    for body, path in (({"form": fewer}, ""), ({}, "/submit"), ({"reason": ""}, "/withdraw")):
        method = "POST" if path else "PATCH"
        status, problem = await town.phone(method, one + path, body, **{"If-Match": '"1.1795313370812.0"'})
        assert (status, problem["code"], problem["current"]["version"]) == (409, "stale_version", 2), path
        assert (await town.phone(method, one + path, body, **{"If-Match": "mine"}))[0] == 400
    assert (await town.phone("GET", one))[1]["version"] == 2
    assert (await town.phone("PATCH", one, {"form": fewer}, **{"If-Match": town.phone.headers["ETag"]}))[0] == 200
    stored = await db.fetch_row("SELECT form::text AS form, form_cipher FROM package_case")
    assert stored is not None
    assert fewer["id_number"] not in stored["form"]
    assert fewer["id_number"].encode() not in stored["form_cipher"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"form": {"phone": "12345"}}, "form.phone"),
        ({"form": {"nonsense": 1}}, "form.nonsense"),
        ({"form": {"applicant_name": "张\x00伟"}}, None),
        (
            {"materials": [{"material_code": "M02", "upload_id": "01939c5e-0000-7000-8000-000000000001"}]},
            "materials[0].material_code",
        ),
        ({"optional_items": ["11140105MB0001177F4140709012000"]}, "optional_items[0]"),
        (
            {
                "form": [],
            },
            "form",
        ),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_change_draft_wrongly_is_refused_with_its_path_and_changes_nothing(
    town: Town, change: dict[str, Any], path: str | None
) -> None:
    view = await town.draft(LOST_CARDS)
    one = f"package-cases/{view['package_no']}"
    status, problem = await town.phone("PATCH", one, change)
    assert status == 400, problem
    assert path is None or path in [fault["path"] for fault in problem["errors"]]
    assert await town.view(view["package_no"]) == view


async def test_submit_incomplete_tells_every_fault_by_the_paths_of_the_merged_form(town: Town) -> None:
    form = town.form(LOST_CARDS, licence_class=None, lost_on=None)
    body = {"package_code": LOST_CARDS, "form": form}
    _, view = await town.phone("POST", "package-cases", body)
    status, problem = await town.phone("POST", f"package-cases/{view['package_no']}/submit", {})
    assert (status, problem["code"]) == (400, "application_incomplete")
    paths = [fault["path"] for fault in problem["errors"]]
    assert {"form.licence_class", "form.lost_on"} <= set(paths)
    assert len(paths) == len(set(paths)), "each fault once, however many departments need the answer"
    _, guide = await town.phone("GET", f"packages/{LOST_CARDS}")
    codes = {material["code"] for material in guide["materials"]}
    asked = {path.removeprefix("materials.") for path in paths if path.startswith("materials.")}
    assert asked
    assert asked <= codes
    assert await town.view(view["package_no"]) == view
    assert await db.fetch_row("SELECT 1 FROM application") is None


async def test_submit_material_of_somebody_else_is_refused(town: Town) -> None:
    materials = await town.materials(LOST_CARDS)
    materials[0]["upload_id"] = await town.photo(caller())
    body = {"package_code": LOST_CARDS, "form": town.form(LOST_CARDS), "materials": materials}
    status, problem = await town.phone("POST", "package-cases", body)
    assert (status, problem["errors"][0]["path"]) == (400, "materials[0].upload_id")


async def test_submit_twice_makes_no_part_twice(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    one = f"package-cases/{view['package_no']}"
    status, problem = await town.phone("POST", f"{one}/submit", {})
    assert (status, problem["code"]) == (409, "invalid_transition")
    status, problem = await town.phone("PATCH", one, {"form": town.form(LOST_CARDS)})
    assert (status, problem["code"]) == (409, "invalid_transition")
    rows = await db.fetch_all("SELECT item_code FROM application")
    assert len(rows) == 3


async def test_submit_at_once_by_two_phones_has_one_winner(town: Town) -> None:
    view = await town.draft(LOST_CARDS)
    path = f"package-cases/{view['package_no']}/submit"
    answers = await asyncio.gather(*(town.phone("POST", path, {}) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    assert len(await db.fetch_all("SELECT 1 FROM application")) == 3
    names = [event.name for event in await town.events()]
    assert names.count("package.submitted") == 1
    assert names.count("application.submitted") == 3


async def test_others_package_is_not_there(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    one = f"package-cases/{view['package_no']}"
    calls = [
        ("GET", one, None),
        ("GET", f"{one}/timeline", None),
        ("GET", f"{one}/bills", None),
        ("GET", f"{one}/delivery", None),
        ("PATCH", one, {"form": {}}),
        ("PATCH", f"{one}/parts/{ID_CARD}/form", {"form": {}}),
        ("POST", f"{one}/submit", {}),
        ("POST", f"{one}/withdraw", {}),
        ("PUT", f"{one}/delivery", {"method": "COUNTER"}),
    ]
    for method, path, body in calls:
        status, problem = await town.stranger(method, path, body)
        assert (status, problem["code"]) == (404, "not_found"), path
    assert (await town.stranger("GET", "package-cases"))[1]["data"] == []
    assert await town.view(view["package_no"]) == view


async def test_list_shows_tabs_and_pages(town: Town) -> None:
    draft, handed_in = await town.draft(LOST_CARDS), await town.submitted(NEWBORN)
    _, page = await town.phone("GET", "package-cases?limit=1")
    assert [line["package_no"] for line in page["data"]] == [handed_in["package_no"]]
    _, page = await town.phone("GET", f"package-cases?limit=1&cursor={page['next_cursor']}")
    assert [line["package_no"] for line in page["data"]] == [draft["package_no"]]
    _, page = await town.phone("GET", "package-cases?tab=handling")
    assert [(line["parts_total"], line["parts_decided"], line["needs_you"]) for line in page["data"]] == [(3, 0, False)]


async def test_read_carries_a_tag_that_changes_with_a_part(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    one = f"package-cases/{view['package_no']}"
    await town.phone("GET", one)
    tag = town.phone.headers["ETag"]
    assert (await town.phone("GET", one, **{"If-None-Match": tag}))[0] == 304
    await town.act(view["parts"][0]["application_no"], Act.ACCEPT)
    status, changed = await town.phone("GET", one, **{"If-None-Match": tag})
    assert (status, changed["parts"][0]["case_status"]) == (200, "ACCEPTED")


async def test_promise_is_the_longest_path_over_the_parts(town: Town) -> None:
    view = await town.submitted(NEWBORN)
    calendar = town.applications.parts.calendar
    today = clock.beijing_date()
    assert view["promised_due_on"] == calendar.add_working_days(today, 10).on.isoformat()
    shorter = await town.submitted(NEWBORN, wants_allowance=False, employer=None, employer_uscc=None)
    assert shorter["promised_due_on"] == calendar.add_working_days(today, 1).on.isoformat()


async def test_submitted_event_tells_the_whole(town: Town) -> None:
    view = await town.submitted(NEWBORN)
    event = next(event for event in await town.events() if event.name == "package.submitted")
    assert event.subject_no == view["package_no"]
    assert (event.facts["parts"], event.facts["promised_on"]) == (3, view["promised_due_on"])
    assert "张一诺" not in msgspec.json.encode(event).decode()
