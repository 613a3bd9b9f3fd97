"""Last days that pass and ends that come near: noted once, told once a period."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app import clock, db
from services.licences.service import LicenceService
from services.licences.sweeps import expire, remind
from services.licences.types import Change
from tests.integration.licences.conftest import HOLDER, NEW, told

pytestmark = pytest.mark.anyio


async def ending_in(licences: LicenceService, days: int) -> str:
    """Issue a card (reminders 90 and 30 days before) that ends so many days from today."""
    ends_on = clock.beijing_date() + timedelta(days=days)
    number = await licences.issue(
        replace(NEW, subject_no=f"CASE{days}", issued_on=date(2006, 1, 1), expires_on=ends_on)
    )
    await db.execute("DELETE FROM pgqueuer")
    return number


async def days_pass(days: int) -> None:
    await db.execute("UPDATE licence SET expires_on = expires_on - $1::int, reminded_on = reminded_on - $1::int", days)


async def test_licence_ends_with_its_last_day_once(licences: LicenceService) -> None:
    number = await ending_in(licences, 0)
    await expire()
    assert (await licences.licence(HOLDER, number)).status == "VALID"
    await days_pass(1)
    assert (await licences.licence(HOLDER, number)).status == "EXPIRED"
    await expire()
    await expire()
    view = await licences.licence(HOLDER, number)
    assert (view.status, view.status_code) == ("EXPIRED", "05")
    assert [(one.change, one.by, one.reason) for one in view.changes[1:]] == [("expire", "系统", "有效期届满")]
    assert [(event.name, event.facts["status_text"]) for event in await told()] == [("licence.changed", "失效")]


async def test_suspended_licence_does_not_expire_into_another_status(licences: LicenceService) -> None:
    number = await ending_in(licences, 0)
    await licences.change_status(number, Change.SUSPEND)
    await days_pass(5)
    await expire()
    assert (await licences.licence(HOLDER, number)).status == "SUSPENDED"


async def test_expired_licence_is_renewed_as_the_next_version(licences: LicenceService) -> None:
    number = await ending_in(licences, 0)
    await days_pass(1)
    await expire()
    renewed = await licences.licence(HOLDER, await licences.issue(NEW))
    old = await licences.licence(HOLDER, number)
    assert (old.status, old.superseded_at is not None) == ("EXPIRED", True)
    assert (renewed.status, renewed.version) == ("VALID", 2)


async def test_holder_is_reminded_once_a_period(licences: LicenceService) -> None:
    await ending_in(licences, 91)
    await remind(licences)
    assert await told() == []
    for passing, expected in ((1, 1), (10, 1), (49, 1), (1, 2), (20, 2), (10, 2)):
        await days_pass(passing)
        await remind(licences)
        await remind(licences)
        assert len(await told()) == expected, passing
    first, second = await told()
    assert (first.name, first.facts["days_left"], second.facts["days_left"]) == ("licence.expiring", "90", "30")
    assert first.citizen_id == HOLDER.hex


async def test_licence_that_comes_late_into_two_periods_is_told_of_once(licences: LicenceService) -> None:
    await ending_in(licences, 12)
    await remind(licences)
    await remind(licences)
    assert [event.facts["days_left"] for event in await told()] == ["12"]


async def test_nobody_is_reminded_of_what_does_not_count(licences: LicenceService) -> None:
    number = await ending_in(licences, 20)
    await licences.change_status(number, Change.REVOKE)
    await db.execute("DELETE FROM pgqueuer")
    await remind(licences)
    assert await told() == []
