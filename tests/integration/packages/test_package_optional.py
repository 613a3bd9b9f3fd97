"""Optional parts that only the citizen's choice adds, and one material that several items take by their own rules."""

from __future__ import annotations

import json

import pytest

from app import db
from tests.integration.packages.conftest import LOST_CARDS, PACKAGES, Town, parts_of
from tests.integration.packages.test_package_filing import DRIVER, ID_CARD, SOCIAL

pytestmark = pytest.mark.anyio


async def _offer_social_card_by_choice(town: Town) -> None:
    """Take the condition away, so that the social card is added by choice only."""
    record = json.loads(json.dumps(PACKAGES[LOST_CARDS]))
    for part in record["items"]:
        if part["item_code"] == SOCIAL:
            del part["condition"]
    await db.execute(
        "UPDATE service_package SET record = $2::jsonb WHERE package_code = $1", LOST_CARDS, json.dumps(record)
    )
    town.catalogue.forget()


async def test_optional_part_is_made_only_where_it_was_chosen(town: Town) -> None:
    await _offer_social_card_by_choice(town)
    without = await town.submitted(LOST_CARDS)
    assert set(parts_of(without)) == {ID_CARD, DRIVER}
    draft = await town.draft(LOST_CARDS)
    one = f"package-cases/{draft['package_no']}"
    status, chosen = await town.phone("PATCH", one, {"optional_items": [SOCIAL]})
    assert (status, chosen["optional_items"], set(parts_of(chosen))) == (200, [SOCIAL], {ID_CARD, DRIVER, SOCIAL})
    status, submitted = await town.phone("POST", f"{one}/submit", {})
    assert (status, set(parts_of(submitted))) == (200, {ID_CARD, DRIVER, SOCIAL})


async def test_required_or_conditional_part_cannot_be_chosen(town: Town) -> None:
    await _offer_social_card_by_choice(town)
    body = {"package_code": LOST_CARDS, "form": {}, "optional_items": [SOCIAL, DRIVER]}
    status, problem = await town.phone("POST", "package-cases", body)
    assert (status, [fault["path"] for fault in problem["errors"]]) == (400, ["optional_items[1]"])
    assert await db.fetch_row("SELECT 1 FROM package_case") is None


async def test_closed_item_keeps_the_whole_package_from_being_handed_in(town: Town) -> None:
    draft = await town.draft(LOST_CARDS)
    await db.execute(
        "UPDATE service_item SET record = jsonb_set(record, '{status}', '\"SUSPENDED\"') WHERE item_code = $1", DRIVER
    )
    town.catalogue.forget()
    status, problem = await town.phone("POST", f"package-cases/{draft['package_no']}/submit", {})
    assert (status, problem["code"]) == (409, "item_closed")
    assert await db.fetch_row("SELECT 1 FROM application") is None


async def test_real_name_level_is_the_highest_that_a_part_demands(town: Town) -> None:
    town.people.level = "L2"
    draft = await town.draft("YJS1401050003")
    status, problem = await town.phone("POST", f"package-cases/{draft['package_no']}/submit", {})
    assert (status, problem["code"]) == (403, "real_name_required")
    assert (await town.view(draft["package_no"]))["status"] == "DRAFT"


async def test_unknown_package_is_not_found_and_a_closed_one_takes_nothing(town: Town) -> None:
    status, problem = await town.phone("POST", "package-cases", {"package_code": "YJS0"})
    assert (status, problem["code"]) == (404, "not_found")
    await db.execute("UPDATE service_package SET record = jsonb_set(record, '{status}', '\"SUSPENDED\"')")
    town.catalogue.forget()
    status, problem = await town.phone("POST", "package-cases", {"package_code": LOST_CARDS})
    assert (status, problem["code"]) == (409, "item_closed")


async def test_guide_names_each_material_once_with_its_code_and_its_users(town: Town) -> None:
    _, guide = await town.phone("GET", f"packages/{LOST_CARDS}")
    names = [material["name"] for material in guide["materials"]]
    assert len(names) == len(set(names))
    card = next(material for material in guide["materials"] if material["name"] == "申请人居民身份证")
    assert {place["item_code"] for place in card["used_by"]} == {DRIVER, SOCIAL}
    assert card["code"].startswith("P")
