"""A citizen rates a case that has ended: once, with words, in time; everybody reads sums, nobody a person."""

from __future__ import annotations

import asyncio

import pytest

from app import clock, db
from services.applications.clock import Calendar
from services.ratings.states import TAGS
from tests.integration.ratings.conftest import LONG_AGO, Hall

pytestmark = pytest.mark.anyio


async def test_a_closed_case_is_rated_once(hall: Hall) -> None:
    view = await hall.rated("A1", 5, tags=["办理快捷"], comment="很快")
    assert (view["grade_text"], view["tags"], view["comment"]) == ("非常满意", ["办理快捷"], "很快")
    assert view["follow_up"] is None
    status, problem = await hall.call("zhang", "POST", "/api/v1/ratings", {"subject_no": "A1", "grade": 1})
    assert (status, problem["code"]) == (409, "already_rated")
    assert (await hall.call("zhang", "GET", "/api/v1/ratings/A1"))[1]["grade"] == 5


async def test_of_twenty_ratings_at_once_one_counts(hall: Hall) -> None:
    hall.closed("A1")
    body = {"subject_no": "A1", "grade": 4}
    answers = await asyncio.gather(*(hall.call("zhang", "POST", "/api/v1/ratings", body) for _ in range(20)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 19
    row = await db.fetch_row("SELECT sum(total)::int AS total FROM rating_tally")
    assert row is not None
    assert row["total"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"subject_no": "A1", "grade": 6}, 400, "invalid_request"),
        ({"subject_no": "A1", "grade": 5, "tags": ["态度不好"]}, 400, "invalid_request"),
        ({"subject_no": "A1", "grade": 5, "comment": " "}, 400, "invalid_request"),
        ({"subject_no": "A1", "grade": 5, "stars": 5}, 400, "invalid_request"),
        ({"subject_no": "of-li", "grade": 5}, 404, "not_found"),
        ({"subject_no": "open", "grade": 5}, 409, "not_closed"),
        ({"subject_no": "old", "grade": 5}, 409, "rating_too_late"),
    ],
)
async def test_what_cannot_be_rated_leaves_nothing(hall: Hall, body: object, status: int, code: str) -> None:
    hall.closed("A1")
    hall.closed("of-li", "li")
    hall.closed("old", closed_at=clock.now() - LONG_AGO)
    hall.cases.open_ones.add("open")
    found, problem = await hall.call("zhang", "POST", "/api/v1/ratings", body)
    assert (found, problem["code"]) == (status, code)
    row = await db.fetch_row("SELECT (SELECT count(*) FROM rating) + (SELECT count(*) FROM rating_tally) AS rows")
    assert row is not None
    assert row["rows"] == 0


async def test_words_are_added_once_and_stored_encrypted(hall: Hall) -> None:
    await hall.rated("A1", 3, comment="住平阳路")
    added = {"comment": "后来收到了证件"}
    status, view = await hall.call("zhang", "POST", "/api/v1/ratings/A1/supplement", added)
    assert (status, view["supplement"], view["comment"], view["grade"]) == (200, "后来收到了证件", "住平阳路", 3)
    assert view["may_supplement_until"] is None
    status, problem = await hall.call("zhang", "POST", "/api/v1/ratings/A1/supplement", added)
    assert (status, problem["code"]) == (409, "already_supplemented")
    row = await db.fetch_row("SELECT comment_cipher, supplement_cipher FROM rating")
    assert row is not None
    assert "平阳路".encode() not in row["comment_cipher"]
    assert "证件".encode() not in row["supplement_cipher"]


async def test_somebody_elses_rating_is_not_there(hall: Hall) -> None:
    await hall.rated("A1", 1)
    for method, path in (("GET", ""), ("POST", "/appeal")):
        status, _ = await hall.call("li", method, f"/api/v1/ratings/A1{path}")
        assert status == 404


async def test_the_list_of_waiting_cases_hears_of_it_by_an_event(hall: Hall) -> None:
    await hall.rated("A1", 5)
    row = await db.fetch_row("SELECT payload FROM pgqueuer")
    assert row is not None
    assert b"rating.given" in row["payload"]
    assert b"A1" in row["payload"]
    await hall.ratings.note_rated("A1")
    assert hall.cases.noted == ["A1"]


async def test_tags_and_figures_are_open_to_all(hall: Hall) -> None:
    _, listed = await hall.call("", "GET", "/api/v1/ratings/tags")
    assert [(each["grade"], tuple(each["tags"])) for each in listed["data"]] == [(g, TAGS[g]) for g in (5, 4, 3, 2, 1)]
    for place in range(4):
        await hall.rated(f"A{place}", 5)
    _, few = await hall.call("", "GET", "/api/v1/ratings/figures")
    assert few == {"total": 4, "too_few": True, "grades": [], "content_permille": None}
    await hall.rated("A4", 1)
    _, enough = await hall.call("", "GET", "/api/v1/ratings/figures?division=140100")
    assert [each["count"] for each in enough["grades"]] == [4, 0, 0, 0, 1]
    assert enough["content_permille"] == 800
    for nobodys in ("division=140200", "department=11140105MB0001281K", "item_code=nothing"):
        assert (await hall.call("", "GET", f"/api/v1/ratings/figures?{nobodys}"))[1]["total"] == 0


async def test_a_low_rating_opens_a_follow_up_with_its_days(hall: Hall) -> None:
    view = await hall.rated("A1", 2, tags=["态度不好"])
    today, calendar = clock.beijing_date(), Calendar()
    assert view["follow_up"]["status"] == "OPEN"
    assert view["follow_up"]["contact_due_on"] == calendar.add_working_days(today, 1).on.isoformat()
    assert view["follow_up"]["correct_due_on"] == calendar.add_working_days(today, 5).on.isoformat()
