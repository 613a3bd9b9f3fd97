"""The console's forms and the live stream against what no browser and no phone sends."""

from __future__ import annotations

import json

import aiohttp
import pytest

from handlers.doors import FORM, STAFF_COOKIE, Auth
from tests.e2e.conftest import Surroundings
from tests.e2e.walking import Doors, Route
from tests.knocking import Heard, Knocker

pytestmark = pytest.mark.anyio

_BODIES = (
    b"", b"&", b"=", b"a", b"a=b", b"zz_unknown=1", b"reason=%00", b"reason=%ff", b"reason=%ED%A0%80", b"\xff\xfe",
    b"{}", b"reason=" + b"x" * 40_000, b"reason=1&reason=2", b"version=x", b"version=-1", b"version=" + b"9" * 400,
    b"csrf_token=", b"&".join(b"f%d=1" % n for n in range(200)), b"reason=<script>alert(1)</script>&version=1",
    b"next=//evil.example/",
)  # fmt: skip
_TYPES = ("application/json", "multipart/form-data; boundary=x", "text/plain", "")


def _forms(doors: Doors) -> list[Route]:
    return [route for route in doors.routes() if route.page and route.method == "POST"]


def _check(route: Route, heard: Heard, what: bytes) -> None:
    assert heard.status < 500, (route.path, what[:40], heard.body[:200])
    if heard.status >= 400:
        assert heard.content_type == "text/html; charset=utf-8", (route.path, what[:40], heard.content_type)
        assert b"<script>alert(1)" not in heard.body
    elif heard.status == 303:
        assert heard.headers["location"].startswith("/staff"), heard.headers


def test_forms_that_no_browser_sends_are_no_fault_of_ours(doors: Doors) -> None:
    for route in _forms(doors):
        signed_in = {"Cookie": f"{STAFF_COOKIE}={doors.tokens['window-xiaodian']}"}
        for body in _BODIES:
            for headers in ({}, signed_in):
                knocker = Knocker(doors.base, "", headers | {"X-Forwarded-For": "198.19.0.1"})
                _check(route, knocker.knock("POST", doors.address(route), body, content_type=FORM), body)
        for kind in _TYPES:
            knocker = Knocker(doors.base, "", signed_in)
            _check(route, knocker.knock("POST", doors.address(route), b"a=b", content_type=kind), kind.encode())


def test_a_session_cookie_alone_changes_nothing(doors: Doors) -> None:
    """Another site can make a browser send the cookie, but neither our token nor our origin."""
    knocker = Knocker(doors.base, "", {"Cookie": f"{STAFF_COOKIE}={doors.tokens['window-xiaodian']}"})
    for route in doors.routes():
        if route.auth is Auth.STAFF and route.method == "POST":
            body, kind = (b"", FORM) if route.page else (json.dumps(route.example).encode(), "application/json")
            heard = knocker.knock("POST", doors.address(route), body, content_type=kind)
            assert heard.status == 403, (route.path, heard.status)
            foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
            heard = knocker.knock("POST", doors.address(route), body, content_type=kind, headers=foreign)
            assert heard.status == 403, (route.path, heard.status)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "hello",
        "{",
        "[]",
        '{"access_token": 5}',
        '{"access_token": "x"}',
        "[" * 20_000,
        "x" * 70_000,
        b"\xff\xfe",
        b"",
    ],
    ids=lambda message: f"{type(message).__name__}-{message[:12]!r}",
)
async def test_a_stream_that_greets_wrongly_is_closed(scene: Surroundings, message: str | bytes) -> None:
    address = scene.product.base.replace("http", "ws", 1) + "/api/v1/stream"
    async with scene.session.ws_connect(address) as link:
        await (link.send_str(message) if isinstance(message, str) else link.send_bytes(message))
        answer = await link.receive(timeout=30)
        assert answer.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert link.close_code in (1009, 4401), link.close_code


async def test_a_stream_is_told_nothing_after_its_owner_has_signed_out(scene: Surroundings) -> None:
    phone = scene.phone("wechat", "sun-jianguo")
    await phone.sign_in()
    address = scene.product.base.replace("http", "ws", 1) + "/api/v1/stream"
    async with scene.session.ws_connect(address, headers={"Authorization": f"Bearer {phone.token}"}) as link:
        assert (await link.receive_json(timeout=30))["event"] == "stream.ready"
        (await phone.call("POST", "/auth/logout")).expect(204)
        refused = await scene.session.ws_connect(address, headers={"Authorization": f"Bearer {phone.token}"})
        assert (await refused.receive(timeout=30)).type is aiohttp.WSMsgType.CLOSE
        assert refused.close_code == 4401
