"""The clock of a case against a slow count, day by day, over any published plan; cards fall due on the right day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

import chinese_calendar
from hypothesis import given
from hypothesis import strategies as st

from app.clock import BEIJING, beijing_date
from services.applications.cards.service import CardService
from services.applications.cards.types import Colour, Stage
from services.applications.clock import OFFICE_ENDS, Calendar, Pause
from services.applications.dues import receipt_due
from services.delivery.mailing.types import MailingView

FIRST = date(2026, 1, 1)
DAYS = st.dates(date(2026, 1, 1), date(2027, 3, 31))
PLANS = st.dictionaries(DAYS, st.booleans(), max_size=30)
SPANS = st.lists(st.tuples(DAYS, st.integers(0, 20)), max_size=3)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31))  # noqa: DTZ001  # made aware below


async def no_originals(subject_nos: Sequence[str]) -> dict[str, MailingView]:
    """No case needs originals."""
    return {}


def works(day: date, plan: Mapping[date, bool]) -> bool:
    if day in plan:
        return plan[day]
    return chinese_calendar.is_workday(day) if day.year <= 2026 else day.weekday() < 5


def slowly_after(start: date, count: int, plan: Mapping[date, bool], paused: frozenset[date] = frozenset()) -> date:
    counted = [
        day
        for day in (start + timedelta(days=step) for step in range(1, 500))
        if works(day, plan) and day not in paused
    ]
    return counted[count - 1] if count else start


def slowly_received(moment: datetime, plan: Mapping[date, bool]) -> date:
    day = beijing_date(moment)
    if works(day, plan) and moment.astimezone(BEIJING).time() < OFFICE_ENDS:
        return day
    return slowly_after(day, 1, plan)


def left(today: date, due: date, plan: Mapping[date, bool]) -> int:
    return sum(works(today + timedelta(days=step), plan) for step in range(1, max(0, (due - today).days) + 1))


@given(start=DAYS, count=st.integers(0, 40), plan=PLANS, spans=SPANS)
def test_due_day_equals_the_slow_count(
    start: date, count: int, plan: dict[date, bool], spans: list[tuple[date, int]]
) -> None:
    pauses = [Pause(begun, begun + timedelta(days=length)) for begun, length in spans]
    paused = frozenset(begun + timedelta(days=step) for begun, length in spans for step in range(length))
    due = Calendar(plan).add_working_days(start, count, pauses)
    assert due.on == slowly_after(start, count, plan, paused)
    passed = [start + timedelta(days=step) for step in range((due.on - start).days + 1)]
    assert due.provisional == any(day.year > 2026 and day not in plan for day in passed)


@given(end=DAYS, count=st.integers(0, 20), plan=PLANS)
def test_days_back_is_the_last_day_from_which_so_many_have_passed(
    end: date, count: int, plan: dict[date, bool]
) -> None:
    day = Calendar(plan).days_back(end, count)
    assert slowly_after(day, count, plan) <= end
    assert slowly_after(day + timedelta(days=1), count, plan) > end


@given(start=DAYS, count=st.integers(1, 40), plan=PLANS)
def test_near_begins_with_the_last_fifth(start: date, count: int, plan: dict[date, bool]) -> None:
    calendar = Calendar(plan)
    due = calendar.add_working_days(start, count).on
    soon_on, most = calendar.soon_on(start, due), max(1, count * 20 // 100)
    assert start <= soon_on <= due
    assert left(soon_on, due, plan) <= most
    if soon_on > start:
        assert left(soon_on - timedelta(days=1), due, plan) > most or not works(soon_on, plan)


@given(moment=MOMENTS, ahead=st.integers(0, 25), plan=PLANS)
def test_receipt_cards_come_on_the_days_of_a_slow_count(moment: datetime, ahead: int, plan: dict[date, bool]) -> None:
    received_at = moment.replace(tzinfo=BEIJING)
    today = beijing_date(received_at) + timedelta(days=ahead)
    calendar = Calendar(plan)
    due = slowly_after(slowly_received(received_at, plan), 5, plan)
    assert receipt_due(calendar, received_at).on == due
    reaches = {
        reach.colour: reach
        for reach in CardService(calendar, no_originals).reaches(today)
        if reach.stage is Stage.RECEIPT
    }
    is_past = today > due
    assert (received_at < reaches[Colour.RED].until) == is_past
    began = today >= slowly_received(received_at, plan)
    assert (received_at < reaches[Colour.YELLOW].until) == (began and left(today, due, plan) <= 1)


@given(day=DAYS.filter(lambda day: day.year == 2026), ahead=st.integers(0, 30), plan=PLANS)
def test_delivery_cards_come_on_the_days_of_a_slow_count(day: date, ahead: int, plan: dict[date, bool]) -> None:
    decided_at = datetime.combine(day, time(15), BEIJING)
    today = day + timedelta(days=ahead)
    due = slowly_after(day, 10, plan)
    reaches = {
        reach.colour: reach
        for reach in CardService(Calendar(plan), no_originals).reaches(today)
        if reach.stage is Stage.DELIVERY
    }
    assert (decided_at < reaches[Colour.RED].until) == (today > due)
    assert (decided_at < reaches[Colour.YELLOW].until) == (left(today, due, plan) <= 2)
