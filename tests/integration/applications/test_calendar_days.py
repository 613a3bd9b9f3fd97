"""Published days: a plan is taken whole or not at all, and what was provisional is counted again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from app import db
from app.errors import InvalidRequest
from services.applications import calendar_days, sweeps
from services.applications.calendar_repository import PublishedDay
from services.applications.clock import Calendar

pytestmark = pytest.mark.anyio
PLAN = "day,is_working,source\n2027-01-01,否,国办发明电〔2026〕1号\n2027-01-03,是,国办发明电〔2026〕1号\n"


def test_read_plan_takes_csv_and_json() -> None:
    days = calendar_days.read_plan(PLAN.encode(), is_json=False)
    assert [(each.day, each.is_working) for each in days] == [(date(2027, 1, 1), False), (date(2027, 1, 3), True)]
    text = '[{"day": "2027-01-01", "is_working": false, "source": "国办"}]'
    assert calendar_days.read_plan(text.encode(), is_json=True) == [PublishedDay(date(2027, 1, 1), False, "国办")]


@pytest.mark.parametrize(
    ("content", "is_json", "places"),
    [
        ("day,is_working,source\n2027-13-01,否,国办\n2027-01-02,也许,国办\n2027-01-03,是,\n", False, 3),
        ("day,is_working,source\n2027-01-01,否,国办\n2027-01-01,否,国办\n", False, 1),
        ("day,is_working,source,extra\n2027-01-01,否,国办,x\n", False, 1),
        ("day,is_working,source\n", False, 0),
        ("day,is_working,source\n1027-01-01,否,国办\n", False, 1),
        ("{", True, 0),
        ('[{"day": 1}]', True, 1),
        ("\ud800", False, 0),
    ],
)
def test_read_plan_names_every_fault(content: str, is_json: bool, places: int) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        calendar_days.read_plan(content.encode("utf-8", "surrogatepass"), is_json=is_json)
    assert len(refusal.value.faults) == places


async def test_publish_is_idempotent_and_tells_what_changed(world: Any) -> None:
    days = calendar_days.read_plan(PLAN.encode(), is_json=False)
    assert await calendar_days.publish(days) == [date(2027, 1, 1), date(2027, 1, 3)]
    assert await calendar_days.publish(days) == []
    assert await calendar_days.publish([PublishedDay(date(2027, 1, 3), False, "更正")]) == [date(2027, 1, 3)]
    calendar = Calendar()
    assert await calendar_days.refresh(calendar)
    assert not await calendar_days.refresh(calendar)
    assert not calendar.is_working_day(date(2027, 1, 3))


async def test_provisional_days_are_counted_again_when_a_calendar_arrives(world: Any) -> None:
    limits = {
        "promised_time": {"length": 5, "unit": "working_days"},
        "legal_time": {"length": 20, "unit": "working_days"},
    }
    world.catalogue.publish(**limits)
    number = await world.accepted()
    accepted_at = "2026-12-30 10:00:00+08"
    await db.execute("UPDATE application SET accepted_at = $1::text::timestamptz", accepted_at)
    await sweeps.recompute_running(world.applications.progress, date(2026, 12, 1), date(2027, 3, 1))
    view, _ = await world.applications.detail(world.citizen, number)
    assert view.due_is_provisional
    first = view.promised_due_on
    year = [
        PublishedDay(date(2027, 1, 1).fromordinal(date(2027, 1, 1).toordinal() + n), n > 9, "国办") for n in range(90)
    ]
    await calendar_days.publish(year)
    assert await sweeps.recompute_running(world.applications.progress, year[0].day, year[-1].day) == 1
    view, _ = await world.applications.detail(world.citizen, number)
    assert not view.due_is_provisional
    assert view.promised_due_on != first


async def test_extension_is_kept_when_days_are_counted_again(world: Any) -> None:
    number = await world.accepted()
    before, _ = await world.applications.detail(world.citizen, number)
    await db.execute("UPDATE application SET extension_days = 5, due_is_provisional = true")
    await sweeps.recompute_provisional(world.applications.progress)
    view, _ = await world.applications.detail(world.citizen, number)
    calendar = world.applications.parts.calendar
    expected = calendar.add_working_days(date.fromisoformat(before.promised_due_on), 5).on
    assert view.promised_due_on == expected.isoformat()
