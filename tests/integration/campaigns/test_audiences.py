"""Who an audience is: criteria, scope, wishes, merges; and that a page of it is an index walk."""

from __future__ import annotations

from typing import Any

import pytest

from app import db
from app.ids import new_id
from services.audiences import people, repository
from services.audiences.types import Criteria
from tests.fakes.campaign_house import CampaignHouse, citizen_id, seed

pytestmark = pytest.mark.anyio
EVERYWHERE = ["14"]


async def _case(number: int, item_code: str, status: str, division: str = "140105") -> None:
    await db.execute(
        "INSERT INTO application (id, created_at, updated_at, application_no, citizen_id, provider, item_code,"
        " item_version, item_name, division_code, department_code, status, outcome, version, form, applicant_shown,"
        " fee_fen, reason, due_is_provisional) VALUES ($1, now(), now(), $2, $3, 'WECHAT', $4, 1, '', $5, '', $6, '',"
        " 1, '{}', '', 0, '', false)",
        new_id(),
        new_id().hex,
        citizen_id(number),
        item_code,
        division,
        status,
    )


@pytest.mark.parametrize(
    ("criteria", "count"),
    [
        (Criteria(), 60),
        (Criteria(divisions=["1401"]), 30),
        (Criteria(divisions=["140105", "1402"]), 60),
        (Criteria(divisions=["15"]), 0),
        (Criteria(level="L1"), 40),
        (Criteria(level="L2"), 20),
        (Criteria(age_from=2026 - 1959, age_to=2026 - 1950), 10),
        (Criteria(tag="退役军人"), 2),
        (Criteria(item_code="A"), 2),
        (Criteria(item_code="A", case_states=["CLOSED"]), 1),
        (Criteria(case_states=["ACCEPTED", "CLOSED"]), 3),
        (Criteria(topic="policy"), 57),
        (Criteria(divisions=["140105"], topic="policy", level="L2"), 8),
    ],
)
async def test_criteria_are_met_all_of_them(house: CampaignHouse, criteria: Criteria, count: int) -> None:
    await seed(1, 60, "140105", "140213")
    for number in (3, 8):
        await db.execute(
            "INSERT INTO citizen_tag (id, created_at, citizen_id, tag, source)"
            " VALUES (gen_random_uuid(), now(), $1, '退役军人', 'SELF')",
            citizen_id(number),
        )
    await _case(1, "A", "CLOSED")
    await _case(2, "A", "ACCEPTED")
    await _case(3, "B", "ACCEPTED")
    await _case(4, "A", "DRAFT")
    muted = '{"topics": {"policy": {"subscribe_messages": false, "sms": false}}}'
    wishes = ((4, muted), (8, '{"subscribe_messages": false, "sms": false}'), (9, '{"sms": false, "topics": {}}'))
    partly = '{"sms": false, "topics": {"policy": {"subscribe_messages": false}}}'
    for number, wish in (*wishes, (14, partly), (15, '{"topics": {"case": {"sms": false}}}')):
        await db.execute("UPDATE citizen SET preferences = $2::jsonb WHERE id = $1", citizen_id(number), wish)
    found = await house.audiences.estimate(criteria, EVERYWHERE)
    assert (found.people, found.is_exact) == (count, True)
    page = await house.audiences.page(criteria, EVERYWHERE, None, 100)
    assert len(page.ids) == count


async def test_cases_out_of_the_scope_do_not_count(house: CampaignHouse) -> None:
    await seed(1, 2)
    await _case(1, "A", "CLOSED", "140213")
    assert (await house.audiences.estimate(Criteria(item_code="A"), ["140105"])).people == 0
    assert (await house.audiences.estimate(Criteria(item_code="A"), EVERYWHERE)).people == 1


async def test_those_merged_away_are_represented_by_whom_they_became(house: CampaignHouse) -> None:
    await seed(1, 5)
    await db.execute(
        "INSERT INTO citizen_tag (id, created_at, citizen_id, tag, source)"
        " VALUES (gen_random_uuid(), now(), $1, '甲', 'STAFF')",
        citizen_id(1),
    )
    await db.execute(
        "UPDATE citizen SET status = 'MERGED', merged_into_id = $2 WHERE id = $1", citizen_id(1), citizen_id(4)
    )
    page = await house.audiences.page(Criteria(tag="甲"), EVERYWHERE, None, 10)
    assert page.ids == [citizen_id(4)]
    assert page.former == [(citizen_id(4), citizen_id(1))]


async def test_pages_follow_each_other_without_a_gap(house: CampaignHouse) -> None:
    await seed(1, 95, "140105", "140213")
    seen: list[Any] = []
    after = None
    while page := (await house.audiences.page(Criteria(divisions=["140105"]), EVERYWHERE, after, 10)).ids:
        seen += page
        after = page[-1]
    assert seen == sorted(set(seen))
    assert len(seen) == 47


async def test_what_takes_too_long_to_count_is_estimated(house: CampaignHouse) -> None:
    await seed(1, 2_000)
    await db.fetch_all("ANALYZE citizen")
    condition = people.condition(Criteria(), EVERYWHERE, 2026)
    condition.parts.append("pg_sleep(0.05) IS NOT NULL")
    assert await repository.count_people(condition, 20) is None
    assert 1_000 < await repository.guess_people(people.condition(Criteria(), EVERYWHERE, 2026)) < 4_000


async def test_a_page_of_a_hundred_thousand_people_is_a_walk_along_the_key(house: CampaignHouse) -> None:
    await seed(1, 100_000, *(f"14{city:02d}{county:02d}" for city in range(1, 12) for county in range(1, 11)))
    await db.fetch_all("ANALYZE citizen")
    for criteria, scope in ((Criteria(topic="policy"), EVERYWHERE), (Criteria(level="L2"), ["1401"])):
        condition = people.condition(criteria, scope, 2026)
        sql, values = repository.page_statement(condition, citizen_id(50_000), 1_000)
        rows = await db.fetch_all(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {sql}", *values)
        plan = "\n".join(str(next(iter(row.values()))) for row in rows)
        assert "Seq Scan on citizen c" not in plan, plan
        assert "Index Scan" in plan or "Bitmap" in plan, plan
