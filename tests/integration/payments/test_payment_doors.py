"""The doors of payments over HTTP: answers, refusals in the providers' own forms, and what a client may not send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from app.errors import NotFound
from app.ids import new_id
from app.tokens import Caller
from handlers.callbacks import alipay as alipay_door
from handlers.callbacks import wechat_pay as wechat_door
from handlers.citizen import payments as citizen_door
from handlers.staff import payments as staff_door
from services.staff.types import Role, StaffCaller
from tests.doorway import served
from tests.fakes.payments_house import ALIPAY_APP, WECHAT_MCH, PaymentsHouse

pytestmark = pytest.mark.anyio
BEARER = {"Authorization": "Bearer citizen"}
CASHIER = {"Authorization": "Bearer cashier"}
GENUINE = {"signature": "genuine", "Content-Type": "application/json"}


@dataclass
class Doors:
    """The house behind served routes, and a client."""

    house: PaymentsHouse
    client: aiohttp.ClientSession
    roles: set[Role]

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self.client.request(method, path, **more) as response:
            raw = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "") and raw
            return response.status, json.loads(raw) if is_json else raw


def _surroundings(house: PaymentsHouse, roles: set[Role]) -> SimpleNamespace:
    """Stand in for the rooms beside payments: tokens, cases and staff."""

    def verify(token: str) -> Caller:
        return house.caller

    async def require_own(caller: Caller, application_no: str) -> None:
        if not await house.service.own_bills(caller, application_no):
            raise NotFound

    async def nobody_elses(*_: object) -> None:
        raise NotFound

    async def authenticate(token: str, **_: object) -> StaffCaller:
        return StaffCaller(new_id(), new_id(), "cashier", "收银员", frozenset(roles), ("14",), (), "")

    return SimpleNamespace(
        payments=house.service,
        tokens=SimpleNamespace(verify=verify),
        applications=SimpleNamespace(
            require_own=require_own,
            represented=SimpleNamespace(paying=SimpleNamespace(open=nobody_elses, payment=nobody_elses)),
        ),
        staff=SimpleNamespace(authenticate=authenticate),
        cipher=None,
    )


@pytest.fixture
async def doors(house: PaymentsHouse) -> AsyncIterator[Doors]:
    roles = {Role.CASHIER}
    routes = (*citizen_door.ROUTES, *wechat_door.ROUTES, *alipay_door.ROUTES, *staff_door.ROUTES)
    async with (
        served(_surroundings(house, roles), routes) as base,
        aiohttp.ClientSession(base) as client,
    ):
        yield Doors(house, client, roles)


async def test_bill_is_listed_paid_and_shown(doors: Doors) -> None:
    bill = await doors.house.issue()
    status, listed = await doors.call("GET", f"/api/v1/applications/{bill.subject_no}/bills", headers=BEARER)
    assert (status, listed["data"][0]["bill_no"], listed["data"][0]["status_text"]) == (200, bill.bill_no, "待缴费")
    body = {"bill_no": bill.bill_no, "channel": "WECHAT"}
    status, opened = await doors.call("POST", "/api/v1/payments", json=body, headers=BEARER)
    assert (status, opened["channel"]) == (201, "WECHAT")
    content = json.dumps(doors.house.wechat.pay(opened["out_trade_no"])).encode()
    answer = await doors.call("POST", f"/callbacks/wechat-pay/{WECHAT_MCH}", data=content, headers=GENUINE)
    assert answer == (204, b"")
    status, shown = await doors.call("GET", f"/api/v1/payments/{opened['out_trade_no']}", headers=BEARER)
    assert (status, shown["status"], shown["bill_status"]) == (200, "SUCCEEDED", "PAID")
    status, refused = await doors.call("POST", "/api/v1/payments", json=body, headers=BEARER)
    assert (status, refused["code"]) == (409, "bill_paid")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"bill_no": "B1", "channel": "WECHAT", "amount_fen": 1}, "amount_fen"),
        ({"bill_no": "B1", "channel": "CASH"}, "channel"),
        ({"channel": "WECHAT"}, "bill_no"),
        ({"bill_no": "", "channel": "WECHAT"}, "bill_no"),
    ],
)
async def test_payment_with_faulty_body_is_refused_by_field(doors: Doors, body: dict[str, Any], path: str) -> None:
    status, problem = await doors.call("POST", "/api/v1/payments", json=body, headers=BEARER)
    assert (status, problem["code"], problem["errors"][0]["path"]) == (400, "invalid_request", path)


async def test_unknown_bill_case_and_payment_are_not_found(doors: Doors) -> None:
    body = {"bill_no": "B1", "channel": "WECHAT"}
    for method, path, more in (
        ("POST", "/api/v1/payments", {"json": body}),
        ("GET", "/api/v1/payments/P1", {}),
        ("GET", "/api/v1/applications/A1/bills", {}),
    ):
        status, problem = await doors.call(method, path, headers=BEARER, **more)
        assert (status, problem["code"]) == (404, "not_found")


async def test_unknown_outcome_is_503_with_retry_after(doors: Doors) -> None:
    bill = await doors.house.issue()
    doors.house.wechat.fail("open", "before")
    body = {"bill_no": bill.bill_no, "channel": "WECHAT"}
    async with doors.client.post("/api/v1/payments", json=body, headers=BEARER) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0


async def test_forged_callbacks_are_refused_in_the_providers_form(doors: Doors) -> None:
    status, answer = await doors.call("POST", f"/callbacks/wechat-pay/{WECHAT_MCH}", data=b"{}")
    assert (status, answer["code"]) == (401, "FAIL")
    status, text = await doors.call("POST", f"/callbacks/alipay/{ALIPAY_APP}", data=b"a=1")
    assert (status, text) == (401, b"fail")
    for path in ("/callbacks/wechat-pay/1999999999", "/callbacks/alipay/1", "/callbacks/alipay/1/gateway"):
        status, _ = await doors.call("POST", path, data=b"")
        assert status == 404


async def test_cashier_searches_and_sees_contradictions(doors: Doors) -> None:
    bill = await doors.house.issue()
    opened = await doors.house.service.create(doors.house.caller, bill.bill_no, "WECHAT")
    doors.house.wechat.pay(opened.out_trade_no)
    wrong = doors.house.wechat.callback(opened.out_trade_no, amount_fen="1")
    await doors.call("POST", f"/callbacks/wechat-pay/{WECHAT_MCH}", data=json.dumps(wrong), headers=GENUINE)
    status, page = await doors.call("GET", "/api/staff/v1/payments/quarantined", headers=CASHIER)
    assert (status, page["data"][0]["reason"], page["next_cursor"]) == (200, "wrong_amount", None)
    assert page["data"][0]["expected"]["amount_fen"] == 2000
    for number in (opened.out_trade_no, bill.bill_no, bill.subject_no):
        status, page = await doors.call("GET", f"/api/staff/v1/payments?q={number}", headers=CASHIER)
        assert (status, [row["out_trade_no"] for row in page["data"]]) == (200, [opened.out_trade_no])
    status, shown = await doors.call("GET", f"/api/staff/v1/payments/{opened.out_trade_no}", headers=CASHIER)
    assert (status, shown["refunds"]) == (200, [])


async def test_staff_pages_continue_by_cursor(doors: Doors) -> None:
    numbers = []
    for _ in range(3):
        bill = await doors.house.issue()
        numbers.append((await doors.house.service.create(doors.house.caller, bill.bill_no, "WECHAT")).out_trade_no)
    _, first = await doors.call("GET", "/api/staff/v1/payments?limit=2", headers=CASHIER)
    path = f"/api/staff/v1/payments?limit=2&cursor={first['next_cursor']}"
    _, second = await doors.call("GET", path, headers=CASHIER)
    assert [row["out_trade_no"] for row in first["data"] + second["data"]] == numbers[::-1]
    status, problem = await doors.call("GET", "/api/staff/v1/payments?cursor=%21", headers=CASHIER)
    assert (status, problem["errors"][0]["path"]) == (400, "cursor")


async def test_contradicting_callbacks_of_bills_outside_the_scope_are_not_shown(doors: Doors) -> None:
    for division in ("140105", "150102"):
        bill = await doors.house.issue(division_code=division)
        opened = await doors.house.service.create(doors.house.caller, bill.bill_no, "WECHAT")
        doors.house.wechat.pay(opened.out_trade_no)
        await doors.house.notify("WECHAT", doors.house.wechat.callback(opened.out_trade_no, amount_fen="1"))
        if division == "140105":
            own = opened.out_trade_no
            stranger = doors.house.wechat.callback(opened.out_trade_no) | {"out_trade_no": "P-UNKNOWN"}
            await doors.house.notify("WECHAT", stranger)
    _, page = await doors.call("GET", "/api/staff/v1/payments/quarantined", headers=CASHIER)
    assert [row["reference_no"] for row in page["data"]] == ["P-UNKNOWN", own]


async def test_payments_outside_the_scope_are_not_found(doors: Doors) -> None:
    bill = await doors.house.issue(division_code="110101")
    opened = await doors.house.service.create(doors.house.caller, bill.bill_no, "WECHAT")
    status, page = await doors.call("GET", "/api/staff/v1/payments", headers=CASHIER)
    assert (status, page["data"]) == (200, [])
    status, _ = await doors.call("GET", f"/api/staff/v1/payments/{opened.out_trade_no}", headers=CASHIER)
    assert status == 404


async def test_staff_without_the_role_are_forbidden(doors: Doors) -> None:
    doors.roles.clear()
    doors.roles.add(Role.WINDOW)
    for path in ("", "/quarantined", "/P1"):
        status, problem = await doors.call("GET", f"/api/staff/v1/payments{path}", headers=CASHIER)
        assert (status, problem["code"]) == (403, "role_required")
