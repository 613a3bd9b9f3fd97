"""The console's pages of mass pushes, from composing to the end with a second person, and lists of people."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from app import db
from app.limits import RateLimits
from handlers.doors import STAFF_COOKIE
from handlers.staff import audience_list_pages, audience_lists, campaign_pages, campaigns
from services.staff.types import Role, StaffCaller
from tests.doorway import served
from tests.fakes.campaign_house import CODE, VARIABLES, CampaignHouse, caller, seed

pytestmark = pytest.mark.anyio
ROUTES = (*campaign_pages.ROUTES, *audience_list_pages.ROUTES, *campaigns.ROUTES, *audience_lists.ROUTES)


@dataclass
class Doorkeeper:
    """Knows people by their cookie: the part of the staff room that doors ask."""

    people: dict[str, StaffCaller] = field(default_factory=dict)

    async def authenticate(self, token: str, **_: Any) -> StaffCaller:
        return self.people[token]

    def check_csrf(self, staff: StaffCaller, given: str) -> None:
        assert given == staff.csrf_token


@dataclass
class Console:
    """Browsers of several people."""

    base: str
    session: aiohttp.ClientSession
    house: CampaignHouse

    async def get(self, who: str, path: str, status: int = 200) -> str:
        headers = {"Cookie": f"{STAFF_COOKIE}={who}"}
        async with self.session.get(self.base + path, headers=headers, allow_redirects=False) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return text

    async def post(self, who: str, path: str, fields: Any, status: int = 303) -> tuple[str, str]:
        headers = {"Cookie": f"{STAFF_COOKIE}={who}", "Origin": self.base}
        if isinstance(fields, dict):
            fields = {"csrf_token": "csrf", **fields}
        address = self.base + path
        async with self.session.post(address, data=fields, headers=headers, allow_redirects=False) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return answer.headers.get("Location", ""), text

    async def call(self, who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {who}"}
        async with self.session.request(method, self.base + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)


@pytest.fixture
async def console(house: CampaignHouse, redis: Redis) -> AsyncIterator[Console]:
    people = {
        "publisher": caller(),
        "approver": caller("approver", Role.APPROVER),
        "county": caller("county", divisions=("140213",)),
        "clerk": caller("clerk", Role.WINDOW),
    }
    rooms = SimpleNamespace(
        campaigns=house.room, audiences=house.audiences, limits=RateLimits(redis), staff=Doorkeeper(people),
        cipher=house.cipher,
    )  # fmt: skip
    async with served(rooms, ROUTES) as base, aiohttp.ClientSession() as session:
        yield Console(base, session, house)


def fields(**changed: str) -> dict[str, str]:
    written = {f"variables.{name}": value for name, value in VARIABLES.items()}
    return (
        {"template_code": CODE, "title": "补贴<b>提醒</b>", "rate_per_second": "2000", "act": "save"}
        | written
        | changed
    )


async def test_a_campaign_goes_from_the_form_to_its_end_with_a_second_person(console: Console) -> None:
    await seed(1, 1200, "140105", "140213")
    page = await console.get("publisher", f"/staff/campaigns/new?template={CODE}")
    assert "手机上的样子" in page
    _, estimated = await console.post("publisher", "/staff/campaigns/new", fields(act="estimate"), 200)
    assert "<strong>1200</strong>" in estimated
    where, _ = await console.post("publisher", "/staff/campaigns/new", fields(scheduled_at=""))
    number = re.search(r"/(C\w+)\?done=saved", where)[1]  # type: ignore[index]
    one = f"/staff/campaigns/{number}"
    page = await console.get("publisher", one + "?done=saved")
    assert "补贴&lt;b&gt;提醒&lt;/b&gt;" in page
    assert 'name="act" value="submit"' in page
    await console.post("publisher", f"{one}/acts", {"act": "submit", "version": "1"})
    assert "待审核" in await console.get("publisher", "/staff/campaigns?status=WAITING")
    await console.post("publisher", f"{one}/acts", {"act": "approve", "version": "2"}, 403)
    approval = await console.get("approver", f"{one}/approval")
    assert "1200 人发送以上内容" in approval
    _, refused = await console.post("approver", f"{one}/acts", {"act": "refuse", "version": "2"}, 400)
    assert "请填写退回理由" in refused
    await console.post("approver", f"{one}/acts", {"act": "approve", "version": "2"})
    await console.post("publisher", f"{one}/acts", {"act": "start", "version": "2"}, 409)
    await console.post("publisher", f"{one}/acts", {"act": "start", "version": "3"})
    await console.house.drain()
    part = await console.get("publisher", f"{one}/part")
    assert "<progress" in part
    assert "已处理 1200 / 1200 人" in part
    assert "已发送·短信" in part
    await console.get("county", one, 404)
    await console.get("clerk", one, 403)


async def test_a_faulty_form_comes_back_with_what_was_written(console: Console) -> None:
    await seed(1, 5)
    for changed, said in (
        ({"divisions": "abc"}, "区划代码应为6位数字"),
        ({"age_from": "many"}, "年龄应为"),
        ({"variables.policy": ""}, "请填写政策名称"),
        ({"rate_per_second": "99999"}, "数值应"),
        ({"scheduled_at": "2020-01-01T10:00"}, "发送时间已过"),
        ({"level": "L9"}, "取值不在"),
    ):
        _, page = await console.post("publisher", "/staff/campaigns/new", fields(**changed), 400)
        assert said in page, changed
        assert 'value="灵活就业' in page or "policy" in str(changed)
    _, part = await console.post("publisher", "/staff/campaigns/preview", fields(act="preview"), 200)
    assert "phone-screen" in part
    await console.post("publisher", "/staff/campaigns/preview", fields(act="estimate", divisions="x"), 200)


async def test_the_json_doors_do_the_same(console: Console) -> None:
    await seed(1, 50)
    draft = {"title": "提醒", "template_code": CODE, "variables": VARIABLES, "audience": {"age_from": 60}}
    status, size = await console.call("publisher", "POST", "/api/staff/v1/campaign-estimates", {"template_code": CODE})
    assert (status, size) == (200, {"people": 50, "is_exact": True})
    status, made = await console.call("publisher", "POST", "/api/staff/v1/campaigns", draft)
    assert status == 201
    one = f"/api/staff/v1/campaigns/{made['campaign_no']}"
    assert (await console.call("publisher", "GET", one))[1]["estimated"] == made["estimated"]
    status, changed = await console.call("publisher", "PUT", one, draft | {"audience": {}, "version": made["version"]})
    assert changed["estimated"] == 50
    for act, state in (("submit", "APPROVED"), ("start", "EXPANDING"), ("pause", "PAUSED"), ("cancel", "CANCELLED")):
        status, shown = await console.call("publisher", "POST", f"{one}/{act}", {})
        assert (status, shown["status"]) == (200, state)
    assert (await console.call("publisher", "POST", f"{one}/resend", {"reason": "outage"}))[0] == 409
    assert (await console.call("publisher", "GET", f"{one}/preview"))[1]["data"][0]["channel"] == "INBOX"
    assert len((await console.call("publisher", "GET", "/api/staff/v1/campaigns?status=CANCELLED"))[1]["data"]) == 1
    assert (await console.call("county", "GET", one))[0] == 404
    assert (await console.call("clerk", "GET", "/api/staff/v1/campaigns"))[0] == 403
    assert (await console.call("publisher", "GET", "/api/staff/v1/campaigns?cursor=!"))[0] == 400
    assert (await console.call("publisher", "POST", "/api/staff/v1/campaigns", draft | {"title": "a\u0000"}))[0] == 400


async def test_a_list_is_sent_read_and_gives_its_people_a_word(console: Console) -> None:
    await seed(1, 3)
    cipher = console.house.cipher
    await db.execute(
        "UPDATE citizen SET phone_hash = $1 WHERE birth_year = 1951", cipher.lookup("phone", "13800000001")
    )
    form = aiohttp.FormData()
    form.add_field("csrf_token", "csrf")
    form.add_field("name", "低保名单")
    form.add_field("file", b"phone\n13800000001\n13900000002\nxx\n", filename="a.csv", content_type="text/csv")
    where, _ = await console.post("publisher", "/staff/audience-lists", form)
    await console.house.audiences.lists.settle()
    page = await console.get("publisher", where)
    assert "第 4 行" in page
    assert "xx" not in page.split("<main", 1)[1].split("第 4 行")[1][:40]
    told, _ = await console.post("publisher", f"{where}/tags", {"tag": "低保对象", "act": "give"})
    assert told.endswith("?given=1")
    await console.post("publisher", f"{where}/tags", {"tag": "<x>", "act": "give"}, 400)
    told, _ = await console.post("publisher", f"{where}/tags", {"tag": "低保对象", "act": "take"})
    assert told.endswith("?taken=1")
    await console.get("county", where, 404)
    assert "低保名单" in await console.get("publisher", "/staff/audience-lists")
    assert "低保名单" not in await console.get("county", "/staff/audience-lists")
    empty = aiohttp.FormData()
    empty.add_field("csrf_token", "csrf")
    empty.add_field("name", "空")
    empty.add_field("file", secrets.token_bytes(0), filename="a.csv")
    await console.post("publisher", "/staff/audience-lists", empty, 400)
