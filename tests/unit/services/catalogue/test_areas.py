"""Opening hours over working days, and how far items reach."""

from __future__ import annotations

from datetime import date

import pytest

from app import clock
from services.catalogue.areas.divisions import Area
from services.catalogue.areas.opening import is_working_day, open_at
from services.catalogue.areas.reach import may_be_filed
from services.catalogue.codes import OpeningDays, Reach
from services.catalogue.places import Opening

MORNING = Opening(days=OpeningDays.WORKING, opens="09:00", closes="12:00")
BOOKED = Opening(days=OpeningDays.REST, opens="09:00", closes="12:00", booking=True)
MARKET = Opening(days=OpeningDays.DAILY, opens="18:00", closes="24:00")
XIAODIAN = Area("140105", ("140105", "140100", "140000"), "140105", "1401")


@pytest.mark.parametrize(
    ("time", "working", "expected"),
    [
        ("08:59:59", True, False),
        ("09:00:00", True, True),
        ("11:59:59", True, True),
        ("12:00:00", True, False),
        ("10:00:00", False, False),
        ("23:59:59", False, True),
    ],
)
def test_point_is_open_within_its_hours_on_its_days(time: str, working: bool, expected: bool) -> None:
    moment = clock.from_beijing(f"2026-03-02 {time}")
    assert open_at((MORNING, BOOKED, MARKET), moment, working) is expected


def test_hours_told_in_words_only_are_not_guessed() -> None:
    assert open_at((), clock.now(), True) is None


def test_working_days_follow_the_published_holidays() -> None:
    assert not is_working_day(date(2025, 10, 1))
    assert is_working_day(date(2025, 10, 11))
    assert [is_working_day(date(2090, 1, day)) for day in (6, 7)] == [True, False]


@pytest.mark.parametrize(
    ("reach", "division", "expected"),
    [
        (Reach.LOCAL, "140105", True),
        (Reach.LOCAL, "140100", True),
        (Reach.LOCAL, "140106", False),
        (Reach.CROSS_COUNTY, "140106", True),
        (Reach.CROSS_COUNTY, "140213", False),
        (Reach.CROSS_CITY, "140213", True),
        (Reach.CROSS_PROVINCE, "140213", True),
        (Reach.NATION, "140702", True),
    ],
)
def test_reach_decides_from_where_an_item_may_be_filed(reach: Reach, division: str, expected: bool) -> None:
    assert may_be_filed(reach, division, XIAODIAN) is expected
