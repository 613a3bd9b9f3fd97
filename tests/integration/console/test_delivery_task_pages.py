"""Trouble with parcels on the console: the list by scope, taking up, noting, settling, the overdue mark; and where a
document is."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest

from app import clock, db
from services.delivery.custody.types import NewPiece
from services.delivery.tasks.facts import Subject
from services.delivery.tasks.opening import open_task
from services.delivery.tasks.states import TaskKind
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio
BODY = ("140105", "11140105MB0001177F")


async def opened(kind: TaskKind, *, division: str = BODY[0], days_ago: int = 0, by: str = "") -> str:
    parcel = Subject(uuid.uuid4(), f"SJ{uuid.uuid4().hex[:12].upper()}", "1420260302ABCDEFGHJK", division, BODY[1])
    async with db.transaction() as tx:
        await open_task(tx, parcel, kind, "派送不成功 <三次>", by=by)
        assert not await open_task(tx, parcel, kind, "再一次"), "one of a kind is open"
    row = await db.fetch_row(
        "UPDATE shipment_task SET opened_at = $2 WHERE shipment_no = $1 RETURNING id",
        parcel.shipment_no,
        clock.now() - timedelta(days=days_ago),
    )
    assert row is not None
    return str(row["id"].hex)


async def acted(browser: Browser, task_id: str, act: str, **form: str) -> tuple[int, str, str]:
    page = await browser.get(f"/staff/delivery-tasks/{task_id}")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    return await browser.post(f"/staff/delivery-tasks/{task_id}/{act}", csrf_token=token[1], **form)


async def test_tasks_of_the_own_bodies_are_listed_with_those_that_are_overdue(browser: Browser) -> None:
    late, fresh = await opened(TaskKind.REJECTED, days_ago=8), await opened(TaskKind.SIGNED_BY_OTHER, days_ago=9)
    await opened(TaskKind.EXCEPTION, division="140213")
    await browser.sign_in("dispatcher")
    page = await browser.get("/staff/delivery-tasks")
    assert re.findall(r'href="/staff/delivery-tasks/(\w{32})"', page) == [late, fresh]
    assert "派送不成功 &lt;三次&gt;" in page
    assert "待处理 2 件，其中 1 件超过7日" in page, "what is of low weight is not counted as overdue"
    assert page.count("<h1") == 1
    page = await browser.get("/staff/delivery-tasks?list=OVERDUE&kind=REJECTED")
    assert re.findall(r'href="/staff/delivery-tasks/(\w{32})"', page) == [late]
    assert "<html" not in await browser.get("/staff/delivery-tasks/part")
    assert "待处理寄送异常（1件超过7日）" in await browser.get("/staff")
    await browser.sign_in("stranger")
    await browser.get(f"/staff/delivery-tasks/{late}", 404)
    await browser.sign_in("cashier")
    await browser.get("/staff/delivery-tasks", 403)


async def test_task_is_taken_noted_and_settled_by_one_person(browser: Browser) -> None:
    task_id = await opened(TaskKind.EXCEPTION)
    await browser.sign_in("dispatcher")
    assert (await acted(browser, task_id, "take-up"))[0] == 303
    status, _, page = await acted(browser, task_id, "note", note="短")
    assert (status, "请写明情况" in page) == (400, True)
    assert (await acted(browser, task_id, "note", note="已致电快递公司"))[0] == 303
    status, _, page = await acted(browser, task_id, "settle", outcome="REISSUED", note="直接补发")
    assert (status, "该事项不能这样处理" in page) == (409, True)
    status, _, page = await acted(browser, task_id, "settle", outcome="", note="直接补发")
    assert (status, "请选择处理结果" in page) == (400, True)
    status, location, _ = await acted(browser, task_id, "settle", outcome="ANSWERED", note="快递公司已安排再次派送")
    assert status == 303
    page = await browser.get(location)
    assert "快递公司已答复处理" in page
    assert "确认处理" not in page
    acts = await db.fetch_all("SELECT actor, action FROM audit_entry WHERE object_kind = 'shipment_task' ORDER BY seq")
    assert [tuple(act.values()) for act in acts] == [
        ("dispatcher", "shipment_task.taken_up"),
        ("dispatcher", "shipment_task.noted"),
        ("dispatcher", "shipment_task.settled"),
    ]


async def test_task_of_somebody_else_is_left_to_them(browser: Browser) -> None:
    task_id = await opened(TaskKind.EXCEPTION)
    await browser.sign_in("dispatcher")
    form = f"/staff/delivery-tasks/{task_id}"
    page = await browser.get(form)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    await db.execute("UPDATE shipment_task SET officer = 'clerk'")
    for act in ("take-up", "note", "settle"):
        wish = {"csrf_token": token[1], "note": "快递公司已答复", "outcome": "ANSWERED"}
        status, _, page = await browser.post(f"{form}/{act}", **wish)
        assert (status, "该事项正由clerk处理" in page) == (409, True)
    assert "确认处理" not in page
    assert await db.fetch_all("SELECT 1 FROM audit_entry WHERE object_kind = 'shipment_task'") == []


async def test_reissue_is_offered_to_a_second_person_only(browser: Browser) -> None:
    own, other = await opened(TaskKind.LOST, by="clerk"), await opened(TaskKind.DAMAGED, by="dispatcher")
    await browser.sign_in("clerk")
    assert "作废并补发</option>" not in await browser.get(f"/staff/delivery-tasks/{own}")
    assert "作废并补发</option>" in await browser.get(f"/staff/delivery-tasks/{other}")


async def test_holder_of_a_document_is_found_by_its_case(browser: Browser) -> None:
    number = await browser.house.submitted_case()
    piece = NewPiece(
        subject_no=number,
        citizen_id=uuid.UUID(int=7),
        division_code=BODY[0],
        department_code=BODY[1],
        code="R01",
        title="居民身份证",
    )
    await browser.house.delivery.custody.print_results([piece])
    await browser.sign_in("clerk")
    page = await browser.get(f"/staff/custody?q={number}")
    assert "<strong>窗口</strong>（自" in page
    assert page.count("<h1") == 1
    assert "查看流转记录" in await browser.get(f"/staff/cases/{number}")
    assert "没有编号" in await browser.get("/staff/custody?q=SJ1")
    await browser.sign_in("stranger")
    assert "没有编号" in await browser.get(f"/staff/custody?q={number}")
    await browser.sign_in("cashier")
    await browser.get("/staff/custody", 403)


@pytest.mark.parametrize(
    "path", ["?list=NOWHERE", "?kind=X", "?cursor=%21", "?a=b", "/part?cursor=" + "x" * 65, "/x?done=" + "x" * 25]
)
async def test_hostile_queries_are_refused(browser: Browser, path: str) -> None:
    await browser.sign_in("dispatcher")
    await browser.get(f"/staff/delivery-tasks{path}", 400)
    await browser.get("/staff/delivery-tasks/none", 404)
    await browser.get(f"/staff/delivery-tasks/{uuid.uuid4().hex}", 404)
    await browser.get("/staff/custody?q=%00", 400)


async def test_return_with_nothing_to_arrange_is_settled_by_words(browser: Browser) -> None:
    """As of originals that went back to their sender, or of a copy that was voided: nothing waits for another way."""
    task_id = await opened(TaskKind.RETURNED)
    await browser.sign_in("dispatcher")
    status, _, _ = await acted(browser, task_id, "settle", outcome="ANSWERED", note="原件已退回申请人，已电话告知")
    assert status == 303
