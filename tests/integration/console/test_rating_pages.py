"""Pages of low ratings and of rating figures: scope, the clock, each act, who has rated, files, hostile input."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from typing import Any

import pytest

from app import clock, db
from app.ids import new_id
from app.tokens import Caller
from services.ratings.service import RatingService
from services.ratings.types import Days, NewRating, RatedSubject, RaterContact
from tests.integration.console.conftest import Browser, House

pytestmark = pytest.mark.anyio
BODY = "11140105MB0001177F"
ITEM = "11140105MB0001177F4140709012000"


class Subjects:
    """One case of everybody under each number; `division` and `officer` are those of the next."""

    division, officer = "140105", "clerk"

    async def ended(self, caller: Any, subject_no: str) -> RatedSubject:
        return RatedSubject(
            subject_no=subject_no, item_code=ITEM, item_name="居民身份证<补领>", division_code=self.division,
            department_code=BODY, officer=self.officer, closed_at=clock.now(),
        )  # fmt: skip

    async def note_rated(self, subject_no: str) -> None:
        """Nobody waits here."""


class Raters:
    """Everybody is 张伟."""

    async def contact(self, citizen_id: object) -> RaterContact:
        return RaterContact(name="张伟", phone="13800000001")


class Calendar:
    """Every day is a working day."""

    def after(self, start: date, count: int) -> date:
        return start + timedelta(days=count)


@pytest.fixture
def subjects(house: House) -> Subjects:
    """A ratings room in the house."""
    made = Subjects()
    house.ratings = RatingService(  # type: ignore[attr-defined]  # a room that only these pages need
        made, Raters(), Calendar(), house.staff.audit, house.cipher, Days()
    )
    return made


async def _rated(
    house: House, grade: int = 1, comment: str | None = "太<b>慢</b>了", caller: Caller | None = None
) -> str:
    caller = caller or await house.citizen()
    new = NewRating(subject_no=new_id().hex, grade=grade, tags=["流程繁琐"] if grade < 3 else [], comment=comment)
    await house.ratings.rate(caller, new)  # type: ignore[attr-defined]  # as above
    row = await db.fetch_row("SELECT id FROM rating_follow_up ORDER BY id DESC LIMIT 1")
    return str(row["id"]) if row else ""


async def _do(browser: Browser, number: str, act: str, **fields: str) -> tuple[int, str, str]:
    page = await browser.get(f"/staff/ratings/{number}")
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf_token|version)" value="([^"]*)">', page))
    return await browser.post(f"/staff/ratings/{number}/{act}", **(hidden | fields))


async def test_low_rating_is_called_answered_and_called_back(browser: Browser, subjects: Subjects) -> None:
    number = await _rated(browser.house)
    await browser.sign_in("approver")
    listed = await browser.get("/staff/ratings")
    assert "居民身份证&lt;补领&gt;" in listed
    assert "太&lt;b&gt;慢&lt;/b&gt;了" in listed
    assert "待核实 1</a>" in listed
    page = await browser.get(f"/staff/ratings/{number}")
    assert "13800000001" not in page
    assert page.count("<h1") == 1
    status, _, page = await _do(browser, number, "rater")
    assert status == 400, "the contact's form shows no version"
    token = re.search(r'name="csrf_token" value="([^"]+)"', await browser.get(f"/staff/ratings/{number}"))
    assert token is not None
    status, _, page = await browser.post(f"/staff/ratings/{number}/rater", csrf_token=token[1])
    assert (status, "13800000001" in page) == (200, True)
    status, location, _ = await _do(browser, number, "contact", is_complex="1")
    assert (status, location) == (303, f"/staff/ratings/{number}?done=contact")
    assert "已登记联系核实" in await browser.get(location)
    status, _, page = await _do(browser, number, "answer", given="  ")
    assert (status, "请写明整改情况" in page) == (400, True)
    status, _, page = await _do(browser, number, "answer", given="字" * 501)
    assert (status, "不能超过500字" in page, "字" * 501 in page) == (400, True, True)
    status, _, _ = await _do(browser, number, "answer", given="已增设窗口")
    assert status == 303
    status, _, page = await _do(browser, number, "call_back")
    assert (status, "请选择评价人是否满意" in page) == (400, True)
    status, location, _ = await _do(browser, number, "call_back", was_content="yes")
    assert status == 303
    assert "<form class=" not in await browser.get(location), "nothing is left to do"
    assert "没有符合条件" in await browser.get("/staff/ratings")
    assert "已增设窗口" in await browser.get(f"/staff/ratings/{number}")
    acts = await db.fetch_all("SELECT action FROM audit_entry WHERE action LIKE 'rating.%' ORDER BY seq")
    taken = ["rating.contact_viewed", "rating.contact", "rating.answer", "rating.call_back"]
    assert [act["action"] for act in acts] == taken


async def test_page_that_somebody_has_overtaken_is_told_so(browser: Browser, subjects: Subjects) -> None:
    number = await _rated(browser.house)
    await browser.sign_in("approver")
    page = await browser.get(f"/staff/ratings/{number}")
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf_token|version)" value="([^"]*)">', page))
    assert (await browser.post(f"/staff/ratings/{number}/contact", **hidden))[0] == 303
    status, _, page = await browser.post(f"/staff/ratings/{number}/exclude", given="误评", **hidden)
    assert (status, 'role="alert"' in page) == (409, True)
    assert (await _do(browser, number, "exclude", given="误评"))[0] == 303
    assert "居民身份证" in await browser.get("/staff/ratings?status=EXCLUDED")


async def test_late_ratings_are_found_and_counted(browser: Browser, subjects: Subjects) -> None:
    late, _ = await _rated(browser.house), await _rated(browser.house)
    await db.execute("UPDATE rating_follow_up SET contact_due_on = '2026-01-05' WHERE id = $1::text::uuid", late)
    await browser.sign_in("approver")
    page = await browser.get("/staff/ratings?late=1")
    assert re.findall(r'href="/staff/ratings/([0-9a-f-]{36})"', page) == [late]
    assert "逾期 1</a>" in page


async def test_list_continues_by_cursor(browser: Browser, subjects: Subjects) -> None:
    caller = await browser.house.citizen()
    numbers = [await _rated(browser.house, caller=caller) for _ in range(21)]
    await browser.sign_in("approver")
    page = await browser.get("/staff/ratings")
    following = re.search(r'href="(/staff/ratings\?cursor=[^"]+)"', page)
    assert following is not None
    assert re.findall(r'href="/staff/ratings/([0-9a-f-]{36})"', await browser.get(following[1])) == numbers[20:]


async def test_own_cases_and_other_bodies_ratings_are_not_there(browser: Browser, subjects: Subjects) -> None:
    subjects.officer = "approver"
    own = await _rated(browser.house)
    subjects.officer, subjects.division = "clerk", "150000"
    foreign = await _rated(browser.house)
    await browser.sign_in("approver")
    assert "没有符合条件" in await browser.get("/staff/ratings")
    for number in (own, foreign, "x", "00000000-0000-0000-0000-000000000000"):
        await browser.get(f"/staff/ratings/{number}", 404)


async def test_auditor_reads_and_others_do_not(browser: Browser, subjects: Subjects) -> None:
    number = await _rated(browser.house)
    await browser.sign_in("auditor")
    page = await browser.get(f"/staff/ratings/{number}")
    assert "<textarea" not in page
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    for path in ("rater", "exclude"):
        form = {"csrf_token": token[1]} | ({"version": "1", "given": "x"} if path == "exclude" else {})
        assert (await browser.post(f"/staff/ratings/{number}/{path}", **form))[0] == 403
    await browser.sign_in("clerk")
    for path in ("ratings", f"ratings/{number}", "ratings/export", "rating-figures", "rating-figures/export"):
        assert "role_required" in await browser.get(f"/staff/{path}", 403)


async def test_files_are_marked_and_cannot_calculate(browser: Browser, subjects: Subjects) -> None:
    await _rated(browser.house, comment='=HYPERLINK("http://evil")')
    for _ in range(4):
        await _rated(browser.house, grade=5, comment=None)
    await browser.sign_in("auditor")
    text = await browser.get("/staff/ratings/export?format=csv")
    mark, heading, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert "auditor" in mark[0]
    shown = dict(zip(heading, row, strict=True))
    assert (shown["评价内容"], shown["状态"]) == ('\'=HYPERLINK("http://evil")', "待核实")
    text = await browser.get("/staff/rating-figures/export?by=item&months=1")
    _, _, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert row == [ITEM, "居民身份证<补领>", "5", "80.0"]
    page = await browser.get("/staff/rating-figures")
    assert "80.0%（5次）" in page
    acts = await db.fetch_all("SELECT action FROM audit_entry WHERE action LIKE 'export.%' ORDER BY seq")
    assert [act["action"] for act in acts] == [
        "export.ratings", "export.finished", "export.rating_figures", "export.finished",
    ]  # fmt: skip


async def test_few_ratings_tell_no_share(browser: Browser, subjects: Subjects) -> None:
    await _rated(browser.house)
    await browser.sign_in("approver")
    for by in ("department", "item"):
        assert "少于5次，不显示" in await browser.get(f"/staff/rating-figures?by={by}")


@pytest.mark.parametrize(
    "path",
    [
        "ratings?status=NONE", "ratings?late=2", "ratings?cursor=%21", "ratings?x=1", "ratings/export?format=pdf",
        "rating-figures?by=x", "rating-figures?months=0", "rating-figures?months=99999999999999999999",
    ],
)  # fmt: skip
async def test_hostile_queries_are_refused(browser: Browser, subjects: Subjects, path: str) -> None:
    await browser.sign_in("approver")
    await browser.get(f"/staff/{path}", 400)


async def test_hostile_forms_are_refused(browser: Browser, subjects: Subjects) -> None:
    number = await _rated(browser.house)
    await browser.sign_in("approver")
    assert (await _do(browser, number, "nothing"))[0] == 404
    assert (await _do(browser, number, "contact", version="99999999999999999999"))[0] == 400
    assert (await _do(browser, number, "exclude", given="a\x00b"))[0] == 400
    assert (await _do(browser, number, "contact", csrf_token="forged"))[0] == 403
