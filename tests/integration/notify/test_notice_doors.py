"""The doors of notify over HTTP: inbox, permissions, message push and SMS reports."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from app.clock import now
from app.tokens import Caller
from handlers.callbacks import sms as sms_door
from handlers.callbacks import wechat_push as push_door
from handlers.citizen import notices as citizen_door
from tests.doorway import served
from tests.fakes.notify_house import WECHAT_APP, NotifyHouse

pytestmark = pytest.mark.anyio
BEARER = {"Authorization": "Bearer citizen"}


@dataclass
class Doors:
    """The house behind served routes, and a client."""

    house: NotifyHouse
    client: aiohttp.ClientSession

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self.client.request(method, path, **more) as response:
            raw = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "") and raw
            return response.status, json.loads(raw) if is_json else raw


@pytest.fixture
async def doors(house: NotifyHouse) -> AsyncIterator[Doors]:
    def verify(token: str) -> Caller:
        return house.caller

    surroundings = SimpleNamespace(notify=house.service, tokens=SimpleNamespace(verify=verify), cipher=None)
    routes = (*citizen_door.ROUTES, *push_door.ROUTES, *sms_door.ROUTES)
    async with served(surroundings, routes) as base, aiohttp.ClientSession(base) as client:
        yield Doors(house, client)


async def test_inbox_is_paged_and_read(doors: Doors) -> None:
    for _ in range(3):
        await doors.house.service.tell(doors.house.event("application.withdrawn"))
    status, first = await doors.call("GET", "/api/v1/notices?limit=2", headers=BEARER)
    assert (status, len(first["data"]), first["unread_count"]) == (200, 2, 3)
    _, rest = await doors.call("GET", f"/api/v1/notices?limit=2&cursor={first['next_cursor']}", headers=BEARER)
    assert (len(rest["data"]), rest["next_cursor"]) == (1, None)
    body = {"ids": [first["data"][0]["id"]]}
    assert await doors.call("POST", "/api/v1/notices/read", json=body, headers=BEARER) == (200, {"unread_count": 2})
    body = {"all": True}
    assert await doors.call("POST", "/api/v1/notices/read", json=body, headers=BEARER) == (200, {"unread_count": 0})


@pytest.mark.parametrize("body", [{}, {"ids": ["x"]}, {"all": "yes"}, {"ids": [], "all": False}, {"every": True}])
async def test_faulty_reading_is_refused(doors: Doors, body: dict[str, Any]) -> None:
    status, problem = await doors.call("POST", "/api/v1/notices/read", json=body, headers=BEARER)
    assert (status, problem["code"]) == (400, "invalid_request")


async def test_permissions_are_listed_and_reported(doors: Doors) -> None:
    status, listed = await doors.call("GET", "/api/v1/subscriptions", headers=BEARER)
    assert status == 200
    template_id = listed["data"][0]["template_id"]
    body = {"results": {template_id: "accept"}}
    status, after = await doors.call("POST", "/api/v1/subscriptions", json=body, headers=BEARER)
    assert (status, {row["template_id"]: row["in_stock"] for row in after["data"]}[template_id]) == (200, 1)
    for results in ({}, {template_id: "perhaps"}, {"unknown": "accept"}):
        status, _ = await doors.call("POST", "/api/v1/subscriptions", json={"results": results}, headers=BEARER)
        assert status == 400


async def test_push_address_answers_the_platform(doors: Doors) -> None:
    path = f"/callbacks/wechat/{WECHAT_APP}"
    genuine = {"signature": "genuine", "echostr": "1234"}
    assert await doors.call("GET", path, params=genuine) == (200, b"1234")
    assert await doors.call("GET", path, params={"signature": "forged"}) == (401, b"")
    event = {"key": "k", "at": now().isoformat(), "subject": "nobody"}
    assert await doors.call("POST", path, params=genuine, data=json.dumps(event)) == (200, b"success")
    assert await doors.call("POST", path, params={"signature": "forged"}, data=b"{}") == (401, b"")
    assert (await doors.call("POST", "/callbacks/wechat/wxother", data=b"{}"))[0] == 404


async def test_sms_reports_need_the_secret_path(doors: Doors) -> None:
    assert await doors.call("POST", "/callbacks/sms/aliyun/secret", data=b"[]") == (200, {"code": 0})
    assert (await doors.call("POST", "/callbacks/sms/aliyun/guess", data=b"[]"))[0] == 404
