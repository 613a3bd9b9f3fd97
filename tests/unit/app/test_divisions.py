"""The country's divisions: one tree, the province as the catalogue has it, and names in lines of every form."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.divisions import MUNICIPALITIES, country, forms_of

LAND = country()
COUNTIES = [each for each in LAND.below("") if not each.is_retired and not LAND.children(each.code)]


def test_every_division_has_its_parent_and_the_province_is_the_catalogues() -> None:
    assert len(LAND.children("")) == 31
    assert all(each.parent in LAND for each in COUNTIES)
    with (Path(__file__).parents[3] / "data" / "divisions.csv").open(encoding="utf-8", newline="") as source:
        ours = {row["code"]: row["name"] for row in csv.DictReader(source) if row["kind"] == "current"}
    theirs = {each.code: each.name for each in LAND.below("") if each.code.startswith("14") and not each.is_retired}
    assert theirs | {"140000": "山西省"} == ours


@given(st.sampled_from(COUNTIES), st.sampled_from(["长风街1号", "人民路2号院", "幸福里3栋"]), st.data())
def test_whole_name_is_read_back_with_and_without_repeats(county: object, street: str, data: st.DataObject) -> None:
    code = county.code  # type: ignore[attr-defined]  # a Division
    names = [each.name for each in LAND.path(code)]
    between = data.draw(st.sampled_from(["", " ", "，", "-"]))
    line = between.join([*names, street])
    for written in (line, "".join(names) + between + line):
        named = LAND.read(written)
        assert (named.code, named.rest, named.is_sure) == (code, street, True)


@given(st.sampled_from(COUNTIES))
def test_province_may_be_left_out_where_city_and_county_are_whole(county: object) -> None:
    path = LAND.path(county.code)  # type: ignore[attr-defined]  # a Division
    if len(path) == 3:
        named = LAND.read(f"{path[1].name}{path[2].name}长风街1号")
        assert named.code == path[2].code


@pytest.mark.parametrize(
    ("line", "code", "is_sure"),
    [
        ("太原小店长风街1号", "140105", False),
        ("太原迎泽大街1号", "140100", False),
        ("山西太原小店区长风街", "140105", True),
        ("北京朝阳区建国路", "110105", True),
        ("朝阳区建国路", "", True),
        ("吉林市昌邑区", "220202", True),
        ("河北区", "120105", True),
        ("内蒙古呼伦贝尔鄂伦春旗", "150723", True),
        ("大同市城区迎宾路", "140200", False),
        ("长治市潞城市", "140406", True),
        ("长春路1号", "", True),
        ("", "", True),
    ],
)
def test_short_old_and_doubtful_names(line: str, code: str, is_sure: bool) -> None:
    named = LAND.read(line)
    assert (named.code, named.is_sure) == (code, is_sure)


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    named = LAND.read(text)
    assert text.endswith(named.rest)


def test_forms_and_names() -> None:
    assert forms_of("龙胜各族自治县") == (("龙胜各族自治县", True), ("龙胜县", True), ("龙胜", False))
    assert forms_of("沁县") == (("沁县", True),)
    assert LAND.full_name("110105") == "北京市朝阳区"
    assert LAND.full_name("999999") == ""
    assert all(code in LAND for code in MUNICIPALITIES)
