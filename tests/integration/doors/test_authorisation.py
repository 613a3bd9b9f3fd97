"""Walks every route of the house: who may come in is named, and nobody else gets further than the door."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import uuid
from collections.abc import Iterable

import jwt
import pytest

from app import clock, db
from handlers.doors import Auth, Route
from handlers.routes import all_routes
from tests.integration.doors.conftest import WholeHouse
from tests.knocking import Heard, Knocker, check_problem

pytestmark = pytest.mark.anyio

PUBLIC = {
    "POST /api/v1/auth/wechat",
    "POST /api/v1/auth/alipay",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/presentations/verify",
    "POST /api/v1/licence-verifications",
    "POST /api/v1/licence-verifications/<verification_id:str>/result",
    "POST /api/v1/licence-documents/verify",
    "GET /api/v1/divisions",
    "GET /api/v1/topics",
    "GET /api/v1/items",
    "GET /api/v1/items/<item_code:str>",
    "GET /api/v1/items/<item_code:str>/materials/<material_code:str>/blank.pdf",
    "GET /api/v1/items/<item_code:str>/materials/<material_code:str>/sample.pdf",
    "GET /api/v1/items/suggestions",
    "GET /api/v1/items/<item_code:str>/reach",
    "GET /api/v1/search",
    "GET /api/v1/life-events",
    "GET /api/v1/departments",
    "GET /api/v1/service-points",
    "GET /api/v1/service-points/<code:str>",
    "GET /api/v1/ratings/tags",
    "GET /api/v1/ratings/figures",
    "GET /files/<token:str>",
    "GET /api/v1/packages",
    "GET /api/v1/packages/<package_code:str>",
    "POST /api/staff/v1/sign-in",
    "GET /staff/sign-in",
    "POST /staff/sign-in",
    "GET /static/<name:str>",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /docs",
}
"""What anybody may call; a new public route has to be written down here."""
DEMO_ONLY = {"GET /", "GET /demo/received", "GET /demo/accounts"}
_PARAMETER = re.compile(r"<(\w+)(?::\w+)?>")


def _address(route: Route, value: str = "X1") -> str:
    return _PARAMETER.sub(value, route.path)


def _routes(house: WholeHouse, *auths: Auth) -> list[Route]:
    return [route for route in all_routes(house.settings) if route.auth in auths]


async def _knock(house: WholeHouse, route: Route, headers: dict[str, str]) -> Heard:
    body = None
    if route.method != "GET":
        body = json.dumps(route.example).encode() if route.example is not None else b""
    knocker = Knocker(house.base)
    return await asyncio.to_thread(
        knocker.knock, route.method, _address(route), body, content_type=route.consumes, headers=headers
    )


async def test_what_is_public_is_written_down(whole_house: WholeHouse) -> None:
    listed = {f"{route.method} {route.path}" for route in _routes(whole_house, Auth.PUBLIC)}
    assert listed == PUBLIC | DEMO_ONLY


async def test_callbacks_are_the_only_doors_of_providers(whole_house: WholeHouse) -> None:
    assert {route.path.split("/")[1] for route in _routes(whole_house, Auth.PROVIDER)} == {"callbacks"}


async def test_nobody_comes_in_without_a_token(whole_house: WholeHouse) -> None:
    for route in _routes(whole_house, Auth.CITIZEN, Auth.STAFF):
        heard = await _knock(whole_house, route, {})
        if route.page:
            assert (heard.status, heard.headers["location"].split("?")[0]) == (303, "/staff/sign-in"), route.path
        else:
            assert check_problem(heard, 401)["code"] == "unauthenticated", route.path
            assert heard.headers["www-authenticate"] == "Bearer"


async def test_systems_doors_ask_for_a_signature_whatever_token_comes(whole_house: WholeHouse) -> None:
    routes = _routes(whole_house, Auth.SYSTEM)
    assert {route.path.split("/")[1] for route in routes} == {"integration"}
    for route in routes:
        for headers in ({}, {"Authorization": f"Bearer {whole_house.staff_token}"}):
            heard = await _knock(whole_house, route, headers)
            assert check_problem(heard, 401)["code"] == "signature_missing", route.path


async def test_a_citizens_token_opens_no_staff_door_and_the_other_way_round(whole_house: WholeHouse) -> None:
    wrong = {Auth.STAFF: whole_house.citizen_token(), Auth.CITIZEN: whole_house.staff_token}
    for route in _routes(whole_house, Auth.CITIZEN, Auth.STAFF):
        heard = await _knock(whole_house, route, {"Authorization": f"Bearer {wrong[route.auth]}"})
        assert heard.status == (303 if route.page else 401), (route.path, heard.status)


async def test_the_right_tokens_do_come_in(whole_house: WholeHouse) -> None:
    """Else the other tests of this file would prove nothing."""
    right = {Auth.STAFF: whole_house.staff_token, Auth.CITIZEN: whole_house.citizen_token()}
    leaving = ("/sign-out", "/logout", "/staff/stream")
    for route in _routes(whole_house, Auth.CITIZEN, Auth.STAFF):
        if not route.path.endswith(leaving):
            heard = await _knock(whole_house, route, {"Authorization": f"Bearer {right[route.auth]}"})
            assert heard.status != 401, (route.path, heard.body[:200])


def _forged(house: WholeHouse) -> Iterable[str]:
    genuine = house.citizen_token()
    claims = jwt.decode(genuine, options={"verify_signature": False})
    head, body, signature = genuine.split(".")
    other_key, own_key = b"k" * 32, "demo"
    yield "Bearer"
    yield "Bearer "
    yield f"Bearer  {genuine}"
    yield f"bearer {genuine}"
    yield f"Token {genuine}"
    yield "Basic " + base64.b64encode(b"admin:admin").decode()
    yield "Bearer garbage"
    yield "Bearer a.b.c"
    yield "Bearer " + "A" * 6000
    yield f"Bearer {head}.{body}."
    yield f"Bearer {head}.{body}.{signature[:-4]}AAAA"
    yield f"Bearer {genuine}{genuine}"
    yield "Bearer " + jwt.encode(claims, "", algorithm="none")
    yield "Bearer " + jwt.encode(claims, other_key, algorithm="HS256", headers={"kid": own_key})
    yield "Bearer " + jwt.encode(claims, other_key, algorithm="HS256", headers={"kid": "unknown"})
    yield "Bearer " + jwt.encode(claims, other_key, algorithm="HS256")


async def test_forged_tokens_open_nothing(whole_house: WholeHouse) -> None:
    chosen = [route for route in _routes(whole_house, Auth.CITIZEN, Auth.STAFF) if route.path.endswith("/me")]
    assert len(chosen) == 2
    for route in chosen:
        for header in _forged(whole_house):
            heard = await _knock(whole_house, route, {"Authorization": header})
            check_problem(heard, 401)


async def test_own_key_with_other_claims_opens_nothing(whole_house: WholeHouse) -> None:
    key_id, key = next(iter(whole_house.container.tokens._keys.items()))
    good = jwt.decode(whole_house.citizen_token(), options={"verify_signature": False})
    me = next(route for route in _routes(whole_house, Auth.CITIZEN) if route.path == "/api/v1/me")
    for change in (
        {"exp": clock.timestamp() - 1},
        {"exp": "tomorrow"},
        {"sub": None},
        {"sub": "not-a-uuid"},
        {"sub": 5},
        {"sid": []},
        {"idn": {}},
        {"prv": 1},
    ):
        token = jwt.encode({**good, **change}, key, algorithm="HS256", headers={"kid": key_id})
        check_problem(await _knock(whole_house, me, {"Authorization": f"Bearer {token}"}), 401)
    for missing in ("exp", "sub", "sid", "idn", "prv"):
        claims = {name: value for name, value in good.items() if name != missing}
        token = jwt.encode(claims, key, algorithm="HS256", headers={"kid": key_id})
        check_problem(await _knock(whole_house, me, {"Authorization": f"Bearer {token}"}), 401)


async def _row_counts() -> dict[str, int]:
    """Count the rows of every table but that of the house's own calls to providers."""
    tables = await db.fetch_all(
        "SELECT relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    )
    counts = {}
    for table in tables:
        row = await db.fetch_row(f'SELECT count(*) AS n FROM "{table["name"]}"')
        assert row is not None
        counts[table["name"]] = int(row["n"])
    del counts["provider_minute"]
    return counts


def _places(house: WholeHouse, route: Route) -> list[str]:
    """The genuine address of a callback, and one of nobody."""
    settings = house.settings
    known = {
        "mch_id": settings.wechat_pay_mch_id,
        "app_id": settings.wechat_app_id if "/wechat/" in route.path else settings.alipay_app_id,
        "provider": "aliyun",
        "token": getattr(settings, f"{route.path.split('/')[2]}_push_token", ""),
    }
    genuine = _PARAMETER.sub(lambda found: known[found[1]], route.path)
    return [genuine, _address(route, uuid.uuid4().hex)]


_UNSIGNED = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"{",
    b"\xff\xfe\x00",
    b"<xml></xml>",
    b"<xml><Encrypt>AAAA</Encrypt></xml>",
    b"a=b&sign=c&sign_type=RSA2",
    b"sign=%ff&notify_id=1&out_trade_no=P1&total_amount=1.00&trade_status=TRADE_SUCCESS&sign_type=RSA2",
    b'{"id":"1","event_type":"TRANSACTION.SUCCESS","resource":{"ciphertext":"AAAA","nonce":"n","associated_data":""}}',
    b'{"Body":{"WaybillRoute":[{"mailno":"SF1","orderid":"D1","opCode":"80","acceptTime":"2026-01-01 00:00:00"}]}}',
    b'{"a":"\\u0000"}',
    b"[" * 50_000,
)

_OWN_WORDS = ("sf", "ems", "kuaidi100", "kdniao", "sms")
"""Providers who are refused in the words of a body, with status 200."""


async def test_providers_doors_refuse_what_is_not_signed_and_change_nothing(whole_house: WholeHouse) -> None:
    before = await _row_counts()
    signed = {
        "Wechatpay-Timestamp": str(clock.timestamp()),
        "Wechatpay-Nonce": "n",
        "Wechatpay-Serial": "PUB_KEY_ID_0",
        "Wechatpay-Signature": "AAAA",
    }
    for route in _routes(whole_house, Auth.PROVIDER):
        for place in _places(whole_house, route):
            for body in _UNSIGNED:
                for headers in ({}, signed):
                    knock = Knocker(whole_house.base).knock
                    given = body if route.method == "POST" else None
                    heard = await asyncio.to_thread(knock, route.method, place, given, headers=headers)
                    guarded_by_address = route.path.split("/")[2] in _OWN_WORDS and place != _address(route)
                    assert heard.status < 500, (route.path, body, heard.body[:200])
                    assert guarded_by_address or heard.status >= 400, (route.path, body, heard.body[:200])
    # SF signs nothing: a push about a parcel that is not ours leaves its trace, and nothing else.
    trails = await db.fetch_all("SELECT DISTINCT action FROM audit_entry WHERE object_kind = 'courier'")
    assert [row["action"] for row in trails] == ["shipment.push_unknown"]
    assert await _row_counts() | {"audit_entry": 0} == before | {"audit_entry": 0}
