"""The citizens' doors over real HTTP and WebSocket: what goes in, what comes out, and what is never written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import structlog

from app import clock, db
from app.events import DomainEvent
from app.tokens import ACCESS_SECONDS
from handlers import access_log
from handlers.citizen import addresses, auth, live_stream, me, stream
from tests.doorway import served
from tests.integration.accounts.conftest import ZHANG_WEI, House
from tests.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("divisions")]
_HOME = {"recipient": "张伟", "phone": "13800000001", "division_code": "140105", "street": "长风街1号院2号楼301"}
ROUTES = (*auth.ROUTES, *me.ROUTES, *addresses.ROUTES)


@dataclass
class Phone:
    """A mini-program: sends JSON with its token."""

    session: aiohttp.ClientSession
    base: str
    token: str = ""

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send one request; return status and parsed body."""
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        async with self.session.request(method, f"{self.base}/api/v1{path}", json=body, headers=headers) as answer:
            return answer.status, (await answer.json(content_type=None)) if await answer.read() else None

    async def sign_in(self, key: str = "zhang-wei") -> Any:
        """Sign in through WeChat and keep the token."""
        status, answer = await self.call("POST", "/auth/wechat", {"code": key})
        assert status == 200, answer
        self.token = answer["access_token"]
        return answer


@pytest.fixture
async def phone(house: House) -> AsyncIterator[Phone]:
    """A phone without a token, before doors that are open."""
    house.wechat.owners = {"zhang-wei": ZHANG_WEI}
    house.wechat.phones = {"p": "13800000001"}
    listening = asyncio.create_task(house.broadcast.run())
    await until("the broadcast", lambda: house.broadcast.connected)
    async with served(house, ROUTES, stream.register) as base, aiohttp.ClientSession() as session:
        yield Phone(session, base)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_journey_from_sign_in_to_sign_out(phone: Phone) -> None:
    signed_in = await phone.sign_in()
    assert set(signed_in) == {"access_token", "refresh_token", "token_type", "expires_in", "citizen"}
    assert await phone.call("POST", "/me/phone", {"code": "p"}) == (200, (await phone.call("GET", "/me"))[1])
    status, answer = await phone.call(
        "POST", "/me/real-name", {"name": ZHANG_WEI.name, "id_number": ZHANG_WEI.id_number}
    )
    assert (status, answer["status"], answer["real_name_level"]) == (200, "VERIFIED", "L2")
    status, mine = await phone.call("GET", "/me")
    assert (mine["name"], mine["id_number"], mine["phone"]) == ("*伟", "140105********0012", "138****0001")
    status, tokens = await phone.call("POST", "/auth/refresh", {"refresh_token": signed_in["refresh_token"]})
    assert (status, tokens["token_type"]) == (200, "Bearer")
    assert (await phone.call("POST", "/auth/logout"))[0] == 204
    status, problem = await phone.call("GET", "/me")
    assert (status, problem["code"]) == (401, "token_revoked")
    status, problem = await phone.call("POST", "/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert (status, problem["code"]) == (401, "refresh_token_invalid")


async def test_alipay_check_that_needs_an_action_is_202(phone: Phone, house: House) -> None:
    house.alipay.needs_action, house.alipay.owners = True, {"zhang-wei": ZHANG_WEI}
    phone.token = (await phone.call("POST", "/auth/alipay", {"auth_code": "zhang-wei"}))[1]["access_token"]
    body = {"name": ZHANG_WEI.name, "id_number": ZHANG_WEI.id_number}
    status, action = await phone.call("POST", "/me/real-name", body, **{"Idempotency-Key": "k"})
    assert (status, action["status"], set(action)) == (202, "ACTION_REQUIRED", {"status", "certify_id", "url"})
    house.alipay.finished.add(action["certify_id"])
    status, answer = await phone.call("POST", "/me/real-name", body, **{"Idempotency-Key": "k"})
    assert (status, answer["real_name_level"]) == (200, "L2")


async def test_address_book_over_http(phone: Phone) -> None:
    await phone.sign_in()
    status, added = await phone.call("POST", "/addresses", _HOME)
    assert (status, added["is_default"], added["recipient"]) == (201, True, "*伟")
    status, changed = await phone.call("PATCH", f"/addresses/{added['id']}", {"recipient": "李娜"})
    assert (status, changed["recipient"]) == (200, "*娜")
    assert (await phone.call("GET", "/addresses"))[1] == {"data": [changed], "next_cursor": None}
    assert (await phone.call("DELETE", f"/addresses/{added['id']}"))[0] == 204
    assert (await phone.call("DELETE", f"/addresses/{added['id']}"))[0] == 404
    assert (await phone.call("PATCH", "/addresses/not-an-id", {}))[0] == 404


async def test_pasted_address_is_read_over_http_and_left_nowhere(
    phone: Phone, capsys: pytest.CaptureFixture[str]
) -> None:
    await phone.sign_in()
    pasted = {"text": "王小明收 138 0000 0042\n北京市朝阳区建国路88号"}
    with structlog.testing.capture_logs() as entries:
        status, parsed = await phone.call("POST", "/addresses/parse", pasted, **{"Idempotency-Key": "paste-1"})
    assert (status, parsed) == (
        200,
        {
            "recipient": "王小明",
            "phone": "13800000042",
            "division_code": "110105",
            "region": "北京市朝阳区",
            "street": "建国路88号",
            "uncertain": [],
        },
    )
    assert (await phone.call("GET", "/addresses/regions?parent=110000"))[1]["data"][0]["name"] == "东城区"
    assert (await phone.call("GET", "/addresses/regions?parent=999999"))[0] == 404
    assert await db.fetch_all("SELECT 1 FROM idempotency_record") == []
    access_log.flush()
    printed = capsys.readouterr()
    text = f"{entries}{printed.out}{printed.err}"
    assert [word for word in ("王小明", "13800000042", "建国路") if word in text] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "fault"),
    [
        ("POST", "/auth/wechat", {}, "code"),
        ("POST", "/auth/wechat", {"code": "two words"}, "code"),
        ("POST", "/auth/wechat", {"code": "x", "more": 1}, "more"),
        ("POST", "/auth/refresh", {"refresh_token": "短"}, "refresh_token"),
        ("POST", "/me/phone", {"code": 1}, "code"),
        ("POST", "/me/real-name", {"name": "张\x00伟", "id_number": "140105199003070012"}, "name"),
        ("POST", "/me/real-name", {"name": "张伟", "id_number": "1" * 18}, "id_number"),
        ("POST", "/addresses", _HOME | {"division_code": "14"}, "division_code"),
        ("POST", "/addresses", _HOME | {"street": "\x00"}, "street"),
        ("POST", "/addresses", _HOME | {"street": "  "}, "street"),
        ("POST", "/addresses", _HOME | {"street": "a\n"}, "street"),
        ("POST", "/addresses", _HOME | {"recipient": "  "}, "recipient"),
        ("POST", "/addresses/parse", {"text": ""}, "text"),
        ("POST", "/addresses/parse", {"text": "山" * 501}, "text"),
        ("GET", "/addresses/regions?parent=14", None, "parent"),
        ("PUT", "/me/preferences", {"elder_mode": "yes"}, "elder_mode"),
    ],
)  # fmt: skip
async def test_faulty_field_is_named(phone: Phone, method: str, path: str, body: Any, fault: str) -> None:
    await phone.sign_in()
    status, problem = await phone.call(method, path, body)
    assert (status, [entry["path"] for entry in problem["errors"]]) == (400, [fault])


@pytest.mark.parametrize("route", [r for r in ROUTES if r.auth == "citizen"], ids=lambda r: f"{r.method} {r.path}")
async def test_own_doors_are_closed_to_strangers(phone: Phone, route: Any) -> None:
    path = route.path.removeprefix("/api/v1").replace("<address_id:str>", "0" * 32)
    assert (await phone.call(route.method, path, {}))[0] == 401
    phone.token = "eyJhbGciOiJub25lIn0.e30."
    assert (await phone.call(route.method, path, {}))[0] == 401


async def test_answers_with_tokens_are_not_cached(phone: Phone) -> None:
    async with phone.session.post(f"{phone.base}/api/v1/auth/wechat", json={"code": "zhang-wei"}) as answer:
        assert answer.headers["Cache-Control"] == "no-store"


async def test_nothing_personal_is_logged(phone: Phone, house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.wechat.session_keys = True
    with structlog.testing.capture_logs() as entries:
        signed_in = await phone.sign_in()
        await phone.call("POST", "/me/phone", {"code": "p"})
        await phone.call("POST", "/me/real-name", {"name": "李四", "id_number": ZHANG_WEI.id_number})
        await phone.call("POST", "/me/real-name", {"name": ZHANG_WEI.name, "id_number": ZHANG_WEI.id_number})
        await phone.call("POST", "/auth/refresh", {"refresh_token": signed_in["refresh_token"]})
    access_log.flush()
    printed = capsys.readouterr()
    text = f"{entries}{printed.out}{printed.err}"
    assert "real_name_failed" in text
    assert '"route":"/api/v1/me/phone"' in text
    secrets_and_persons = (
        "张伟", "李四", ZHANG_WEI.id_number, "13800000001", "key of", signed_in["refresh_token"],
        signed_in["access_token"], "zhang-wei@",
    )  # fmt: skip
    assert [word for word in secrets_and_persons if word in text] == []


def _event(citizen_id: str, name: str = "application.accepted") -> DomainEvent:
    return DomainEvent(name=name, subject_no="BJ1", citizen_id=citizen_id, facts={"item_name": "身份证补领"})


async def test_stream_tells_own_events_only(phone: Phone, house: House) -> None:
    mine, other = await phone.sign_in(), await house.sign_in("li-na")
    headers = {"Authorization": f"Bearer {phone.token}"}
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}", headers=headers) as socket:
        assert (await socket.receive_json(timeout=30))["event"] == "stream.ready"
        await house.live.publish(_event(other[1].citizen_id.hex))
        event = _event(mine["citizen"]["id"])
        await house.live.publish(event)
        told = await socket.receive_json(timeout=30)
        assert told.pop("id")
        assert told == {
            "event": "application.accepted",
            "subject_no": "BJ1",
            "occurred_at": clock.rfc3339(event.occurred_at),
            "facts": {"item_name": "身份证补领"},
        }


async def test_stream_accepts_the_token_as_first_message(phone: Phone, house: House) -> None:
    signed_in = await phone.sign_in()
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}") as socket:
        await socket.send_json({"access_token": signed_in["access_token"]})
        assert (await socket.receive_json(timeout=30))["event"] == "stream.ready"


@pytest.mark.parametrize("first", ["{}", "not json", '{"access_token":"x"}', '{"access_token":7}'])
async def test_stream_without_a_good_token_is_closed(phone: Phone, first: str) -> None:
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}") as socket:
        await socket.send_str(first)
        message = await socket.receive(timeout=30)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == stream.UNAUTHENTICATED


async def test_stream_tells_nothing_after_a_sign_out(phone: Phone, house: House) -> None:
    signed_in = await phone.sign_in()
    headers = {"Authorization": f"Bearer {phone.token}"}
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}", headers=headers) as socket:
        await socket.receive_json(timeout=30)
        await phone.call("POST", "/auth/logout")
        await house.live.publish(_event(signed_in["citizen"]["id"]))
        message = await socket.receive(timeout=30)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == stream.UNAUTHENTICATED


async def test_stream_lives_on_with_a_fresh_token(phone: Phone, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in = await phone.sign_in()
    _, fresh = await phone.call("POST", "/auth/refresh", {"refresh_token": signed_in["refresh_token"]})
    monkeypatch.setattr(live_stream, "HEARTBEAT_SECONDS", 0.1)
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}") as socket:
        await socket.send_json({"access_token": signed_in["access_token"]})
        await socket.receive_json(timeout=30)
        await socket.send_json({"access_token": fresh["access_token"]})
        assert await socket.receive_json(timeout=30) == {"event": "stream.heartbeat"}
        await socket.send_str("garbage")
        closing = await socket.receive(timeout=30)
        while closing.type is aiohttp.WSMsgType.TEXT:
            closing = await socket.receive(timeout=30)
        assert socket.close_code == stream.UNAUTHENTICATED


@pytest.mark.parametrize("greeting", ["", "null", '{"access_token": 1}', '{"a":' + "[" * 3_000])
async def test_stream_refuses_a_greeting_it_cannot_read(phone: Phone, greeting: str) -> None:
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}") as socket:
        await socket.send_str(greeting)
        assert (await socket.receive(timeout=30)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == stream.UNAUTHENTICATED


async def test_stream_ends_with_its_token(phone: Phone, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await phone.sign_in()
    monkeypatch.setattr(live_stream, "HEARTBEAT_SECONDS", 0.1)
    headers = {"Authorization": f"Bearer {phone.token}"}
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}", headers=headers) as socket:
        await socket.receive_json(timeout=30)
        now = clock.timestamp()
        monkeypatch.setattr("app.tokens.timestamp", lambda: now + ACCESS_SECONDS + 1)
        closing = await socket.receive(timeout=30)
        while closing.type is aiohttp.WSMsgType.TEXT:
            closing = await socket.receive(timeout=30)
        assert socket.close_code == stream.UNAUTHENTICATED


async def test_stream_is_left_when_the_phone_goes(phone: Phone, house: House) -> None:
    await phone.sign_in()
    headers = {"Authorization": f"Bearer {phone.token}"}
    async with phone.session.ws_connect(f"{phone.base}{stream.PATH}", headers=headers) as socket:
        await socket.receive_json(timeout=30)
        assert any(name.startswith("sjt:live:") for name in house.broadcast._receivers)
    receivers = house.broadcast._receivers
    await until("nobody who listens", lambda: not any(name.startswith("sjt:live:") for name in receivers))
