"""A licence whose copy was lost on its way: its number ends, its case issues the next version, once."""

from __future__ import annotations

import asyncio

import pytest

from app import db
from app.identifiers import parse_licence_number
from services.licences.service import LicenceService
from services.licences.types import Change
from tests.integration.licences.conftest import HOLDER, NEW, told

pytestmark = pytest.mark.anyio
LOST = {"reason": "寄送途中遗失，作废补发", "actor": "系统"}


async def test_void_ends_a_licence_and_its_case_issues_the_next_version(licences: LicenceService) -> None:
    first = await licences.issue(NEW)
    document = (await licences.licence(HOLDER, first)).sha256
    assert await licences.remaking.void(first, **LOST)
    assert await licences.remaking.void(first, **LOST), "a repeat says the same"
    assert not await licences.check(first, document)
    assert await licences.issued_types(NEW.subject_no) == frozenset()
    second = await licences.issue(NEW)
    assert await licences.issue(NEW) == second != first
    old, new = await licences.licence(HOLDER, first), await licences.licence(HOLDER, second)
    assert (old.status, new.status, new.version) == ("CANCELLED", "VALID", 2)
    assert old.superseded_at == new.changes[0].changed_at
    assert [change.change for change in old.changes] == ["issue", "void"]
    numbers = [parse_licence_number(one.identifier) for one in (old, new)]
    assert numbers[0].serial == numbers[1].serial
    assert await licences.issued_types(NEW.subject_no) == {NEW.type_code}
    assert await licences.remaking.numbers_of(NEW.subject_no) == {NEW.type_code: second}
    assert [event.name for event in await told()] == ["licence.issued", "licence.issued"], "told by whoever remakes it"


async def test_void_and_issue_at_once_leave_one_valid_copy(licences: LicenceService) -> None:
    first = await licences.issue(NEW)
    await asyncio.gather(
        *(licences.remaking.void(first, **LOST) for _ in range(3)), *(licences.issue(NEW) for _ in range(3))
    )
    await asyncio.gather(*(licences.issue(NEW) for _ in range(3)))
    rows = await db.fetch_all("SELECT version, status FROM licence ORDER BY version")
    assert [(row["version"], row["status"]) for row in rows] == [(1, "CANCELLED"), (2, "VALID")]


@pytest.mark.parametrize("change", [Change.REVOKE, Change.CANCEL, Change.WITHDRAW])
async def test_void_of_what_its_body_has_ended_makes_nothing_again(licences: LicenceService, change: Change) -> None:
    first = await licences.issue(NEW)
    await licences.change_status(first, change)
    assert not await licences.remaking.void(first, **LOST)
    assert await licences.issue(NEW) == first


async def test_suspension_outlives_a_lost_copy(licences: LicenceService) -> None:
    first = await licences.issue(NEW)
    await licences.change_status(first, Change.SUSPEND)
    assert await licences.remaking.void(first, **LOST)
    assert (await licences.licence(HOLDER, await licences.issue(NEW))).status == "SUSPENDED"
