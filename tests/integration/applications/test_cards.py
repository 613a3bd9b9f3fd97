"""Yellow and red cards: on the right day, once, for the right people, settled when the stage ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from app import clock, db
from app.errors import Forbidden
from services.applications.cards import service as card_service
from services.staff.types import Role, StaffCaller

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"
MONDAY = date(2026, 3, 2)


def at(day: date, hour: int = 10) -> datetime:
    return clock.from_beijing(f"{day.isoformat()} {hour:02}:00:00")


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> Callable[[date], None]:
    """Set the day on which cards are issued."""

    def set_day(day: date) -> None:
        monkeypatch.setattr(card_service.clock, "now", lambda: at(day))

    return set_day


@pytest.fixture
def chief(narrowed: Callable[..., StaffCaller]) -> StaffCaller:
    return narrowed(roles=frozenset({Role.APPROVER}), username="chief")


async def cards() -> list[tuple[str, str, bool]]:
    rows = await db.fetch_all("SELECT stage, colour, settled_at IS NOT NULL AS settled FROM due_card ORDER BY id")
    return [(row["stage"], row["colour"], row["settled"]) for row in rows]


async def test_receipt_turns_yellow_on_the_fourth_day_and_red_after_the_fifth(world: Any, today: Any) -> None:
    await world.submitted()
    await db.execute("UPDATE application SET received_at = $1", at(MONDAY))
    expected: dict[int, list[tuple[str, str, bool]]] = {
        3: [],
        4: [("RECEIPT", "YELLOW", False)],
        7: [("RECEIPT", "YELLOW", False)],
        8: [("RECEIPT", "YELLOW", False), ("RECEIPT", "RED", False)],
        30: [("RECEIPT", "YELLOW", False), ("RECEIPT", "RED", False)],
    }
    for days, listed in expected.items():
        today(MONDAY + timedelta(days=days))
        await world.applications.cards.issue_due()
        assert await cards() == listed


async def test_receipt_at_night_counts_from_the_next_working_day(world: Any, today: Any) -> None:
    await world.submitted()
    await db.execute("UPDATE application SET received_at = $1", at(MONDAY, 20))
    today(MONDAY + timedelta(days=4))
    await world.applications.cards.issue_due()
    assert await cards() == []
    today(MONDAY + timedelta(days=7))
    await world.applications.cards.issue_due()
    assert await cards() == [("RECEIPT", "YELLOW", False)]


async def test_review_follows_the_promised_day_and_is_settled_with_the_decision(
    world: Any, today: Any, chief: StaffCaller
) -> None:
    number = await world.accepted()
    await db.execute("UPDATE application SET promised_due_on = '2026-03-10', due_soon_on = '2026-03-09'")
    for day, count in ((date(2026, 3, 6), 0), (date(2026, 3, 9), 1), (date(2026, 3, 10), 1), (date(2026, 3, 11), 2)):
        today(day)
        await world.applications.cards.issue_due()
        assert len(await cards()) == count
    listed, _ = await world.applications.cards.list_open(chief)
    assert [(card.colour, card.due_on) for card in listed] == [("YELLOW", "2026-03-10"), ("RED", "2026-03-10")]
    await world.applications.desk.deny(world.reviewer, number, "不符合条件", HERE)
    for reactions in world.applications.cards.reactions().values():
        for _, reaction in reactions:
            await reaction(card_service.DomainEvent(name="application.denied", subject_no=number))
    assert await cards() == [("REVIEW", "YELLOW", True), ("REVIEW", "RED", True)]
    assert await world.applications.cards.list_open(chief) == ([], None)


async def test_delivery_has_ten_working_days_from_the_decision(world: Any, today: Any) -> None:
    await world.approved()
    await db.execute("UPDATE application SET decided_at = $1", at(MONDAY))
    calendar = world.applications.parts.calendar
    due = calendar.add_working_days(MONDAY, 10).on
    today(calendar.days_back(due, 2) - timedelta(days=1))
    await world.applications.cards.issue_due()
    assert await cards() == []
    today(due)
    await world.applications.cards.issue_due()
    today(due + timedelta(days=1))
    await world.applications.cards.issue_due()
    assert await cards() == [("DELIVERY", "YELLOW", False), ("DELIVERY", "RED", False)]


async def test_card_comes_once_even_when_the_stage_comes_again(world: Any, today: Any) -> None:
    number = await world.submitted()
    await db.execute("UPDATE application SET received_at = $1", at(MONDAY))
    today(MONDAY + timedelta(days=4))
    await world.applications.cards.issue_due()
    await db.execute("UPDATE application SET status = 'CORRECTION'")
    await world.applications.cards.issue_due()
    assert await cards() == [("RECEIPT", "YELLOW", True)]
    await db.execute("UPDATE application SET status = 'SUBMITTED'")
    await world.applications.cards.issue_due()
    await world.applications.cards.issue_due()
    assert await cards() == [("RECEIPT", "YELLOW", True)]
    assert await world.status(number) == "SUBMITTED"


async def test_officers_see_their_own_the_chief_sees_all_in_scope(
    world: Any, today: Any, chief: StaffCaller, narrowed: Any, far_reviewer: StaffCaller
) -> None:
    for _ in range(3):
        await world.submitted()
    await db.execute("UPDATE application SET received_at = $1", at(MONDAY))
    numbers = [
        row["application_no"] for row in await db.fetch_all("SELECT application_no FROM application ORDER BY id")
    ]
    await db.execute("UPDATE application SET officer = 'reviewer' WHERE application_no = $1", numbers[0])
    await db.execute("UPDATE application SET officer = 'other' WHERE application_no = $1", numbers[1])
    today(MONDAY + timedelta(days=8))
    service = world.applications.cards
    await service.issue_due()
    own, _ = await service.list_open(world.reviewer, "RED")
    assert [card.application_no for card in own] == [numbers[0], numbers[2]]
    first, following = await service.list_open(chief, "RED", None, 2)
    second, end = await service.list_open(chief, "RED", following, 2)
    assert [card.application_no for card in (*first, *second)] == numbers
    assert end is None
    assert await service.list_open(far_reviewer) == ([], None)
    with pytest.raises(Forbidden):
        await service.list_open(narrowed(roles=frozenset({Role.CASHIER})))


async def test_sweep_looks_at_many_cases_through_its_index(world: Any) -> None:
    await world.accepted()
    await db.execute(
        """INSERT INTO application (id, created_at, application_no, citizen_id, provider, item_code, item_version,
               item_name, division_code, department_code, status, outcome, version, form, fee_fen, applicant_shown,
               reason, due_is_provisional, updated_at, promised_due_on, due_soon_on)
           SELECT gen_random_uuid(), now(), 'N' || n, gen_random_uuid(), 'WECHAT', 'i', 1, 'i', '140105', 'd',
               CASE WHEN n % 100 = 0 THEN 'ACCEPTED' ELSE 'CLOSED' END, '', 1, '{}', 0, '', '', false, now(),
               '2026-12-01', '2026-11-30' FROM generate_series(1, 20000) n"""
    )
    async with db.connection() as link:
        await link.execute("ANALYZE application")
    plan = await db.fetch_all(
        "EXPLAIN SELECT id FROM application a WHERE a.status IN ('ACCEPTED') AND a.due_soon_on <= '2026-01-01'"
    )
    assert any("application_due_soon" in line["QUERY PLAN"] for line in plan)
