"""Pages of originals and of results that are fetched: lists, receipt, hand-over; scope, roles, hostile forms, trail."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from app import db
from services.delivery.collecting.loading import load_places
from services.delivery.collecting.types import Collector, Deposit, NewCollection
from services.delivery.mailing.types import Content, NewMailing
from tests.integration.console.conftest import DATA, Browser, House

pytestmark = pytest.mark.anyio
BODY = ("140105", "11140105MB0001177F")


async def nobody(tx: db.Transaction) -> None:
    """Write down nothing."""


async def _asked(house: House) -> str:
    number = await house.submitted_case()
    await house.delivery.mailing.ask(
        NewMailing(
            subject_no=number,
            citizen_id=uuid.UUID(int=7),
            division_code=BODY[0],
            department_code=BODY[1],
            contents=(Content(code="M02", name="原<b>居民身份证", required=True),),
            item_name="居民身份证换领",
            place="太原市小店区人民南路2号",
        )
    )
    return number


async def _waiting(house: House, *, is_ready: bool = True) -> str:
    await load_places(DATA / "collection_points.json")
    number = await house.submitted_case()
    collecting = house.delivery.collecting
    await collecting.prepare(
        NewCollection(subject_no=number, citizen_id=uuid.UUID(int=7), division_code=BODY[0], department_code=BODY[1])
    )
    if is_ready:
        await collecting.deposit(number, Deposit("140105-police-box", "7"), nobody)
    return number


async def _trail(kind: str) -> list[tuple[str, dict[str, Any]]]:
    rows = await db.fetch_all("SELECT action, details FROM audit_entry WHERE object_kind = $1 ORDER BY seq", kind)
    return [(row["action"], json.loads(row["details"])) for row in rows]


async def test_originals_are_found_by_their_case_and_received(clerk: Browser) -> None:
    number = await _asked(clerk.house)
    page = await clerk.get("/staff/mailings")
    assert number in page
    assert "原&lt;b&gt;居民身份证" in page
    assert await clerk.location(f"/staff/mailings?q={number}") == f"/staff/mailings/{number}"
    path = f"/staff/mailings/{number}"
    status, _, refused = await clerk.send(f"{path}", csrf_token="x")
    assert status in (403, 404, 405), refused
    token = (await clerk.get(path)).split('name="csrf_token" value="')[1].split('"')[0]
    status, _, page = await clerk.post(f"{path}/receipt", csrf_token=token, condition="DAMAGED", version="1")
    assert (status, "请写明破损、缺少或不符的内容" in page) == (400, True)
    status, _, page = await clerk.post(f"{path}/receipt", csrf_token=token, condition="", version="1")
    assert status == 400
    status, there, _ = await clerk.post(
        f"{path}/receipt", csrf_token=token, condition="DAMAGED", note="照片面折断", version="1"
    )
    assert (status, there) == (303, f"{path}?done=1")
    assert "照片面折断" in await clerk.get(f"{path}?done=1")
    status, _, page = await clerk.post(f"{path}/waiver", csrf_token=token, reason="数据已核验", version="1")
    assert (status, "不能进行此操作" in page) == (409, True)
    assert await _trail("mailing") == [("mailing.received", {"condition": "DAMAGED"})]


async def test_result_is_handed_over_once_against_its_code(clerk: Browser) -> None:
    number = await _waiting(clerk.house)
    made = await clerk.house.delivery.collecting.new_code(number, Collector.SELF)
    path = f"/staff/collections/{number}"
    page = await clerk.get(path)
    assert made.code not in page
    assert "自助取证柜" in page
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    wrong = f"{(int(made.code) + 1) % 10**8:08d}"
    status, _, page = await clerk.post(f"{path}/hand-over", csrf_token=token, code=wrong)
    assert (status, "还可尝试4次" in page) == (409, True)
    status, there, _ = await clerk.post(f"{path}/hand-over", csrf_token=token, code=f"{made.code[:4]} {made.code[4:]}")
    assert (status, there) == (303, f"{path}?done=1")
    status, _, page = await clerk.post(f"{path}/hand-over", csrf_token=token, code=made.code)
    assert (status, "已被领取" in page) == (409, True)
    trail = await _trail("collection")
    assert trail == [("collection.handed_over", {"by_code": True, "collector": "SELF", "reason": ""})]
    assert made.code not in str(await db.fetch_all("SELECT payload FROM pgqueuer"))


async def test_result_is_put_in_a_box_that_is_real_and_free(clerk: Browser) -> None:
    number = await _waiting(clerk.house, is_ready=False)
    path = f"/staff/collections/{number}"
    assert number in await clerk.get("/staff/collections?state=PREPARING")
    token = (await clerk.get(path)).split('name="csrf_token" value="')[1].split('"')[0]
    wish = {"csrf_token": token, "place_code": "140105-police-box"}
    for box in ("", "99999999", "-1", "一"):
        status, _, page = await clerk.post(f"{path}/deposit", box=box, **wish)
        assert (status, "请填写格口号" in page) == (400, True), box
    status, _, _ = await clerk.post(f"{path}/deposit", box="7", csrf_token=token, place_code="140213-hall-box")
    assert status == 409
    status, _, page = await clerk.post(f"{path}/deposit", box="7", **wish)
    assert status == 303, page
    assert number in await clerk.get("/staff/collections/part")


@pytest.mark.parametrize("name", ["stranger", "cashier"])
async def test_others_see_and_do_nothing(browser: Browser, name: str) -> None:
    number, mailed = await _waiting(browser.house), await _asked(browser.house)
    await browser.sign_in(name)
    status = 403 if name == "cashier" else 404
    for path in (f"/staff/collections/{number}", f"/staff/mailings/{mailed}"):
        await browser.get(path, status)
    if name == "cashier":
        await browser.get("/staff/collections", 403)
        await browser.get("/staff/mailings?q=SF1234567890", 403)
        assert "/staff/collections" not in await browser.get("/staff")
    else:
        assert number not in await browser.get("/staff/collections")
        assert mailed not in await browser.get("/staff/mailings")
        await browser.get(f"/staff/mailings?q={mailed}", 404)


@pytest.mark.parametrize(
    "path",
    [
        "/staff/mailings?state=nobody",
        "/staff/mailings?cursor=%00",
        "/staff/collections?state=ENDED",
        "/staff/collections?cursor=x",
        "/staff/collections?q=" + "9" * 60,
    ],
)
async def test_strange_questions_are_refused(clerk: Browser, path: str) -> None:
    assert "<h1" in await clerk.get(path, 400)
