"""Staff follow up low ratings: the officer concerned sees nothing, the handler learns who only by an audited look."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from app import clock, db, metrics
from services.ratings.sweeps import count_overdue
from tests.integration.ratings.conftest import Hall

pytestmark = pytest.mark.anyio
_ALL = "/api/staff/v1/rating-follow-ups"


async def act(hall: Hall, line: Any, name: str, body: Any, who: str = "chief") -> tuple[int, Any]:
    return await hall.call(who, "POST", f"{_ALL}/{line['follow_up_id']}/{name}", body)


async def test_from_contact_to_call_back(hall: Hall) -> None:
    await hall.rated("A1", 1, comment="跑了三次")
    (line,) = await hall.lines()
    assert (line["comment"], line["acts"]) == ("跑了三次", ["contact", "exclude"])
    _, line = await act(hall, line, "contact", {"is_complex": True, "version": 1})
    assert (line["status"], line["handler"], line["is_complex"]) == ("CONTACTED", "chief", True)
    _, line = await act(hall, line, "answer", {"answer": "已修改办事指南", "version": 2})
    told = (await hall.call("zhang", "GET", "/api/v1/ratings/A1"))[1]["follow_up"]
    assert (told["answer"], told["may_appeal"]) == ("已修改办事指南", True)
    status, line = await act(hall, line, "call-back", {"was_content": True, "version": 3})
    assert (status, line["status"], line["was_content"]) == (200, "CLOSED", True)
    assert await hall.lines() == []
    rows = await db.fetch_all("SELECT convert_from(payload, 'UTF8') AS text FROM pgqueuer")
    assert sum("rating.answered" in row["text"] for row in rows) == 1
    actions = [row["action"] for row in await db.fetch_all("SELECT action FROM audit_entry ORDER BY seq")]
    assert actions == ["rating.contact", "rating.answer", "rating.call_back"]


async def test_an_appeal_brings_another_answer_once(hall: Hall) -> None:
    await hall.rated("A1", 1)
    (line,) = await hall.lines()
    _, line = await act(hall, line, "contact", {})
    assert (await hall.call("zhang", "POST", "/api/v1/ratings/A1/appeal"))[0] == 409
    _, line = await act(hall, line, "answer", {"answer": "已解释"})
    status, view = await hall.call("zhang", "POST", "/api/v1/ratings/A1/appeal")
    assert (status, view["follow_up"]["status"]) == (200, "APPEALED")
    (line,) = await hall.lines(query="?status=APPEALED")
    _, line = await act(hall, line, "answer", {"answer": "已重新办理"})
    status, problem = await hall.call("zhang", "POST", "/api/v1/ratings/A1/appeal")
    assert (status, problem["code"]) == (409, "already_appealed")
    assert line["status"] == "ANSWERED"


async def test_the_rated_officer_finds_nothing(hall: Hall) -> None:
    await hall.rated("A1", 1)
    (line,) = await hall.lines()
    assert await hall.lines("officer") == []
    for method, path in (("GET", "contact"), ("POST", "contact"), ("POST", "answer"), ("POST", "exclude")):
        body = {"answer": "x"} if path == "answer" else {"reason": "x"} if path == "exclude" else {}
        status, _ = await hall.call(
            "officer", method, f"{_ALL}/{line['follow_up_id']}/{path}", None if method == "GET" else body
        )
        assert status == 404, path


async def test_scope_and_role_hold(hall: Hall) -> None:
    await hall.rated("A1", 1)
    (line,) = await hall.lines()
    assert await hall.lines("elsewhere") == []
    assert (await act(hall, line, "contact", {}, "elsewhere"))[0] == 404
    assert (await act(hall, line, "contact", {}, "window"))[0] == 403
    assert (await hall.call("window", "GET", _ALL))[0] == 403
    assert [each["acts"] for each in await hall.lines("auditor")] == [[]]
    assert (await act(hall, line, "contact", {}, "auditor"))[0] == 403
    for nobody in ("x", str(uuid.uuid4())):
        assert (await hall.call("chief", "POST", f"{_ALL}/{nobody}/contact", {}))[0] == 404


async def test_no_line_says_who_rated(hall: Hall) -> None:
    await hall.rated("A1", 1)
    shown = json.dumps(await hall.lines(), ensure_ascii=False)
    assert hall.people["zhang"].hex not in shown.replace("-", "")
    assert "张" not in shown
    assert "A1" not in shown


async def test_the_contact_is_looked_at_under_audit(hall: Hall) -> None:
    await hall.rated("A1", 1)
    (line,) = await hall.lines()
    status, contact = await hall.call("chief", "GET", f"{_ALL}/{line['follow_up_id']}/contact")
    assert (status, contact) == (200, {"name": "张伟", "phone": "13800000001"})
    row = await db.fetch_row("SELECT action, actor, details FROM audit_entry")
    assert row is not None
    assert (row["action"], row["actor"]) == ("rating.contact_viewed", "chief")
    assert "138" not in row["details"]


async def test_an_excluded_rating_stays_and_counts_no_more(hall: Hall) -> None:
    for place in range(5):
        await hall.rated(f"A{place}", 1 if place == 0 else 5)
    (line,) = await hall.lines()
    status, line = await act(hall, line, "exclude", {"reason": "误点"})
    assert (status, line["status"], line["acts"]) == (200, "EXCLUDED", [])
    row = await db.fetch_row("SELECT excluded_reason, excluded_by FROM rating WHERE subject_no = 'A0'")
    assert row is not None
    assert (row["excluded_reason"], row["excluded_by"]) == ("误点", "chief")
    assert (await hall.call("", "GET", "/api/v1/ratings/figures"))[1]["total"] == 4
    status, problem = await act(hall, line, "exclude", {"reason": "再一次"})
    assert (status, problem["code"]) == (409, "invalid_transition")
    assert (await hall.call("", "GET", "/api/v1/ratings/figures"))[1]["total"] == 4


async def test_two_who_act_at_once_one_wins(hall: Hall) -> None:
    await hall.rated("A1", 1)
    (line,) = await hall.lines()
    answers = await asyncio.gather(*(act(hall, line, "contact", {"version": 1}) for _ in range(8)))
    assert sorted(status for status, _ in answers) == [200] + [409] * 7
    status, problem = await act(hall, line, "answer", {"answer": "x", "version": 1})
    assert (status, problem["code"], problem["current"]["version"]) == (409, "stale_version", 2)


async def test_late_ones_are_counted(hall: Hall) -> None:
    await hall.rated("A1", 1)
    await count_overdue(hall.ratings)
    assert metrics.LOW_RATINGS_OVERDUE._value.get() == 0
    yesterday = clock.beijing_date() - timedelta(days=1)
    await db.execute("UPDATE rating_follow_up SET contact_due_on = $1", yesterday)
    await count_overdue(hall.ratings)
    assert metrics.LOW_RATINGS_OVERDUE._value.get() == 1
    assert [each["is_overdue"] for each in await hall.lines()] == [True]
