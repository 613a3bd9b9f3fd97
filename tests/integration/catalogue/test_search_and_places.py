"""Search, suggestions, places and reach over HTTP, with the shipped catalogue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import clock, db
from handlers.citizen import catalogue as catalogue_doors
from handlers.citizen import places as places_doors
from handlers.citizen import search as search_doors
from services.catalogue import sweeps
from services.catalogue.intake.loader import CatalogueFiles
from services.catalogue.records import ItemRecord
from services.catalogue.search.types import SearchQuery, SuggestionQuery
from services.catalogue.service import CatalogueService
from services.catalogue.types import ItemQuery
from tests.doorway import served

pytestmark = pytest.mark.anyio
ROUTES = (*search_doors.ROUTES, *catalogue_doors.ROUTES, *places_doors.ROUTES)


@pytest.fixture
async def phone(catalogue: CatalogueService) -> AsyncIterator[aiohttp.ClientSession]:
    """A phone at the doors of the catalogue."""
    async with served(SimpleNamespace(catalogue=catalogue), ROUTES) as base, aiohttp.ClientSession(base) as session:
        yield session


async def _get(phone: aiohttp.ClientSession, path: str, **query: str) -> Any:
    async with phone.get(path, params=query) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def _refused(phone: aiohttp.ClientSession, path: str, **query: str) -> tuple[int, str, list[str]]:
    async with phone.get(path, params=query) as answer:
        problem = await answer.json()
        return answer.status, problem["code"], [fault["path"] for fault in problem.get("errors", [])]


def _item(files: CatalogueFiles, plain_name: str, division: str) -> ItemRecord:
    return next(item for item in files.items if (item.plain_name, item.division_code) == (plain_name, division))


async def test_own_body_comes_first_and_others_are_flagged(phone: aiohttp.ClientSession) -> None:
    async def bodies(division: str) -> list[tuple[str, bool]]:
        found = (await _get(phone, "/api/v1/items", q="身份证补领", division=division))["data"]
        same = [line for line in found if line["plain_name"] == "身份证丢了补办"]
        return [(line["division_code"], line["handled_elsewhere"]) for line in same]

    assert await bodies("140105") == [("140105", False), ("140702", True), ("140213", True)]
    assert (await bodies("140213"))[0] == ("140213", False)
    assert all(elsewhere for _, elsewhere in await bodies("140802"))


async def test_local_items_of_other_areas_are_not_offered(phone: aiohttp.ClientSession) -> None:
    there = (await _get(phone, "/api/v1/items", division="140213", limit="100"))["data"]
    local = {line["plain_name"] for line in there if line["handled_elsewhere"]}
    assert "急用身份证办临时证" not in local
    assert "外地人办居住证" not in local
    assert "身份证到期换新" in local
    assert [line["handled_elsewhere"] for line in there] == sorted(line["handled_elsewhere"] for line in there)


async def test_retired_code_counts_as_its_successor(phone: aiohttp.ClientSession) -> None:
    for path in ("/api/v1/items", "/api/v1/departments", "/api/v1/service-points"):
        retired, current = [await _get(phone, path, division=code) for code in ("140726", "140703")]
        assert retired == current


async def test_filters_narrow_the_list(phone: aiohttp.ClientSession, files: CatalogueFiles) -> None:
    async def codes(**query: str) -> set[str]:
        return {line["item_code"] for line in (await _get(phone, "/api/v1/items", limit="100", **query))["data"]}

    births = next(event for event in files.life_events if event.name == "生育")
    assert await codes(event="生育") == {i.item_code for i in files.items if i.basic_code in births.basic_codes}
    assert await codes(audience="ENTERPRISE") == {i.item_code for i in files.items if set(i.audiences) != {"1"}}
    department = files.items[0].department_code
    assert await codes(department=department) == {i.item_code for i in files.items if i.department_code == department}
    assert await _refused(phone, "/api/v1/items", audience="X") == (400, "invalid_request", ["audience"])
    assert await _refused(phone, "/api/v1/items", sort="cold") == (400, "invalid_request", ["sort"])


async def test_what_is_applied_for_most_becomes_hot(phone: aiohttp.ClientSession, files: CatalogueFiles) -> None:
    wanted = files.items[-1]
    await db.execute(_CASES, wanted.item_code, wanted.department_code, wanted.division_code, clock.now())
    await sweeps.count_popularity()
    await sweeps.count_popularity()
    assert (await _get(phone, "/api/v1/items", sort="hot"))["data"][0]["item_code"] == wanted.item_code
    row = await db.fetch_row("SELECT popularity FROM service_item WHERE item_code = $1", wanted.item_code)
    assert row is not None
    assert row["popularity"] == 7


_CASES = """
INSERT INTO application (id, created_at, updated_at, application_no, citizen_id, provider, item_code, item_version,
    item_name, division_code, department_code, status, outcome, version, form, applicant_shown, fee_fen, reason,
    submitted_at, due_is_provisional)
SELECT gen_random_uuid(), $4, $4, 'T' || n, gen_random_uuid(), 'WECHAT', $1, 1, 'x', $3, $2, 'SUBMITTED', '', 1, '{}',
    '', 0, '', $4, false FROM generate_series(1, 7) n
"""


async def test_search_everywhere_says_where_each_hit_leads(phone: aiohttp.ClientSession) -> None:
    found = await _get(phone, "/api/v1/search", q="身份证丢了", division="140105")
    assert [len(found[group]) > 0 for group in ("items", "packages", "questions", "materials")] == [True] * 4
    assert found["packages"][0]["name"] == "证件遗失补办一件事"
    assert found["questions"][0]["answer"]
    for hit in (found["packages"][0], found["questions"][0], found["materials"][0]):
        async with phone.get(hit["path"]) as answer:
            assert answer.status == 200
    assert await _get(phone, "/api/v1/search", q="") == {"items": [], "packages": [], "questions": [], "materials": []}


@pytest.mark.parametrize("typed", ["身", "身份", "shenf", "sf", "SFZ", "sfzd", "丢了"])
async def test_suggestions_continue_what_is_typed(phone: aiohttp.ClientSession, typed: str) -> None:
    texts = [line["text"] for line in (await _get(phone, "/api/v1/items/suggestions", q=typed))["data"]]
    assert any("身份证" in text for text in texts)
    assert len(texts) == len(set(texts)) <= 8


async def test_life_events_count_what_serves_them(phone: aiohttp.ClientSession, files: CatalogueFiles) -> None:
    events = (await _get(phone, "/api/v1/life-events"))["data"]
    assert [event["name"] for event in events] == [event.name for event in files.life_events]
    assert all(event["item_count"] > 0 for event in events)


async def test_service_points_come_nearest_first(phone: aiohttp.ClientSession) -> None:
    here = {"longitude": "112.5631", "latitude": "37.7410"}
    page = await _get(phone, "/api/v1/service-points", limit="3", **here)
    assert page["data"][0]["code"] == "140105-gongan"
    assert page["data"][0]["distance_text"] == "0米"
    rest = await _get(phone, "/api/v1/service-points", limit="100", cursor=page["next_cursor"], **here)
    distances = [point["distance_km"] for point in (*page["data"], *rest["data"])]
    assert distances == sorted(distances)
    assert 250 < next(p["distance_km"] for p in rest["data"] if p["code"] == "140213-hall") < 290
    assert (await _get(phone, "/api/v1/service-points/140105-hall"))["distance_km"] is None


async def test_service_points_of_an_item_and_a_topic(phone: aiohttp.ClientSession, files: CatalogueFiles) -> None:
    item = _item(files, "身份证丢了补办", "140105")
    of_item = await _get(phone, "/api/v1/service-points", item_code=item.item_code)
    assert {point["code"] for point in of_item["data"]} == set(item.service_points)
    of_topic = await _get(phone, "/api/v1/service-points", topic="出入境", division="140105")
    assert of_topic["data"]
    assert all(any("出入境" in w["topics"] for w in point["windows"]) for point in of_topic["data"])


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("2026-03-02 10:00:00", True), ("2026-03-02 12:30:00", False), ("2026-03-01 10:00:00", False)],
)
async def test_point_says_whether_it_is_open_now(
    phone: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, moment: str, expected: bool
) -> None:
    monkeypatch.setattr(clock, "now", lambda: clock.from_beijing(moment))
    assert (await _get(phone, "/api/v1/service-points/140105-hall"))["open_now"] is expected


async def test_own_calendar_closes_a_working_day(phone: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: clock.from_beijing("2026-03-02 10:00:00"))
    await db.execute("INSERT INTO calendar_day (day, is_working, source) VALUES ('2026-03-02', false, '通知')")
    assert (await _get(phone, "/api/v1/service-points/140105-hall"))["open_now"] is False


async def test_reach_says_who_decides_and_how(phone: aiohttp.ClientSession, files: CatalogueFiles) -> None:
    async def reach(plain_name: str, own: str, division: str) -> Any:
        return await _get(phone, f"/api/v1/items/{_item(files, plain_name, own).item_code}/reach", division=division)

    here = await reach("身份证丢了补办", "140105", "140105")
    assert (here["may_be_filed"], here["way"], here["handled_elsewhere"], here["own"]) == (True, "local", False, None)
    there = await reach("身份证丢了补办", "140105", "140213")
    assert (there["may_be_filed"], there["way"], there["decided_in_division_code"]) == (True, "online", "140105")
    assert there["decided_by_department_name"] == "太原市公安局小店分局"
    assert there["own"]["division_code"] == "140213"
    never = await reach("急用身份证办临时证", "140105", "140213")
    assert (never["may_be_filed"], never["way_text"]) == (False, "不可办理")
    assert (await reach("身份证丢了补办", "140105", "140726"))["division_code"] == "140703"


async def test_odd_questions_about_places_are_refused(phone: aiohttp.ClientSession, files: CatalogueFiles) -> None:
    item = f"/api/v1/items/{files.items[0].item_code}/reach"
    assert await _refused(phone, "/api/v1/service-points", longitude="112") == (400, "invalid_request", ["latitude"])
    assert (await _refused(phone, "/api/v1/service-points", longitude="x", latitude="1"))[0] == 400
    assert (await _refused(phone, "/api/v1/service-points", longitude="112", latitude="91"))[0] == 400
    assert (await _refused(phone, "/api/v1/service-points/unknown"))[:2] == (404, "not_found")
    assert await _refused(phone, item) == (400, "invalid_request", ["division"])
    assert await _refused(phone, item, division="999999") == (400, "invalid_request", ["division"])
    assert (await _refused(phone, "/api/v1/items/unknown/reach", division="140105"))[:2] == (404, "not_found")


async def test_departments_of_an_area_come_with_their_items(phone: aiohttp.ClientSession) -> None:
    page = await _get(phone, "/api/v1/departments", division="140105")
    assert page["data"][0]["division_code"] == "140105"
    assert {line["division_code"] for line in page["data"]} == {"140105", "140100", "140000"}
    assert any(line["item_count"] > 1 for line in page["data"])


async def test_withdrawn_item_leaves_the_search(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    from services.catalogue.search import index

    code = _item(files, "申请免费律师", "140105").item_code
    async with db.transaction() as tx:
        await tx.execute("UPDATE service_item SET status = 'WITHDRAWN' WHERE item_code = $1", code)
        await index.lead_to(tx, [code])
    assert msgspec.json.decode((await catalogue.items(ItemQuery(q="申请免费律师"))).body)["data"] == []


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.one_of(st.text(max_size=64), st.text("身份证补办丢了a b1sfzhengn", max_size=64)))
async def test_any_text_is_answered(catalogue: CatalogueService, text: str) -> None:
    for answer in (
        await catalogue.items(ItemQuery(q=text, division="140105")),
        await catalogue.search.everywhere(SearchQuery(q=text)),
        await catalogue.search.suggestions(SuggestionQuery(q=text)),
    ):
        assert isinstance(msgspec.json.decode(answer.body), dict)
