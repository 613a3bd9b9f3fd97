"""The door of the catalogue on a real database: search, areas, guides, papers, terms, and life without a database."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app import db
from app.errors import InvalidRequest, NotFound
from services.catalogue.intake import importer
from services.catalogue.intake.loader import CatalogueFiles
from services.catalogue.records import ItemRecord
from services.catalogue.service import CatalogueService, ItemClosed
from services.catalogue.types import DivisionQuery, ItemQuery, Rendered

pytestmark = pytest.mark.anyio
XIAODIAN, PINGCHENG, TAIYUAN, SHANXI = "140105", "140213", "140100", "140000"


def _read(answer: Rendered) -> Any:
    return json.loads(answer.body)


def _item(files: CatalogueFiles, plain_name: str) -> ItemRecord:
    return next(item for item in files.items if item.plain_name == plain_name)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("身份证", "居民身份证补领"),
        ("身份证丢了怎么办", "居民身份证补领"),
        ("身份", "居民身份证补领"),
        ("shenfenzheng", "居民身份证补领"),
        ("shen fen zheng", "居民身份证补领"),
        ("sfz", "居民身份证补领"),
        ("驾照丢了", "机动车驾驶证遗失补证"),
        ("孩子上户口", "出生登记"),
        ("gjj zufang", "租房提取住房公积金"),
        ("开餐馆", "食品经营许可（新办）"),
        ("结婚证丢了", "补领婚姻登记证"),
    ],
)
async def test_search_finds_what_people_mean(catalogue: CatalogueService, words: str, expected: str) -> None:
    page = _read(await catalogue.items(ItemQuery(q=words, division=XIAODIAN)))
    assert expected in [item["name"] for item in page["data"][:3]]


@pytest.mark.parametrize("words", ["量子力学", "xyzzy", "'; DROP TABLE service_item; --", "!!!", "& | :* '"])
async def test_search_without_answer_is_empty(catalogue: CatalogueService, words: str) -> None:
    assert _read(await catalogue.items(ItemQuery(q=words))) == {"data": [], "next_cursor": None}


async def test_search_orders_by_the_number_of_terms_held(catalogue: CatalogueService) -> None:
    page = _read(await catalogue.items(ItemQuery(q="残疾人补贴", division=XIAODIAN)))
    assert page["data"][0]["plain_name"] == "残疾人两项补贴"


async def test_area_gets_its_own_items_and_those_above(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    async def divisions_of(division: str) -> set[str]:
        page = _read(await catalogue.items(ItemQuery(division=division, limit=100)))
        return {item["division_code"] for item in page["data"] if not item["handled_elsewhere"]}

    assert await divisions_of(XIAODIAN) == {XIAODIAN, TAIYUAN, SHANXI}
    assert await divisions_of(PINGCHENG) == {PINGCHENG, SHANXI}
    assert await divisions_of("140171") == {TAIYUAN, SHANXI}
    assert await divisions_of(TAIYUAN) == {XIAODIAN, TAIYUAN, SHANXI}
    assert await divisions_of(SHANXI) == {item.division_code for item in files.items}
    assert await divisions_of("140726") == {SHANXI}


async def test_unknown_division_and_cursor_are_refused(catalogue: CatalogueService) -> None:
    for query in (ItemQuery(division="999999"), ItemQuery(cursor="!"), ItemQuery(cursor="YTk5OTk5OTk")):
        with pytest.raises(InvalidRequest) as caught:
            await catalogue.items(query)
        assert caught.value.faults[0].path in ("division", "cursor")


@pytest.mark.parametrize("words", ["", "补"])
async def test_pages_follow_each_other_without_gap_or_repeat(catalogue: CatalogueService, words: str) -> None:
    whole = _read(await catalogue.items(ItemQuery(q=words, limit=100)))["data"]
    pages: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = _read(await catalogue.items(ItemQuery(q=words, limit=7, cursor=cursor)))
        pages += page["data"]
        if not (cursor := page["next_cursor"] or ""):
            break
    assert pages == whole
    assert len({item["item_code"] for item in pages}) == len(pages) > 7


async def test_topic_narrows_the_list(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    page = _read(await catalogue.items(ItemQuery(topic="不动产登记", limit=100)))
    assert {item["item_code"] for item in page["data"]} == {
        item.item_code for item in files.items if "不动产登记" in item.topics
    }
    topics = _read(await catalogue.topics())["data"]
    assert [topic["name"] for topic in topics] == [topic.name for topic in files.topics]
    assert all(topic["item_count"] > 0 for topic in topics)


async def test_guide_says_everything_in_chinese(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    item = _item(files, "身份证丢了补办")
    guide = _read(await catalogue.guide(item.item_code))
    assert guide["item_type"] == {"code": "07", "name": "行政确认"}
    assert (guide["visits_text"], guide["fees"]["text"]) == ("不用跑", "40.00元")
    assert guide["promised_time"]["text"] == "20个自然日"
    assert [point["code"] for point in guide["service_points"]] == list(item.service_points)
    assert list(guide["form"]["properties"]) == list(item.form["properties"])
    assert guide["prefill"] == {"applicant_name": "name", "id_number": "id_number", "phone": "phone"}
    form, photo = guide["materials"][:2]
    assert (form["generated"], photo["generated"], photo["blank_url"]) == (True, False, None)
    assert form["blank_url"] == f"/api/v1/items/{item.item_code}/materials/M01/blank.pdf"


async def test_every_guide_and_package_is_drawn(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    for item in files.items:
        assert _read(await catalogue.guide(item.item_code))["name"] == item.name
    for package in files.packages:
        shown = _read(await catalogue.package(package.package_code))
        assert len(shown["items"]) == len(package.items)
        assert all(part["name"] for part in shown["items"])
        names = [material["name"] for material in shown["materials"]]
        assert len(names) == len(set(names)) > 0
    assert len(_read(await catalogue.packages())["data"]) == len(files.packages)


async def test_guide_tag_changes_with_its_content_only(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    item = files.items[0]
    before = await catalogue.guide(item.item_code)
    catalogue.forget()
    assert await catalogue.guide(item.item_code) == before
    changed = msgspec.structs.replace(item, phone="0351-12345")
    await importer.import_files(_with_first(files, changed))
    assert (await catalogue.guide(item.item_code)).etag == before.etag
    catalogue.forget()
    assert (await catalogue.guide(item.item_code)).etag != before.etag


def _with_first(files: CatalogueFiles, changed: ItemRecord) -> CatalogueFiles:
    """The files with one record changed."""
    return CatalogueFiles(
        files.divisions, files.departments, files.service_points, files.topics, (changed, *files.items[1:]), ()
    )


async def test_papers_are_drawn_for_forms_and_refused_for_certificates(
    catalogue: CatalogueService, files: CatalogueFiles
) -> None:
    code = _item(files, "身份证丢了补办").item_code
    blank = await catalogue.paper(code, "M01", filled=False)
    sample = await catalogue.paper(code, "M01", filled=True)
    assert blank.body.startswith(b"%PDF-")
    assert sample.body.startswith(b"%PDF-")
    assert blank.etag != sample.etag
    for material, filled in (("M03", False), ("M02", False), ("M99", True)):
        with pytest.raises(NotFound):
            await catalogue.paper(code, material, filled=filled)


async def test_every_paper_can_be_drawn(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    for item in files.items[::6]:
        for material in item.materials:
            for filled in (False, True):
                if material.sample if filled else material.blank:
                    paper = await catalogue.paper(item.item_code, material.code, filled=filled)
                    assert paper.body.endswith(b"%%EOF\n")


async def test_terms_of_an_item_follow_the_answers(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    item = await catalogue.open_item(_item(files, "身份证到期换新").item_code)
    example = item.record.form["examples"][0]
    assert item.form_faults(example) == ()
    assert item.fee_fen(example) == 2000
    assert item.fee_fen({**example, "reason": "证件损坏"}) == 4000
    assert ("id_number",) in item.sensitive
    permit = await catalogue.open_item(_item(files, "外地人办居住证").item_code)
    needed = {
        ground: [material.code for material in permit.needed_materials({"ground": ground})]
        for ground in ("合法稳定住所", "合法稳定就业")
    }
    assert needed == {"合法稳定住所": ["M02", "M03", "M04"], "合法稳定就业": ["M02", "M03", "M05"]}


async def test_id_numbers_in_forms_are_checked_against_the_divisions(
    catalogue: CatalogueService, files: CatalogueFiles
) -> None:
    item = await catalogue.open_item(_item(files, "身份证丢了补办").item_code)
    answers = {**item.record.form["examples"][0], "id_number": "140199199003070012"}
    assert [fault.path for fault in item.form_faults(answers)] == ["form.id_number"]
    assert {"140105", "140726", "142401"} <= await catalogue.division_codes()


async def test_suspended_item_is_shown_but_takes_no_applications(
    catalogue: CatalogueService, files: CatalogueFiles
) -> None:
    suspended = msgspec.structs.replace(files.items[0], status="SUSPENDED", status_note="系统升级，3月10日恢复")
    again = msgspec.json.decode(msgspec.json.encode(suspended), type=ItemRecord)
    await importer.import_files(_with_first(files, again))
    with pytest.raises(ItemClosed, match="系统升级"):
        await catalogue.open_item(again.item_code)
    assert _read(await catalogue.guide(again.item_code))["status"]["name"] == "暂停办理"


async def test_unknown_things_are_not_found(catalogue: CatalogueService) -> None:
    for call in (catalogue.guide("x"), catalogue.package("x"), catalogue.open_item("x"), catalogue.item("x", 1)):
        with pytest.raises(NotFound):
            await call


async def test_divisions_offer_areas_and_zones(catalogue: CatalogueService) -> None:
    whole = _read(await catalogue.divisions(DivisionQuery()))
    assert len(whole["data"]) == 134
    assert whole["next_cursor"] is None
    below = _read(await catalogue.divisions(DivisionQuery(parent=TAIYUAN)))["data"]
    assert {"140105", "140171"} <= {division["code"] for division in below}
    first = _read(await catalogue.divisions(DivisionQuery(limit=100)))
    rest = _read(await catalogue.divisions(DivisionQuery(limit=100, cursor=first["next_cursor"])))
    assert first["data"] + rest["data"] == whole["data"]


async def test_guide_outlives_the_database_for_a_while(database: str, files: CatalogueFiles) -> None:
    await importer.import_files(files)
    catalogue = CatalogueService(kept_seconds=0.0)
    seen = await catalogue.guide(files.items[0].item_code)
    await db.stop()
    try:
        await db.start("postgres://postgres@127.0.0.1:1/nothing")
        assert await catalogue.guide(files.items[0].item_code) == seen
        with pytest.raises(db.AWAY):
            await catalogue.guide(files.items[1].item_code)
    finally:
        await db.stop()
        await db.start(database)
