"""Versions of licences: who takes whose place, in one transaction, and what becomes of a suspension."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from app import db
from app.errors import NotFound
from app.identifiers import parse_licence_number
from services.licences.service import LicenceService
from services.licences.types import Change
from tests.integration.licences.conftest import FOOD_LICENCE, HOLDER, NEW, OTHER, GivenHolders, told

pytestmark = pytest.mark.anyio
AGAIN = replace(NEW, subject_no="CASE2", issued_on=date(2026, 5, 1))
FOOD = replace(NEW, type_code=FOOD_LICENCE, type_name="食品经营许可证")


async def test_new_card_is_the_next_version_and_ends_the_old_one(licences: LicenceService) -> None:
    first, second = await licences.issue(NEW), await licences.issue(AGAIN)
    old, new = await licences.licence(HOLDER, first), await licences.licence(HOLDER, second)
    assert (old.status, old.version, new.status, new.version) == ("CANCELLED", 1, "VALID", 2)
    assert (old.superseded_at, new.superseded_at) == (new.changes[0].changed_at, None)
    ids = [parse_licence_number(one.identifier) for one in (old, new)]
    assert ids[0].serial == ids[1].serial
    assert [one.version for one in ids] == [1, 2]
    assert [(one.change, one.status_text, one.by) for one in old.changes] == [
        ("issue", "有效", "系统"),
        ("supersede", "注销", "系统"),
    ]
    assert second in old.changes[1].reason


async def test_cases_that_end_at_once_leave_one_valid_version(licences: LicenceService) -> None:
    await asyncio.gather(*(licences.issue(replace(NEW, subject_no=f"CASE{number}")) for number in range(6)))
    rows = await db.fetch_all("SELECT version, status, superseded_at FROM licence ORDER BY version")
    assert [row["version"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["status"] for row in rows] == ["CANCELLED"] * 5 + ["VALID"]
    assert all((row["superseded_at"] is None) == (row["status"] == "VALID") for row in rows)
    assert len([event for event in await told() if event.name == "licence.issued"]) == 6


async def test_version_that_is_finished_late_does_not_count(licences: LicenceService) -> None:
    await licences.issue(NEW)
    await db.execute("UPDATE licence SET status = 'PREPARING', superseded_at = NULL")
    await db.execute("DELETE FROM licence_change")
    second = await licences.issue(AGAIN)
    first = await licences.issue(NEW)
    assert (await licences.licence(HOLDER, second)).status == "VALID"
    assert (await licences.licence(HOLDER, first)).status == "CANCELLED"


async def test_repeat_of_an_older_case_issues_nothing_new(licences: LicenceService) -> None:
    first = await licences.issue(NEW)
    await licences.issue(AGAIN)
    assert await licences.issue(NEW) == first
    assert (await licences.licence(HOLDER, first)).status == "CANCELLED"


async def test_licences_of_which_one_may_have_several_stand_side_by_side(licences: LicenceService) -> None:
    first = await licences.issue(FOOD)
    second = await licences.issue(replace(FOOD, subject_no="CASE2"))
    third = await licences.issue(replace(FOOD, subject_no="CASE3", supersedes=first))
    found = {number: await licences.licence(HOLDER, number) for number in (first, second, third)}
    assert [found[n].status for n in (first, second, third)] == ["CANCELLED", "VALID", "VALID"]
    assert [found[n].version for n in (first, second, third)] == [1, 1, 2]


async def test_somebody_elses_licence_is_not_superseded(licences: LicenceService) -> None:
    first = await licences.issue(FOOD)
    await licences.issue(replace(FOOD, subject_no="CASE2", citizen_id=OTHER, supersedes=first))
    await licences.issue(replace(AGAIN, citizen_id=OTHER))
    assert (await licences.licence(HOLDER, first)).status == "VALID"


async def test_suspension_outlives_a_new_version(licences: LicenceService) -> None:
    first = await licences.issue(NEW)
    await licences.change_status(first, Change.SUSPEND, actor="reviewer", reason="涉嫌冒领")
    second = await licences.issue(AGAIN)
    assert (await licences.licence(HOLDER, second)).status == "SUSPENDED"
    assert (await licences.licence(HOLDER, first)).status == "CANCELLED"
    await licences.change_status(second, Change.RESTORE)
    assert (await licences.licence(HOLDER, second)).status == "VALID"


@pytest.mark.parametrize("change", [Change.REVOKE, Change.WITHDRAW, Change.CANCEL])
async def test_licence_after_an_end_begins_anew(licences: LicenceService, change: Change) -> None:
    first = await licences.issue(NEW)
    await licences.change_status(first, change)
    second = await licences.licence(HOLDER, await licences.issue(AGAIN))
    assert (second.status, second.version) == ("VALID", 1)
    assert (await licences.licence(HOLDER, first)).superseded_at is None


async def test_history_names_the_officer_to_staff_and_the_body_to_the_holder(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    await licences.change_status(number, Change.SUSPEND, actor="reviewer-1", reason="依法暂扣")
    shown, kept = (await licences.licence(HOLDER, number)).changes[1], (await licences.history(number)).changes[1]
    assert (shown.by, shown.reason, shown.change_text, shown.status_text) == ("发证机关", "依法暂扣", "暂扣", "暂扣")
    assert kept.by == "reviewer-1"
    event = (await told())[-1]
    assert (event.name, event.citizen_id, event.facts["status_text"]) == ("licence.changed", HOLDER.hex, "暂扣")
    assert "依法暂扣" not in str(event.facts)


async def test_change_at_once_is_made_once(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    ends = await asyncio.gather(
        *(licences.change_status(number, Change.REVOKE) for _ in range(5)), return_exceptions=True
    )
    assert sum(not isinstance(end, BaseException) for end in ends) == 1
    assert [one.change for one in (await licences.licence(HOLDER, number)).changes] == ["issue", "revoke"]


async def test_fields_of_its_type_are_kept_encrypted_and_shown_masked(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    fields = {field.key: field.value for field in (await licences.licence(HOLDER, number)).fields}
    assert fields["id_number"] == "140105********0012"
    assert fields["sex"] == "男"
    assert fields["residence_address"].startswith("山西省太原市*")
    row = await db.fetch_row("SELECT content_cipher FROM licence")
    assert row is not None
    assert "平阳路".encode() not in row["content_cipher"]


async def test_enterprise_licence_belongs_to_whoever_represents_it(make: Callable[..., LicenceService]) -> None:
    enterprise, holders = uuid.UUID(int=9), GivenHolders()
    licences = make(holders=holders)
    number = await licences.issue(replace(FOOD, enterprise_id=enterprise))
    for nobody in (HOLDER, OTHER):
        with pytest.raises(NotFound):
            await licences.licence(nobody, number)
        assert await licences.list_own(nobody, None, 20) == ([], None)
    holders.represented[OTHER] = [enterprise]
    view = await licences.licence(OTHER, number)
    assert view.holder_shown == "太原市小店区平阳餐饮有限公司"
    assert [one.licence_no for one in (await licences.list_own(OTHER, None, 20))[0]] == [number]
    assert (await licences.document(OTHER, number)).startswith(b"%PDF")
    assert [one.licence_no for one in await licences.usable_for(OTHER, enterprise, FOOD_LICENCE)] == [number]
    assert await licences.usable_for(HOLDER, None, FOOD_LICENCE) == []


async def test_usable_licence_is_valid_and_checked_again_by_its_hash(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    (found,) = await licences.usable_for(HOLDER, None, NEW.type_code)
    assert (found.licence_no, found.holder_shown) == (number, "*伟")
    assert await licences.check(number, found.sha256)
    assert not await licences.check(number, "0" * 64)
    assert not await licences.check("ZZ0", found.sha256)
    await licences.change_status(number, Change.SUSPEND)
    assert not await licences.check(number, found.sha256)
    assert await licences.usable_for(HOLDER, None, NEW.type_code) == []
    await licences.change_status(number, Change.RESTORE)
    assert await licences.check(number, found.sha256)
    await licences.issue(AGAIN)
    assert not await licences.check(number, found.sha256)


async def test_expired_licence_is_not_usable(licences: LicenceService) -> None:
    number = await licences.issue(replace(NEW, issued_on=date(2020, 1, 1), expires_on=date(2021, 1, 1)))
    row = await db.fetch_row("SELECT sha256 FROM licence")
    assert row is not None
    assert await licences.usable_for(HOLDER, None, NEW.type_code) == []
    assert not await licences.check(number, row["sha256"])


async def test_type_says_how_long_where_the_item_does_not(licences: LicenceService) -> None:
    number = await licences.issue(replace(FOOD, expires_on=None, issued_on=date(2026, 1, 31)))
    assert (await licences.licence(HOLDER, number)).expires_on == "2031-01-30"
