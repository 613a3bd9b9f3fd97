"""The doors of refunds over HTTP: what they answer, whom they refuse, and that a repeat with its key acts once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from app import db
from app.crypto import FieldCipher
from app.ids import new_id
from handlers.staff import payments as payment_door
from handlers.staff import refunds as refund_door
from services.staff.types import Role, StaffCaller
from tests.doorway import served
from tests.fakes.payments_house import PaymentsHouse

pytestmark = pytest.mark.anyio
_ALL = "/api/staff/v1/refunds"


@dataclass
class Doors:
    """The house behind served routes; the bearer's token is the name of who calls."""

    house: PaymentsHouse
    client: aiohttp.ClientSession
    roles: dict[str, set[Role]]
    divisions: dict[str, tuple[str, ...]]

    async def call(self, who: str, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {who}"} | ({"Idempotency-Key": key} if key else {})
        async with self.client.request(method, path, json=body, headers=headers) as response:
            return response.status, json.loads(await response.read())

    async def paid(self) -> str:
        bill = await self.house.issue()
        opened = await self.house.service.create(self.house.caller, bill.bill_no, "WECHAT")
        await self.house.notify("WECHAT", self.house.wechat.pay(opened.out_trade_no))
        await self.house.drain()
        return opened.out_trade_no


@pytest.fixture
async def doors(database: str, cipher: FieldCipher) -> AsyncIterator[Doors]:
    house = PaymentsHouse(refund_approval_fen=1000)
    await house.prepare()
    roles = {"cashier": {Role.CASHIER}, "approver": {Role.APPROVER}, "window": {Role.WINDOW}, "auditor": {Role.AUDITOR}}
    ids = {name: new_id() for name in (*roles, "far-cashier")}
    roles["far-cashier"] = {Role.CASHIER}
    divisions = {"far-cashier": ("1402",)}

    async def authenticate(token: str, **_: object) -> StaffCaller:
        scope = divisions.get(token, ("14",))
        return StaffCaller(ids[token], new_id(), token, token, frozenset(roles[token]), scope, (), "")

    surroundings = SimpleNamespace(
        payments=house.service, staff=SimpleNamespace(authenticate=authenticate), cipher=cipher
    )
    async with (
        served(surroundings, (*payment_door.ROUTES, *refund_door.ROUTES)) as base,
        aiohttp.ClientSession(base) as client,
    ):
        yield Doors(house, client, roles, divisions)


async def test_refund_is_asked_for_approved_and_seen_to_its_end(doors: Doors) -> None:
    number = await doors.paid()
    path = f"/api/staff/v1/payments/{number}/refunds"
    status, made = await doors.call("cashier", "POST", path, {"amount_fen": 1500, "reason": "重复收费"})
    assert (status, made["status"], made["needs_approval"], made["requested_by"]) == (201, "REQUESTED", True, "cashier")
    one = f"{_ALL}/{made['out_refund_no']}"
    status, waiting = await doors.call("approver", "GET", f"{_ALL}?needs_approval=true")
    assert (status, [each["out_refund_no"] for each in waiting["data"]]) == (200, [made["out_refund_no"]])
    status, approved = await doors.call("approver", "POST", f"{one}/approve", {})
    assert (status, approved["approved_by"], approved["status_text"]) == (200, "approver", "退款申请已提交")
    status, again = await doors.call("approver", "POST", f"{one}/approve", {"note": "好"})
    assert (status, again["code"]) == (409, "refund_not_waiting")
    await doors.house.drain()
    status, shown = await doors.call("auditor", "GET", one)
    assert (status, shown["status"], shown["status_text"], shown["acts"]) == (200, "SUCCEEDED", "已退款", [])
    status, payment = await doors.call("cashier", "GET", f"/api/staff/v1/payments/{number}")
    assert [each["status_text"] for each in payment["refunds"]] == ["已退款"]


async def test_same_key_asks_once_and_answers_alike(doors: Doors) -> None:
    number = await doors.paid()
    path, body = f"/api/staff/v1/payments/{number}/refunds", {"amount_fen": 300, "reason": "多缴"}
    first = await doors.call("cashier", "POST", path, body, key="refund-1")
    assert await doors.call("cashier", "POST", path, body, key="refund-1") == first
    await doors.house.drain()
    assert doors.house.wechat.received_fen == 1700


@pytest.mark.parametrize("amount_fen", [300, 900])
async def test_key_whose_answer_was_lost_with_its_process_asks_once(doors: Doors, amount_fen: int) -> None:
    number = await doors.paid()
    path, body = f"/api/staff/v1/payments/{number}/refunds", {"amount_fen": amount_fen, "reason": "多缴"}
    _, first = await doors.call("cashier", "POST", path, body, key="refund-1")
    await doors.house.drain()
    await db.execute(
        "UPDATE idempotency_record SET response_status = NULL, response_body = NULL,"
        " created_at = created_at - interval '2 minutes'"
    )
    status, again = await doors.call("cashier", "POST", path, body, key="refund-1")
    assert (status, again["out_refund_no"], again["status"]) == (201, first["out_refund_no"], "SUCCEEDED")
    await doors.house.drain()
    assert doors.house.wechat.received_fen == 2000 - amount_fen
    _, other = await doors.call("cashier", "POST", path, body | {"reason": "再退一笔"}, key="refund-2")
    assert other["out_refund_no"] != first["out_refund_no"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"amount_fen": 0, "reason": "多缴"}, "amount_fen"),
        ({"amount_fen": "5", "reason": "多缴"}, "amount_fen"),
        ({"amount_fen": 10**12, "reason": "多缴"}, "amount_fen"),
        ({"amount_fen": 5, "reason": ""}, "reason"),
        ({"amount_fen": 5, "reason": "  "}, "reason"),
        ({"amount_fen": 5, "reason": "多" * 81}, "reason"),
        ({"amount_fen": 5, "reason": "多缴", "out_refund_no": "R1"}, "out_refund_no"),
        ({"amount_fen": 5}, "reason"),
    ],
)
async def test_faulty_request_is_refused_by_field(doors: Doors, body: dict[str, Any], path: str) -> None:
    number = await doors.paid()
    status, problem = await doors.call("cashier", "POST", f"/api/staff/v1/payments/{number}/refunds", body)
    assert (status, problem["code"], problem["errors"][0]["path"]) == (400, "invalid_request", path)


async def test_refusals_of_the_desk_have_stable_codes(doors: Doors) -> None:
    number = await doors.paid()
    path = f"/api/staff/v1/payments/{number}/refunds"
    status, problem = await doors.call("cashier", "POST", path, {"amount_fen": 2001, "reason": "多缴"})
    assert (status, problem["code"]) == (409, "refund_exceeds")
    doors.roles["cashier"].add(Role.APPROVER)
    _, made = await doors.call("cashier", "POST", path, {"amount_fen": 2000, "reason": "多缴"})
    one = f"{_ALL}/{made['out_refund_no']}"
    for act, body, expected in (
        ("approve", {}, (403, "own_refund")),
        ("refuse", {"note": "不同意"}, (403, "own_refund")),
        ("retry", {}, (409, "refund_not_abnormal")),
        ("settle", {"note": "现金"}, (409, "refund_not_abnormal")),
        ("refuse", {}, (400, "invalid_request")),
        ("settle", {"note": ""}, (400, "invalid_request")),
        ("retry", {"force": True}, (400, "invalid_request")),
    ):
        status, problem = await doors.call("cashier", "POST", f"{one}/{act}", body)
        assert (status, problem["code"]) == expected, act


async def test_refunds_outside_the_scope_are_not_found(doors: Doors) -> None:
    number = await doors.paid()
    path = f"/api/staff/v1/payments/{number}/refunds"
    body = {"amount_fen": 2000, "reason": "多缴"}
    assert (await doors.call("far-cashier", "POST", path, body))[0] == 404
    _, made = await doors.call("cashier", "POST", path, body)
    one = f"{_ALL}/{made['out_refund_no']}"
    assert (await doors.call("far-cashier", "GET", one))[0] == 404
    for act, sent in (("approve", {}), ("refuse", {"note": "否"}), ("retry", {}), ("settle", {"note": "现金"})):
        assert (await doors.call("far-cashier", "POST", f"{one}/{act}", sent))[0] == 404
    assert (await doors.call("far-cashier", "GET", _ALL))[1]["data"] == []


async def test_who_may_do_what(doors: Doors) -> None:
    number = await doors.paid()
    path = f"/api/staff/v1/payments/{number}/refunds"
    for who in ("window", "approver", "auditor"):
        status, problem = await doors.call(who, "POST", path, {"amount_fen": 5, "reason": "多缴"})
        assert (status, problem["code"]) == (403, "role_required")
    for who, act, sent in (
        ("window", "approve", {}),
        ("auditor", "approve", {}),
        ("auditor", "refuse", {"note": "否"}),
        ("approver", "retry", {}),
        ("approver", "settle", {"note": "现金"}),
    ):
        assert (await doors.call(who, "POST", f"{_ALL}/R1/{act}", sent))[0] == 403
    assert (await doors.call("window", "GET", _ALL))[0] == 403


async def test_list_continues_by_cursor_and_filters(doors: Doors) -> None:
    number = await doors.paid()
    made = [await doors.house.refund(number, 10) for _ in range(3)]
    _, first = await doors.call("cashier", "GET", f"{_ALL}?limit=2&status=REQUESTED&needs_approval=false")
    _, second = await doors.call("cashier", "GET", f"{_ALL}?limit=2&cursor={first['next_cursor']}")
    assert [each["out_refund_no"] for each in first["data"] + second["data"]] == made[::-1]
    assert (await doors.call("cashier", "GET", f"{_ALL}?status=ABNORMAL"))[1]["data"] == []
    for query in ("status=GONE", "needs_approval=maybe", "cursor=%21", "page=2"):
        assert (await doors.call("cashier", "GET", f"{_ALL}?{query}"))[0] == 400
