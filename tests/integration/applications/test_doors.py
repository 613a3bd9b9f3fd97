"""The doors of cases, files, licences and pushes over HTTP: status codes, paths of faults, tags, refusals."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from redis.asyncio import Redis

from app import db
from app.crypto import FieldCipher
from app.errors import Unauthenticated
from app.limits import RateLimits
from app.tokens import AccessTokens, Caller
from handlers import verifiers
from handlers.callbacks import couriers
from handlers.citizen import applications, delivery, documents, licences, uploads
from handlers.staff import cases, decisions
from handlers.staff import documents as staff_documents
from handlers.staff import licences as staff_licences
from tests.doorway import served
from tests.fakes.notify_house import NotifyHouse

pytestmark = pytest.mark.anyio
PARTS = (
    applications, uploads, licences, verifiers, delivery, couriers, documents,
    cases, decisions, staff_documents, staff_licences,
)  # fmt: skip
ROUTES = [route for part in PARTS for route in part.ROUTES]
URL_OF = "/api/v1/applications/{}/documents/{}/file"
PUSH: list[Any] = []


class Phone:
    """A client that speaks for one caller."""

    def __init__(self, session: aiohttp.ClientSession, base: str, token: str) -> None:
        self._session, self._base, self._token = session, base, token

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        async with self._session.request(method, self._base + path, headers=headers, **options) as answer:
            raw = await answer.read()
            parsed = json.loads(raw) if "json" in answer.headers.get("Content-Type", "") and raw else raw
            return answer.status, parsed, answer.headers


@pytest.fixture
async def phones(world: Any, redis: Redis, cipher: FieldCipher) -> AsyncIterator[SimpleNamespace]:
    tokens = AccessTokens({"k": secrets.token_bytes(32)})

    async def authenticate(token: str, **_: object) -> Any:
        known = {"window": world.window, "reviewer": world.reviewer}
        if token not in known:
            raise Unauthenticated
        return known[token]

    house = SimpleNamespace(
        applications=world.applications,
        delivery=world.delivery,
        licences=world.licences,
        notify=NotifyHouse().service,
        tokens=tokens,
        staff=SimpleNamespace(authenticate=authenticate),
        limits=RateLimits(redis),
        cipher=cipher,
        settings=SimpleNamespace(sf_push_token="push-secret"),
    )

    def token_of(caller: Caller) -> str:
        return tokens.issue(caller.citizen_id, caller.session_id, caller.identity_id, caller.provider)

    async with served(house, ROUTES) as base, aiohttp.ClientSession() as session:
        yield SimpleNamespace(
            citizen=Phone(session, base, token_of(world.citizen)),
            other=Phone(session, base, token_of(world.other)),
            window=Phone(session, base, "window"),
            reviewer=Phone(session, base, "reviewer"),
            nobody=Phone(session, base, "nobody"),
        )


def file_form(content: bytes, **fields: str) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("file", content, filename="证件照片.jpg", content_type="text/html")
    for name, value in fields.items():
        form.add_field(name, value)
    return form


async def test_journey_from_upload_to_decision(
    world: Any, phones: SimpleNamespace, make_picture: Any, form: dict[str, Any], item_code: str
) -> None:
    status, upload, _ = await phones.citizen(
        "POST", "/api/v1/uploads", data=file_form(make_picture(), purpose="material")
    )
    assert (status, upload["content_type"]) == (201, "image/jpeg")
    body = {
        "item_code": item_code,
        "form": form,
        "materials": [{"material_code": "M02", "upload_id": upload["upload_id"]}],
    }
    status, draft, _ = await phones.citizen("POST", "/api/v1/applications", body)
    assert (status, draft["status"]) == (201, "DRAFT")
    one = f"/api/v1/applications/{draft['application_no']}"
    status, read, headers = await phones.citizen("GET", one)
    assert (status, read["form"]) == (200, form)
    assert (await phones.citizen("GET", one, headers={"If-None-Match": headers["ETag"]}))[0] == 304
    status, changed, _ = await phones.citizen("PATCH", one, {"form": form}, headers={"If-Match": headers["ETag"]})
    assert (status, changed["version"]) == (200, 2)
    status, problem, _ = await phones.citizen("PATCH", one, {"form": form}, headers={"If-Match": headers["ETag"]})
    assert (status, problem["code"]) == (409, "stale_version")
    assert (await phones.citizen("PUT", f"{one}/delivery", {"method": "COUNTER"}))[0] == 200
    status, submitted, _ = await phones.citizen("POST", f"{one}/submit", {"version": 2})
    assert (status, submitted["status"]) == (200, "SUBMITTED")
    case = f"/api/staff/v1/cases/{draft['application_no']}"
    assert (await phones.window("GET", "/api/staff/v1/cases"))[1]["data"][0]["status"] == "SUBMITTED"
    assert (await phones.window("POST", f"{case}/accept", {"version": 3}))[1]["status"] == "ACCEPTED"
    status, problem, _ = await phones.reviewer("POST", f"{case}/approve", {})
    assert (status, problem["code"]) == (409, "fee_unpaid")
    status, file, headers = await phones.reviewer("GET", f"/api/staff/v1/uploads/{upload['upload_id']}")
    assert (status, headers["Content-Type"], headers["X-Content-Type-Options"]) == (200, "image/jpeg", "nosniff")
    assert file.startswith(b"\xff\xd8\xff")
    status, steps, _ = await phones.citizen("GET", f"{one}/timeline")
    assert [step["title"] for step in steps["data"]] == ["提交申请", "受理"]
    status, page, _ = await phones.citizen("GET", "/api/v1/applications?tab=handling&limit=1")
    assert (len(page["data"]), page["next_cursor"]) == (1, None)


async def test_faulty_draft_names_every_path(phones: SimpleNamespace, item_code: str) -> None:
    body = {"item_code": item_code, "form": {"reason": 5, "surprise": 1}}
    status, problem, _ = await phones.citizen("POST", "/api/v1/applications", body)
    assert (status, problem["code"]) == (400, "invalid_request")
    assert {fault["path"] for fault in problem["errors"]} == {"form.reason", "form.surprise"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"item_code": "X", "form": []},
        {"item_code": "X", "surprise": 1},
        {"item_code": "X", "materials": [{"material_code": "M", "upload_id": "no-id"}]},
        {"item_code": "x" * 65},
    ],
)
async def test_malformed_draft_is_refused(phones: SimpleNamespace, body: Any) -> None:
    assert (await phones.citizen("POST", "/api/v1/applications", body))[0] == 400


async def test_strangers_find_nothing(world: Any, phones: SimpleNamespace) -> None:
    number = (await world.draft()).application_no
    for path in ("", "/timeline", "/delivery"):
        assert (await phones.other("GET", f"/api/v1/applications/{number}{path}"))[0] == 404
    assert (await phones.other("POST", f"/api/v1/applications/{number}/submit", {}))[0] == 404
    assert (await phones.nobody("GET", f"/api/v1/applications/{number}"))[0] == 401
    assert (await phones.nobody("GET", "/api/staff/v1/cases"))[0] == 401


async def test_numbers_nobody_has_are_not_found(phones: SimpleNamespace) -> None:
    for path in (
        "applications/X%00",
        "applications/X",
        "licences/X",
        "licences/X/document",
        "shipments/X",
        "uploads/X",
    ):
        assert (await phones.citizen("GET", f"/api/v1/{path}"))[0] == 404, path
    for path in ("cases/X", "cases/X/shipments", "uploads/X"):
        assert (await phones.reviewer("GET", f"/api/staff/v1/{path}"))[0] == 404, path
    assert (await phones.citizen("POST", "/api/v1/presentations/verify", {"code": "nonsense"}))[0] == 404


async def test_faulty_uploads_are_refused(phones: SimpleNamespace, make_picture: Any) -> None:
    async def send(**options: Any) -> int:
        return int((await phones.citizen("POST", "/api/v1/uploads", **options))[0])

    assert await send(data=file_form(b"GIF89a", purpose="material")) == 415
    assert await send(data=file_form(b"\xff\xd8\xff broken", purpose="material")) == 400
    assert await send(data=file_form(make_picture())) == 400
    assert await send(data=file_form(b"\xff\xd8\xff" + bytes(1_048_576), purpose="material")) == 413
    assert await send(body={"file": "x"}) == 415
    multipart = {"Content-Type": "multipart/form-data"}
    assert (
        await send(data=b"--x\r\nbroken", headers=multipart | {"Content-Type": "multipart/form-data; boundary=x"})
        == 400
    )
    assert await send(data=b"--x\r\nbroken", headers=multipart) == 400


async def test_upload_sent_again_with_its_key_is_one_upload(phones: SimpleNamespace, make_picture: Any) -> None:
    picture, headers = make_picture(), {"Idempotency-Key": "photo-1"}
    sent = [
        await phones.citizen(
            "POST", "/api/v1/uploads", data=file_form(picture, purpose="material"), headers=dict(headers)
        )
        for _ in range(2)
    ]
    assert [status for status, _, _ in sent] == [201, 201]
    assert sent[0][1] == sent[1][1]
    other = file_form(picture, purpose="avatar")
    status, problem, _ = await phones.citizen("POST", "/api/v1/uploads", data=other, headers=dict(headers))
    assert (status, problem["code"]) == (409, "idempotency_key_reused")


async def test_a_person_may_send_only_so_many_files(phones: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_UPLOAD_RATE", "2/hour")
    key = {"Idempotency-Key": "photo-2"}
    statuses = [(await phones.citizen("POST", "/api/v1/uploads", data=file_form(b"GIF89a")))[0] for _ in range(2)]
    assert statuses == [400, 400]
    assert (await phones.citizen("POST", "/api/v1/uploads", data=file_form(b"GIF89a"), headers=dict(key)))[0] == 429
    assert (await phones.other("POST", "/api/v1/uploads", data=file_form(b"GIF89a")))[0] == 400
    monkeypatch.setattr(uploads, "_UPLOAD_RATE", "20/hour")
    assert (await phones.citizen("POST", "/api/v1/uploads", data=file_form(b"GIF89a"), headers=dict(key)))[0] == 400


async def test_queries_out_of_range_are_refused(phones: SimpleNamespace) -> None:
    for query in ("limit=0", "limit=101", "tab=none", "cursor=%21", "surprise=1"):
        assert (await phones.citizen("GET", f"/api/v1/applications?{query}"))[0] == 400, query
    number = "/api/v1/applications/X"
    assert (await phones.citizen("PATCH", number, {"form": {}}, headers={"If-Match": '"abc"'}))[0] == 400


async def test_decision_without_reason_is_refused(world: Any, phones: SimpleNamespace) -> None:
    number = await world.submitted()
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": "a\x00"}, {"reason": "x" * 501}):
        assert (await phones.window("POST", f"/api/staff/v1/cases/{number}/not-accept", body))[0] == 400, body


async def test_push_with_the_right_token_is_acknowledged(phones: SimpleNamespace) -> None:
    assert (await phones.nobody("POST", "/callbacks/sf/push-secret", PUSH))[1] == {"return_code": "0000"}
    for token in ("wrong", "push-secre", "%E5%AF%86"):
        assert (await phones.nobody("POST", f"/callbacks/sf/{token}", PUSH))[0] == 404


async def test_licence_is_shown_presented_and_verified(world: Any, phones: SimpleNamespace) -> None:
    await world.approved()
    await world.react()
    listed = (await phones.citizen("GET", "/api/v1/licences"))[1]["data"]
    one = f"/api/v1/licences/{listed[0]['licence_no']}"
    assert (await phones.citizen("GET", one))[1]["type_name"] == "居民身份证"
    status, document, headers = await phones.citizen("GET", f"{one}/document")
    assert (status, headers["Content-Type"], document[:5]) == (200, "application/pdf", b"%PDF-")
    status, shown, _ = await phones.citizen("POST", f"{one}/presentations")
    assert (status, shown["expires_in"]) == (201, 120)
    assert (await phones.other("GET", one))[0] == 404
    status, verified, _ = await phones.nobody("POST", "/api/v1/presentations/verify", {"code": shown["code"]})
    assert (status, verified["holder_shown"]) == (200, "*伟")
    change = {"change": "revoke", "reason": "依法撤销"}
    path = f"/api/staff/v1/licences/{listed[0]['licence_no']}/status"
    assert (await phones.window("POST", path, change))[0] == 403
    assert (await phones.reviewer("POST", path, change))[1]["status"] == "REVOKED"
    status, history, _ = await phones.window("GET", f"/api/staff/v1/licences/{listed[0]['licence_no']}")
    assert (status, history["status"]) == (200, "REVOKED")
    assert [(step["change"], step["by"]) for step in history["changes"]] == [("issue", "系统"), ("revoke", "reviewer")]
    assert (await phones.window("GET", "/api/staff/v1/licences/ZZ0"))[0] == 404
    assert "shows" not in history
    assert (await phones.citizen("POST", f"{one}/presentations"))[1]["code"] == "licence_not_valid"


async def test_stale_command_is_answered_with_the_current_state(world: Any, phones: SimpleNamespace) -> None:
    number = await world.accepted()
    path = f"/api/staff/v1/cases/{number}/deny"
    status, problem, _ = await phones.reviewer("POST", path, {"reason": "不符合条件", "version": 2})
    assert (status, problem["code"]) == (409, "stale_version")
    assert problem["current"] == {"version": 3, "status": "ACCEPTED", "status_text": "已受理"}


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("correction", {}, "points"),
        ("correction", {"points": [{"text": " "}]}, "points[0].text"),
        ("correction", {"points": [{"target": "fees.F1", "text": "错"}]}, "points[0].target"),
        ("correction", {"points": [{"target": "form.phone", "text": "错"}] * 31}, "points"),
        ("correction", {"points": [{"target": "form.phone", "text": "错", "more": 1}]}, "points[0].more"),
        ("not-accept", {"reason": ""}, "reason"),
        ("not-accept", {"reason": "不属于职权", "right_body": "长" * 101}, "right_body"),
        ("extend", {"days": 0, "reason": "复杂"}, "days"),
        ("extend", {"days": "5", "reason": "复杂"}, "days"),
        ("suspend", {"procedure": "专家评审", "expected_days": 366}, "expected_days"),
        ("reviews", {"step": "审查", "action": "MAYBE", "opinion": "可以"}, "action"),
        (
            "reviews",
            {"step": "审查", "action": "PASS", "opinion": "可以", "begun_at": "2026-01-01T00:00:00"},
            "begun_at",
        ),
        ("return", {"reason": "请修改", "version": 0}, "version"),
    ],
)
async def test_faulty_act_names_its_field(
    world: Any, phones: SimpleNamespace, act: str, body: dict[str, Any], field: str
) -> None:
    number = await world.submitted()
    status, problem, _ = await phones.reviewer("POST", f"/api/staff/v1/cases/{number}/{act}", body)
    assert (status, problem["code"]) == (400, "invalid_request")
    assert [fault["field"] if "field" in fault else fault["path"] for fault in problem["errors"]] == [field]
    assert await world.status(number) == "SUBMITTED"


async def test_correction_points_reach_the_citizen_and_documents_can_be_fetched(
    world: Any, phones: SimpleNamespace
) -> None:
    number = await world.submitted()
    point = {"target": "materials.M02", "text": "照片背景应为白色"}
    path = f"/api/staff/v1/cases/{number}/correction"
    assert (await phones.window("POST", path, {"points": [point], "version": 2}))[0] == 200
    _, view, _ = await phones.citizen("GET", f"/api/v1/applications/{number}")
    assert [(each["target"], each["text"]) for each in view["correction_points"]] == [tuple(point.values())]
    status, listed, _ = await phones.citizen("GET", f"/api/v1/applications/{number}/documents")
    assert (status, [each["title"] for each in listed["data"]]) == (200, ["补正告知书"])
    document_no = listed["data"][0]["document_no"]
    own = f"/api/v1/applications/{number}/documents/{quote(document_no)}/file"
    status, problem, _ = await phones.citizen("GET", own)
    assert (status, problem["code"]) == (409, "document_not_ready")
    await world.applications.documents.draw({"document_no": document_no})
    status, content, headers = await phones.citizen("GET", own)
    assert (status, headers["Content-Type"], content[:4]) == (200, "application/pdf", b"%PDF")
    assert "no-store" in headers["Cache-Control"] or "private" in headers["Cache-Control"]
    of_staff = f"/api/staff/v1/cases/{number}/documents"
    assert (await phones.window("GET", of_staff))[1]["data"][0]["document_no"] == document_no
    assert (await phones.window("GET", f"{of_staff}/{quote(document_no)}/file"))[1] == content
    assert (await phones.other("GET", own))[0] == 404


@pytest.mark.parametrize("name", ["%00", "%FF%FE", "x" * 500, "..%2F..", "晋", "%25", "'--"])
async def test_strange_document_number_is_not_found(world: Any, phones: SimpleNamespace, name: str) -> None:
    number = await world.accepted()
    status, _, _ = await phones.citizen("GET", URL_OF.format(number, name))
    assert status in (400, 404)


async def test_cards_are_listed_by_colour(world: Any, phones: SimpleNamespace) -> None:
    await world.submitted()
    await db.execute("UPDATE application SET received_at = now() - interval '40 days'")
    await world.applications.cards.issue_due()
    status, listed, _ = await phones.window("GET", "/api/staff/v1/cards?colour=RED&limit=1")
    assert (status, [(card["stage"], card["colour_text"]) for card in listed["data"]]) == (200, [("RECEIPT", "红牌")])
    assert (await phones.window("GET", "/api/staff/v1/cards?colour=BLUE"))[0] == 400
    assert (await phones.citizen("GET", "/api/staff/v1/cards"))[0] == 401


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tab=SUBMITTED&paid=unpaid&held=unclaimed&platform=WECHAT", 1),
        ("tab=ANY&submitted_from=2020-01-01", 1),
        ("submitted_until=2020-01-01", 0),
        ("urgency=red", 0),
        ("division_code=140213", 0),
    ],
)
async def test_list_of_cases_is_narrowed_by_filters(
    world: Any, phones: SimpleNamespace, query: str, found: int
) -> None:
    await world.submitted()
    status, page, _ = await phones.window("GET", f"/api/staff/v1/cases?{query}")
    assert (status, len(page["data"])) == (200, found)


@pytest.mark.parametrize("query", ["submitted_from=9999-12-31", "submitted_until=2026-02-30", "urgency=soon", "paid=1"])
async def test_odd_filters_of_cases_are_refused(phones: SimpleNamespace, query: str) -> None:
    assert (await phones.window("GET", f"/api/staff/v1/cases?{query}"))[0] == 400
