"""The HTTP contract of design section 6: whose, which state, which version, repeated, unchanged, too often."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest

from demo.wire import until
from handlers.doors import Auth
from tests.e2e.conftest import LOGIN_RATE, Surroundings
from tests.e2e.steps import STORY, Applicant
from tests.e2e.walking import PARAMETER, Doors, encoded, example
from tests.knocking import Knocker, check_problem

pytestmark = pytest.mark.anyio


async def _closed_case(scene: Surroundings) -> tuple[Applicant, str, dict[str, str]]:
    """A case carried to its end; return who, its number, and the numbers of what belongs to it."""
    applicant = await scene.applicant("wechat", "liu-yang")
    number, bill_no = await applicant.billed()
    order = await applicant.order(bill_no)
    await applicant.tap(order)
    await applicant.paid(number)
    await applicant.finished(number)
    licences = (await applicant.phone.call("GET", "/licences")).expect(200)["data"]
    upload = (await applicant.phone.upload("own"))["upload_id"]
    address = {"recipient": "刘洋", "phone": "13800000005", "division_code": "140105", "street": "学府街66号"}
    kept = (await applicant.phone.call("POST", "/addresses", address)).expect(201)
    names = {"application_no": number, "out_trade_no": order["out_trade_no"], "upload_id": upload}
    return (
        applicant,
        number,
        names | {"licence_no": licences[0]["licence_no"], "address_id": kept["id"], "bill_no": bill_no},
    )


async def test_somebody_elses_numbers_are_not_found_and_a_closed_case_stays_closed(
    scene: Surroundings, doors: Doors
) -> None:
    applicant, number, names = await _closed_case(scene)
    _check_strangers_find_nothing(doors, names)
    for path, body in (
        (f"/applications/{number}/submit", {}),
        (f"/applications/{number}/correction", {}),
        (f"/applications/{number}/withdraw", {}),
        (f"/applications/{number}/delivery", {"method": "COUNTER"}),
        ("/payments", {"bill_no": names["bill_no"], "channel": "WECHAT"}),
        ("/payments", {"bill_no": names["bill_no"], "channel": "ALIPAY"}),
    ):
        method = "PUT" if path.endswith("delivery") else "POST"
        assert (await applicant.phone.call(method, path, body)).status == 409, path
    assert (await applicant.phone.call("PATCH", f"/applications/{number}", {"form": {}})).status == 409
    for act in ("accept", "approve", "resume", "hand-over"):
        assert (await applicant.reviewer.call("POST", f"/cases/{number}/{act}", {})).status in (403, 409), act


def _check_strangers_find_nothing(doors: Doors, names: dict[str, str]) -> None:
    owner, stranger = Knocker(doors.base, ""), Knocker(doors.base, doors.tokens["stranger"])
    asked = [
        route
        for route in doors.routes()
        if route.auth is Auth.CITIZEN and set(PARAMETER.findall(route.path)) & set(names)
    ]
    assert len(asked) >= 15
    for route in asked:
        address = doors.whole_address(route, **names)
        body = encoded(example(route)) if route.example is not None else b"" if route.method != "GET" else None
        heard = stranger.knock(route.method, address, body)
        assert check_problem(heard, 404)["code"] == "not_found", (route.path, heard.body)
        check_problem(owner.knock(route.method, address, body), 401)
    bill = {"bill_no": names["bill_no"], "channel": "WECHAT"}
    check_problem(stranger.json("POST", "/api/v1/payments", bill), 404)
    theirs = {"materials": [{"material_code": "M02", "upload_id": names["upload_id"]}], "item_code": STORY["item_code"]}
    check_problem(stranger.json("POST", "/api/v1/applications", theirs), 400, 404)


async def test_stale_versions_are_refused(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    case = await applicant.draft()
    path = f"/applications/{case['application_no']}"
    first = (await applicant.phone.call("PATCH", path, {"form": applicant.form(), "version": case["version"]})).expect(
        200
    )
    for stale in ({"version": case["version"]}, {"version": first["version"] + 7}):
        answer = await applicant.phone.call("PATCH", path, {"form": applicant.form()} | stale)
        assert (answer.status, answer.value["code"]) == (409, "stale_version")
    by_header = {"If-Match": f'"{case["version"]}"'}
    answer = await applicant.phone.call("POST", f"{path}/submit", {}, headers=by_header)
    assert (answer.status, answer.value["code"]) == (409, "stale_version")
    number = await applicant.submitted()
    answer = await applicant.window.call("POST", f"/cases/{number}/accept", {"version": 99})
    assert (answer.status, answer.value["code"]) == (409, "stale_version")


async def test_a_repeated_key_is_answered_once_and_the_same(scene: Surroundings) -> None:
    phone = (await scene.applicant("wechat", "liu-yang")).phone
    key = {"Idempotency-Key": secrets.token_hex(8)}
    wish = {"item_code": STORY["item_code"]}
    before = len((await phone.call("GET", "/applications?limit=100")).expect(200)["data"])
    answers = await asyncio.gather(*(phone.call("POST", "/applications", wish, headers=dict(key)) for _ in range(20)))
    assert {answer.status for answer in answers} <= {201, 409}
    assert {answer.value["code"] for answer in answers if answer.status == 409} <= {"request_in_progress"}
    later = await phone.call("POST", "/applications", wish, headers=dict(key))
    assert later.headers["Idempotent-Replay"] == "true"
    numbers = {answer.value["application_no"] for answer in (*answers, later) if answer.status == 201}
    assert len(numbers) == 1
    assert len((await phone.call("GET", "/applications?limit=100")).expect(200)["data"]) == before + 1
    other = await phone.call("POST", "/applications", wish | {"form": {"reason": "遗失"}}, headers=dict(key))
    assert (other.status, other.value["code"]) == (409, "idempotency_key_reused")
    elsewhere = await phone.call("POST", "/notices/read", {"all": True}, headers=dict(key))
    assert (elsewhere.status, elsewhere.value["code"]) == (409, "idempotency_key_reused")
    stranger = (await scene.applicant("wechat", "chen-jing")).phone
    assert (await stranger.call("POST", "/applications", wish, headers=dict(key))).status == 201


async def test_of_twenty_submissions_at_once_one_succeeds(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    number = (await applicant.draft())["application_no"]
    answers = await asyncio.gather(
        *(applicant.phone.call("POST", f"/applications/{number}/submit", {}) for _ in range(20))
    )
    assert sorted(answer.status for answer in answers) == [200] + [409] * 19
    steps = (await applicant.phone.call("GET", f"/applications/{number}/timeline")).expect(200)["data"]
    assert len(steps) == 1


async def test_what_has_not_changed_is_answered_304(scene: Surroundings) -> None:
    phone = (await scene.applicant("wechat", "liu-yang")).phone
    number = (await phone.call("POST", "/applications", {"item_code": STORY["item_code"]})).expect(201)[
        "application_no"
    ]
    for path in (
        f"/applications/{number}",
        f"/applications/{number}/timeline",
        "/applications",
        "/me",
        "/items?limit=5",
        f"/items/{STORY['item_code']}",
        "/divisions",
        "/topics",
        "/packages",
        "/licences",
        "/notices",
    ):
        read = await phone.call("GET", path)
        tag = read.headers["ETag"]
        again = await phone.call("GET", path, headers={"If-None-Match": tag})
        assert (again.status, again.value, again.headers["ETag"]) == (304, b"", tag), path
        assert (await phone.call("GET", path, headers={"If-None-Match": '"other"'})).status == 200
    tag = (await phone.call("GET", f"/applications/{number}")).headers["ETag"]
    await phone.call("PATCH", f"/applications/{number}", {"form": {"reason": "遗失"}})
    assert (await phone.call("GET", f"/applications/{number}", headers={"If-None-Match": tag})).status == 200


async def test_too_many_sign_ins_from_one_address_are_refused(doors: Doors) -> None:
    allowed = int(LOGIN_RATE.partition("/")[0])
    first, second = (f"198.18.{secrets.randbelow(256)}.{last}" for last in (7, 8))
    crowd, neighbour = (Knocker(doors.base, "", {"X-Forwarded-For": address}) for address in (first, second))
    heard = [crowd.json("POST", "/api/v1/auth/wechat", {"code": f"nobody{n}"}) for n in range(allowed + 3)]
    assert [one.status for one in heard[:allowed]] == [401] * allowed
    refused = heard[-1]
    assert check_problem(refused, 429)["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert neighbour.json("POST", "/api/v1/auth/wechat", {"code": "nobody"}).status == 401
    forged = Knocker(doors.base, "", {"X-Forwarded-For": f"198.51.100.1, {first}"})
    check_problem(forged.json("POST", "/api/v1/auth/wechat", {"code": "nobody"}), 429)


async def test_of_ten_payments_and_ten_approvals_at_once_each_has_one_effect(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    number, bill_no = await applicant.billed()
    wish = {"bill_no": bill_no, "channel": "WECHAT"}
    opened = await asyncio.gather(*(applicant.phone.call("POST", "/payments", wish) for _ in range(10)))
    assert {answer.status for answer in opened} <= {201, 409}
    orders = {answer.value["out_trade_no"]: answer.value for answer in opened if answer.status == 201}
    assert len(orders) == 1
    await applicant.tap(next(iter(orders.values())))
    await applicant.paid(number)
    case = await until("fee noted", lambda: _seen(applicant, number), lambda case: bool(case["fee_paid"]))
    decided = {"version": case["version"]}
    path = f"/cases/{number}/approve"
    answers = await asyncio.gather(*(applicant.reviewer.call("POST", path, decided) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 9
    await applicant.phone.case_in(number, "DELIVERING")
    licences = (await applicant.phone.call("GET", "/licences?limit=100")).expect(200)["data"]
    whole = [(await applicant.phone.call("GET", f"/licences/{one['licence_no']}")).expect(200) for one in licences]
    assert [licence["application_no"] for licence in whole].count(number) == 1


async def _seen(applicant: Applicant, number: str) -> dict[str, Any]:
    return dict((await applicant.reviewer.call("GET", f"/cases/{number}")).expect(200)["case"])
