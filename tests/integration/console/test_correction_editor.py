"""The editor of a correction notice: rows come and go without a script, a preview, then one notice with every point."""

from __future__ import annotations

import re

import msgspec
import pytest

from app import db
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio
POINTS = {
    "target_0": "materials.M02",
    "text_0": "背景应为白色",
    "target_1": "form.phone",
    "text_1": "请填写<b>本人</b>手机号",
    "text_2": "请带原件核对",
}


async def _address(browser: Browser) -> str:
    return f"/staff/cases/{await browser.house.submitted_case()}/request-correction"


def _rows(page: str) -> int:
    return len(re.findall(r"<fieldset[^>]*data-row", page))


async def test_rows_are_added_removed_and_taken_from_phrases(clerk: Browser) -> None:
    address = await _address(clerk)
    assert _rows(await clerk.get(address)) == 1
    _, _, page = await clerk.send(address, do="add", **POINTS)
    assert (_rows(page), "背景应为白色" in page) == (4, True)
    _, _, page = await clerk.send(address, do="remove-0", **POINTS)
    assert (_rows(page), "背景应为白色" in page, "请带原件核对" in page) == (2, False, True)
    _, _, page = await clerk.send(address, do="phrase", phrase_target="materials.M02", phrase="没有提供，请补充上传")
    assert re.search(r'value="materials.M02" selected', page)
    assert ">没有提供，请补充上传</textarea>" in page


async def test_preview_shows_what_the_citizen_will_see_and_sends_nothing(clerk: Browser) -> None:
    address = await _address(clerk)
    status, _, page = await clerk.send(address, do="preview", **POINTS)
    assert status == 200
    assert '申请人证件照片：<span class="said">背景应为白色</span>' in page
    assert "请填写&lt;b&gt;本人&lt;/b&gt;手机号" in page
    row = await db.fetch_row("SELECT status FROM application")
    assert row is not None
    assert row["status"] == "SUBMITTED"


async def test_notice_holds_every_point_with_its_target(clerk: Browser) -> None:
    address = await _address(clerk)
    sent = await clerk.send(address, do="send", **POINTS)
    assert sent[:2] == (303, address.replace("/request-correction", "?done=request-correction"))
    row = await db.fetch_row("SELECT status, correction_points FROM application")
    assert row is not None
    points = msgspec.json.decode(row["correction_points"])
    assert row["status"] == "CORRECTION"
    assert [(each["target"], each["text"]) for each in points] == [
        ("materials.M02", "背景应为白色"),
        ("form.phone", "请填写<b>本人</b>手机号"),
        ("", "请带原件核对"),
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "请写明需要补正的全部内容"),
        ({"target_0": "materials.M02"}, "第1条请写明需要补正什么"),
        ({"text_0": "长" * 301}, "每一条不能超过300字"),
        ({"target_0": "materials.NONE", "text_0": "x"}, "该事项没有此材料或表单项"),
    ],
)
async def test_faulty_rows_are_shown_again(clerk: Browser, fields: dict[str, str], sentence: str) -> None:
    status, _, page = await clerk.send(await _address(clerk), do="send", **fields)
    assert (status, sentence in page, 'role="alert"' in page) == (400, True, True)


@pytest.mark.parametrize("fields", [{"do": "burn"}, {"do": "send", "target_0": "../x"}, {"do": "send", "text_31": "x"}])
async def test_odd_forms_are_bad_requests(clerk: Browser, fields: dict[str, str]) -> None:
    status, _, _ = await clerk.send(await _address(clerk), **fields)
    assert status == 400


async def test_full_editor_of_thirty_rows_is_sent(clerk: Browser) -> None:
    fields = {f"text_{place}": f"第{place}处请更正" for place in range(30)}
    assert (await clerk.send(await _address(clerk), do="send", **fields))[0] == 303


async def test_thirty_points_of_full_length_are_sent(clerk: Browser) -> None:
    fields = {f"text_{place}": "请" * 300 for place in range(30)}
    assert (await clerk.send(await _address(clerk), do="send", **fields))[0] == 303
