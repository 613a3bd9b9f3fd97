"""Pages of the catalogue: search, every element, differences, publishing with its reason, the report, who may."""

from __future__ import annotations

import csv
import io
import re

import pytest

from app import db
from services.catalogue.publishing.service import Publishing
from tests.integration.console.conftest import Browser, House, item_record

pytestmark = pytest.mark.anyio
CARD = item_record("id-card-reissue-xiaodian")
BASE = f"/staff/items/{CARD.item_code}"


@pytest.fixture
async def drafted(house: House) -> None:
    """A second version of one item waits for staff: another name, no topics' change, one more condition."""
    house.publishing = Publishing(house.staff.audit)  # type: ignore[attr-defined]  # a room that only these pages need
    await db.execute(
        """INSERT INTO service_item (id, created_at, item_code, version, status, name, division_code, department_code,
               topics, audience, popularity, record, content_hash, listed, search, feed, published_by)
           SELECT gen_random_uuid(), now(), item_code, 2, 'DRAFT', '新<版>补领', division_code, department_code, topics,
               audience, popularity, record || jsonb_build_object('version', 2, 'name', '新<版>补领',
                   'conditions', record->'conditions' || '["另有一条"]'), 'h2', listed, search, 'feed', ''
           FROM service_item WHERE item_code = $1""",
        CARD.item_code,
    )


async def _publisher(browser: Browser) -> None:
    await db.execute("""UPDATE staff_member SET roles = '["publisher"]' WHERE username = 'clerk'""")
    await browser.sign_in("clerk")


@pytest.mark.usefixtures("drafted")
async def test_items_are_found_by_name_code_status_and_department(browser: Browser) -> None:
    await _publisher(browser)
    for query, found in (
        ("q=最低生活", 1), ("q=" + CARD.item_code, 2), ("q=没有", 0), ("status=DRAFT", 1), ("status=WITHDRAWN", 0),
        ("", 3), (f"department={CARD.department_code}", 2), ("q=%25", 0),
    ):  # fmt: skip
        page = await browser.get(f"/staff/items?{query}")
        assert len(re.findall(r'href="/staff/items/\w+/versions/\d+"', page)) == found, query
    assert "新&lt;版&gt;补领" in await browser.get("/staff/items")


@pytest.mark.usefixtures("drafted")
async def test_every_element_is_read_and_differences_are_shown(browser: Browser) -> None:
    await _publisher(browser)
    page = await browser.get(f"{BASE}/versions/1")
    for words in (
        CARD.summary,
        CARD.legal_bases[0].document,
        CARD.materials[0].name,
        CARD.phone,
        "设定依据",
        "常见问题",
    ):
        assert words in page, words
    assert page.count("<h1") == 1
    page = await browser.get(BASE)
    assert f"{BASE}/versions/2/changes?against=1" in page
    page = await browser.get(f"{BASE}/versions/2/changes?against=1")
    assert "<ins>另有一条</ins>" in page
    assert f"<del>{CARD.name}</del>" in page
    assert "<ins>新&lt;版&gt;补领</ins>" in page


@pytest.mark.usefixtures("drafted")
async def test_version_is_published_and_withdrawn_with_a_reason(browser: Browser) -> None:
    await _publisher(browser)
    page = await browser.get(f"{BASE}/versions/2/publish")
    assert "另有一条" in page, "what changes is shown before the confirmation"
    status, _, page = await browser.send(f"{BASE}/versions/2/publish", reason=" ")
    assert (status, "请写明理由" in page) == (400, True)
    status, _, page = await browser.send(f"{BASE}/versions/2/publish", reason="字" * 201)
    assert (status, "不能超过200字" in page) == (400, True)
    status, location, _ = await browser.send(f"{BASE}/versions/2/publish", reason="按新规定")
    assert (status, location) == (303, f"{BASE}/versions/2?done=publish")
    assert "已发布" in await browser.get(location)
    status, _, page = await browser.send(f"{BASE}/versions/2/publish", reason="再次")
    assert (status, 'role="alert"' in page) == (409, True)
    assert (await browser.send(f"{BASE}/versions/2/withdraw", reason="停办"))[0] == 303
    acts = await db.fetch_all("SELECT action FROM audit_entry WHERE action LIKE 'item.%' ORDER BY seq")
    assert [act["action"] for act in acts] == ["item.publish", "item.withdraw"]
    assert (await browser.post(f"{BASE}/versions/2/restore", reason="x", csrf_token="forged"))[0] == 403


@pytest.mark.usefixtures("drafted")
async def test_report_names_what_breaks_the_rules(browser: Browser) -> None:
    await db.execute('UPDATE service_item SET record = record || \'{"phone": ""}\' WHERE version = 2')
    await _publisher(browser)
    page = await browser.get("/staff/items/report")
    assert "待发布或已发布" in page
    for path, heading in (("report/export", "问题"), ("export?status=DRAFT", "事项名称")):
        text = await browser.get(f"/staff/items/{path}")
        mark, head, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
        assert "clerk" in mark[0]
        assert heading in head
        assert rows
    acts = await db.fetch_all("SELECT action FROM audit_entry WHERE action LIKE 'export.%' ORDER BY seq")
    assert [act["action"] for act in acts][::2] == ["export.item_report", "export.items"]


@pytest.mark.usefixtures("drafted")
async def test_readers_read_and_others_are_refused(browser: Browser) -> None:
    await browser.sign_in("auditor")
    page = await browser.get(f"{BASE}/versions/2")
    assert f"{BASE}/versions/2/publish" not in page
    await browser.get(f"{BASE}/versions/2/publish", 403)
    await browser.sign_in("stranger")
    assert CARD.item_code not in await browser.get("/staff/items")
    for path in (BASE, f"{BASE}/versions/1", f"{BASE}/versions/2/changes?against=1"):
        await browser.get(path, 404)
    await browser.sign_in("cashier")
    for path in ("/staff/items", "/staff/items/export", "/staff/items/report", BASE, f"{BASE}/versions/1"):
        assert "role_required" in await browser.get(path, 403)


@pytest.mark.usefixtures("drafted")
async def test_hostile_addresses_and_queries_are_refused(browser: Browser) -> None:
    await _publisher(browser)
    for path in ("X", f"{CARD.item_code}/versions/9", f"{CARD.item_code}/versions/x", f"{CARD.item_code}/versions/1/x"):
        await browser.get(f"/staff/items/{path}", 404)
    await browser.get(f"/staff/items/{CARD.item_code}/versions/99999999999", 404)
    for query in ("status=x", "cursor=%21", "q=" + "x" * 65, "a=1", "q=%00"):
        await browser.get(f"/staff/items?{query}", 400)
    for query in ("", "?against=0", "?against=x", "?against=99999999999999"):
        await browser.get(f"{BASE}/versions/2/changes{query}", 400)
