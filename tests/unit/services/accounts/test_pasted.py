"""Pasted texts: every order, label, separator and way to write a phone gives the same fields; doubts are named."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.divisions import country
from services.accounts.addresses.pasted import LONGEST_STREET, read_pasted

LAND = country()
COUNTIES = [each.code for each in LAND.below("") if not each.is_retired and not LAND.children(each.code)]
NAMES = ["张伟", "欧阳娜娜", "李国强", "买买提·吐尔逊", "路明", "司马南山"]
STREETS = [
    "长风街1号院2号楼301",
    "坞城街道坞城路92号山西大学",
    "幸福里3栋5单元",
    "建国路88号SOHO现代城A座1201",
    "路家庄村12号",
]
PHONES = ["13800000001", "138 0000 0001", "138-0000-0001", "+86 13800000001", "+86-138-0000-0001", "8613800000001"]
LABELS = {
    "name": ["收件人：", "收货人:", "姓名 ", "联系人："],
    "phone": ["电话：", "手机号码:", "联系电话 ", "联系方式："],
    "address": ["地址：", "收货地址:", "详细地址："],
}


@settings(max_examples=250, deadline=None)
@given(
    code=st.sampled_from(COUNTIES),
    name=st.sampled_from(NAMES),
    street=st.sampled_from(STREETS),
    phone=st.sampled_from(PHONES),
    between=st.sampled_from(["，", ",", " ", "\n", "；", "　", " | ", "\t"]),
    order=st.permutations(["name", "phone", "address"]),
    labelled=st.booleans(),
    loose=st.booleans(),
    data=st.data(),
)
def test_fields_are_found_whatever_the_form(
    code: str,
    name: str,
    street: str,
    phone: str,
    between: str,
    order: list[str],
    labelled: bool,
    loose: bool,
    data: st.DataObject,
) -> None:
    names = [each.name for each in LAND.path(code)]
    address = (" " if loose else "").join([*names, street])
    parts = {"name": name, "phone": phone, "address": address}
    written = [(data.draw(st.sampled_from(LABELS[kind])) if labelled else "") + parts[kind] for kind in order]
    read = read_pasted(between.join(written))
    assert (read.recipient, read.phone, read.division_code, read.street) == (name, "13800000001", code, street)
    assert read.doubts == ()


@pytest.mark.parametrize(
    ("text", "fields", "doubtful"),
    [
        ("张伟13800000001山西省太原市小店区长风街1号", ("张伟", "13800000001", "140105", "长风街1号"), ""),
        ("13800000001张伟太原市小店区长风街1号", ("张伟", "13800000001", "140105", "长风街1号"), "recipient"),
        (
            "太原市小店区长风街1号3楼301张伟13800000001",
            ("张伟", "13800000001", "140105", "长风街1号3楼301"),
            "recipient",
        ),
        ("王芳 0351-7190110 太原市迎泽区五一路1号", ("王芳", "", "140106", "五一路1号"), "phone"),
        ("张伟 １３８００００００１１ 小店区长风街1号", ("张伟", "13800000011", "140105", "长风街1号"), ""),
        ("张伟 13800000001-1234 小店区长风街1号", ("张伟", "13800000001", "140105", "长风街1号"), "phone"),
        ("张伟 13800000001 13900000001 小店区长风街1号", ("张伟", "13800000001", "140105", "长风街1号"), "phone"),
        ("李强 13800000009 大同县西坪镇政府", ("李强", "13800000009", "140215", "西坪镇政府"), ""),
        ("李强 13800000009 长治市潞城市潞华街1号", ("李强", "13800000009", "140406", "潞华街1号"), ""),
        ("李强 13800000009 大同市城区迎宾街1号", ("李强", "13800000009", "140200", "迎宾街1号"), "division_code"),
        ("李强 13800000009 太原小店长风街1号", ("李强", "13800000009", "140105", "长风街1号"), "division_code"),
        ("李强 13800000009 朝阳区建国路1号", ("李强", "13800000009", "", "朝阳区建国路1号"), "division_code"),
        ("李强 13800000009 太原市迎泽大街1号", ("李强", "13800000009", "140100", "迎泽大街1号"), "division_code"),
        ("长风街1号 太原市小店区 李强 13800000009", ("李强", "13800000009", "140105", "长风街1号"), "street"),
        ("李强 13800000009 太原市小店区", ("李强", "13800000009", "140105", ""), "street"),
        ("李强 13800000009 太原市小店区1234信箱", ("李强", "13800000009", "140105", "1234信箱"), "street"),
        ("李强收 太原市小店区长风街1号 030006 13800000009", ("李强", "13800000009", "140105", "长风街1号"), ""),
        ("13800000009 太原市小店区长风街1号", ("", "13800000009", "140105", "长风街1号"), "recipient"),
        ("\x00\u200b张伟\ufeff 13800000001 小店区长风街1号", ("张伟", "13800000001", "140105", "长风街1号"), ""),
    ],
)
def test_what_is_doubtful_is_named(text: str, fields: tuple[str, ...], doubtful: str) -> None:
    read = read_pasted(text)
    assert (read.recipient, read.phone, read.division_code, read.street) == fields
    assert {name for name, _ in read.doubts} == set(doubtful.split())
    assert "13800000001" not in repr(read)


@given(st.text(max_size=500) | st.text("太原市小店区城大同0123456789 号，张", max_size=500))
def test_any_text_is_read_quickly_and_every_gap_is_named(text: str) -> None:
    began = time.thread_time()
    read = read_pasted(text)
    assert time.thread_time() - began < 0.5
    named = {name for name, _ in read.doubts}
    assert bool(read.recipient) or "recipient" in named
    assert bool(read.phone) or "phone" in named
    assert bool(read.division_code) or "division_code" in named
    assert bool(read.street) or "street" in named
    assert len(read.street) <= LONGEST_STREET
    assert read.division_code == "" or read.division_code in LAND
