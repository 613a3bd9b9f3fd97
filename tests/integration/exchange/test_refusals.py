"""Who may not come in, and messages that must not count: forged, stale, replayed, repeated, reused, too late."""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from app import clock, db, signatures
from app.errors import Conflict, InvalidRequest
from app.signatures import ED25519, HMAC_SHA256, SigningKey
from services.exchange import sweeps
from services.exchange.keeper import made_key
from services.exchange.types import NewKey, NewSystem
from tests.integration.exchange.conftest import INSURANCE, POLICE, Exchange
from tests.knocking import Heard, check_problem

pytestmark = pytest.mark.anyio
LIST = "/integration/v1/cases?limit=5"


def _problem(heard: dict[str, Any]) -> tuple[int, str]:
    return heard["status"], heard["body"]["code"]


async def _keys(exchange: Exchange, code: str) -> SigningKey:
    row = await db.fetch_row(
        "SELECT k.* FROM system_key k JOIN department_system s ON s.id = k.system_id"
        " WHERE s.code = $1 AND NOT k.signs_events AND k.retired_at IS NULL",
        code,
    )
    assert row is not None
    secret = bytes.fromhex(exchange.container.cipher.decrypt("system_key.secret", row["secret_cipher"]))
    return SigningKey(row["key_id"], row["algorithm"], secret)


async def _send(exchange: Exchange, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Heard:
    address = URL(exchange.base + target, encoded=True)
    async with exchange.session.request(method, address, data=body or None, headers=headers) as answer:
        named = {name.lower(): value for name, value in answer.headers.items()}
        return Heard(answer.status, named, await answer.read())


def _signed(key: SigningKey, method: str, target: str, body: bytes = b"") -> dict[str, str]:
    signed = signatures.headers(key, method, target, body, timestamp=clock.timestamp(), nonce=secrets.token_hex(16))
    return signed | {"Content-Type": "application/json"}


@pytest.mark.parametrize("code", [POLICE, INSURANCE])
async def test_only_a_fresh_genuine_signature_comes_in(exchange: Exchange, code: str) -> None:
    system, nonce = exchange.department(code), secrets.token_hex(16)
    assert (await system.call("GET", LIST, nonce=nonce))["status"] == 200
    assert _problem(await system.call("GET", LIST, nonce=nonce)) == (401, "nonce_replayed")
    for age in (301 + 5, -301 - 5):
        assert _problem(await system.call("GET", LIST, age_seconds=age)) == (401, "timestamp_stale")
    assert (await system.call("GET", LIST, age_seconds=280))["status"] == 200
    assert _problem(await system.call("GET", LIST, headers={"X-Exchange-Key": "nobody"})) == (401, "key_unknown")
    other = {"X-Exchange-Nonce": secrets.token_hex(16)}
    assert _problem(await system.call("GET", LIST, headers=other)) == (401, "signature_invalid")
    elsewhere = "/integration/v1/cases?limit=6"
    assert _problem(await system.call("GET", LIST, target=elsewhere)) == (401, "signature_invalid")
    assert _problem(await system.call("GET", LIST, headers={"X-Exchange-Nonce": "x"})) == (401, "signature_missing")


async def test_unsigned_requests_hear_it_before_anything_is_read(exchange: Exchange) -> None:
    for method, target in (
        ("GET", LIST),
        ("GET", "/integration/v1/cases/1"),
        ("GET", "/integration/v1/cases/1/messages/result"),
        ("GET", "/integration/v1/cases/1/materials/1"),
        ("POST", "/integration/v1/messages"),
    ):
        heard = await _send(
            exchange, method, target, {"Content-Type": "application/json"}, b"{" if method == "POST" else b""
        )
        assert check_problem(heard, 401)["code"] == "signature_missing"


async def test_a_key_for_our_events_opens_nothing(exchange: Exchange) -> None:
    """Whoever sees an event must not be able to send it back as a request."""
    row = await db.fetch_row("SELECT * FROM system_key WHERE key_id = $1", f"{POLICE}-demo-events")
    assert row is not None
    secret = bytes.fromhex(exchange.container.cipher.decrypt("system_key.secret", row["secret_cipher"]))
    heard = await _send(
        exchange, "GET", LIST, _signed(SigningKey(row["key_id"], row["algorithm"], secret), "GET", LIST)
    )
    assert check_problem(heard, 401)["code"] == "key_unknown"


async def test_a_flipped_bit_changes_nothing(exchange: Exchange) -> None:
    number = await exchange.submitted()
    key, before = await _keys(exchange, POLICE), await exchange.row(number)
    message = {
        "message_no": "F1",
        "kind": "acceptance",
        "application_no": number,
        "version": 2,
        "content": {"action": "accept", "officer": "郭强"},
    }
    body = json.dumps(message, ensure_ascii=False).encode()
    good = _signed(key, "POST", "/integration/v1/messages", body)

    async def knock(headers: dict[str, str], changed: bytes) -> None:
        heard = await _send(exchange, "POST", "/integration/v1/messages", headers, changed)
        assert check_problem(heard, 401)["code"] in (
            "signature_invalid", "signature_missing", "timestamp_stale", "key_unknown",
        )  # fmt: skip

    chosen: list[tuple[str, int, int]] = []

    @settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(["body", *(name for name in good if name.startswith("x-"))]),
        st.integers(0, 400),
        st.integers(0, 6),
    )
    def choose(part: str, place: int, bit: int) -> None:
        chosen.append((part, place, bit))

    choose()
    for part, place, bit in chosen:
        raw = bytearray(body if part == "body" else good[part].encode())
        raw[place % len(raw)] ^= 1 << bit
        if part == "body":
            await knock(good, bytes(raw))
        elif raw.decode("latin-1").isprintable() and raw.decode("latin-1").strip() == raw.decode("latin-1"):
            await knock(good | {part: raw.decode("latin-1")}, body)
    assert await exchange.row(number) == before
    assert (await _send(exchange, "POST", "/integration/v1/messages", good, body)).status == 200


async def test_keys_change_while_both_work(exchange: Exchange) -> None:
    keeper, code = exchange.container.exchange.keeper, "rotating"
    first = made_key("rotating-1", HMAC_SHA256, signs_events=False)
    await keeper.add(NewSystem(code, "换钥系统", ("11140105MB0001177F",)), [first], "test")
    second, private = made_key("rotating-2", HMAC_SHA256, signs_events=False), secrets.token_bytes(32)
    third = NewKey("rotating-3", ED25519, signs_events=False, public_key=signatures.public_pem(private))
    await keeper.add_keys(code, [second, third], "test")
    signing = [
        SigningKey(first.key_id, HMAC_SHA256, first.secret),
        SigningKey(second.key_id, HMAC_SHA256, second.secret),
        SigningKey(third.key_id, ED25519, private),
    ]
    for key in signing:
        assert (await _send(exchange, "GET", LIST, _signed(key, "GET", LIST))).status == 200
    await keeper.retire_key("rotating-1", "test")
    heard = await _send(exchange, "GET", LIST, _signed(signing[0], "GET", LIST))
    assert check_problem(heard, 401)["code"] == "key_unknown"
    assert (await _send(exchange, "GET", LIST, _signed(signing[1], "GET", LIST))).status == 200


async def test_old_nonces_are_forgotten_and_young_ones_kept(exchange: Exchange) -> None:
    now = clock.now()
    await db.execute("INSERT INTO system_nonce (key, used_at) VALUES ('old:1', $1)", now - timedelta(hours=1))
    await db.execute("INSERT INTO system_nonce (key, used_at) VALUES ('young:1', $1)", now - timedelta(minutes=9))
    await sweeps.forget()
    left = {row["key"] for row in await db.fetch_all("SELECT key FROM system_nonce WHERE key IN ('old:1', 'young:1')")}
    assert left == {"young:1"}


async def test_the_same_message_again_gets_the_same_answer(exchange: Exchange) -> None:
    number, police = await exchange.submitted(), exchange.department(POLICE)
    first = await police.push(number, "acceptance", 2, "accept", message_no="A1")
    assert await police.push(number, "acceptance", 2, "accept", message_no="A1") == first
    other = await police.push(number, "acceptance", 3, "accept", message_no="A1")
    assert _problem(other) == (409, "message_no_reused")
    row = await exchange.row(number)
    assert (row["status"], row["version"]) == ("ACCEPTED", 3)


async def test_a_refused_message_leaves_the_case_and_its_number_alone(exchange: Exchange) -> None:
    number, police = await exchange.submitted(), exchange.department(POLICE)
    before = await exchange.row(number)
    stale = await police.push(number, "acceptance", 1, "accept", message_no="B1")
    assert _problem(stale) == (409, "stale_version")
    assert stale["body"]["current"] == {"version": 2, "status": "SUBMITTED", "status_text": "已提交"}
    early = await police.push(number, "result", 2, "deny", reason="不符合", message_no="B1")
    assert _problem(early) == (409, "invalid_transition")
    mixed = await police.push(number, "result", 2, "accept", message_no="B1")
    assert (mixed["status"], mixed["body"]["errors"][0]["path"]) == (400, "content.action")
    review = await police.push(number, "process", 2, "review", step="审查", result="pass", message_no="B1")
    assert _problem(review) == (409, "invalid_transition")
    assert await exchange.row(number) == before
    assert (await police.push(number, "acceptance", 2, "accept", message_no="B1"))["status"] == 200


async def test_a_granting_message_waits_for_the_fee(exchange: Exchange) -> None:
    number, police = await exchange.submitted(), exchange.department(POLICE)
    await police.push(number, "acceptance", 2, "accept")
    before = await exchange.row(number)
    assert before["fee_fen"] > 0
    assert _problem(await police.push(number, "result", 3, "approve", message_no="C1")) == (409, "fee_unpaid")
    assert await exchange.row(number) == before


async def test_the_same_message_many_times_at_once_counts_once(exchange: Exchange) -> None:
    number, police = await exchange.submitted(), exchange.department(POLICE)
    answers = await asyncio.gather(
        *(police.push(number, "acceptance", 2, "accept", message_no="D1") for _ in range(12))
    )
    assert {answer["status"] for answer in answers} == {200}
    assert len({json.dumps(answer["body"]) for answer in answers}) == 1
    row = await exchange.row(number)
    steps = await db.fetch_all(
        "SELECT 1 FROM timeline_entry WHERE application_id = $1 AND event = 'application.accepted'", row["id"]
    )
    assert (row["version"], len(steps)) == (3, 1)


async def test_different_messages_at_once_one_wins(exchange: Exchange) -> None:
    number, police = await exchange.submitted(), exchange.department(POLICE)
    answers = await asyncio.gather(
        *(police.push(number, "acceptance", 2, act, reason="材料不全") if act != "accept"
          else police.push(number, "acceptance", 2, act) for act in ("accept", "not_accept", "request_correction"))
    )  # fmt: skip
    assert sorted(answer["status"] for answer in answers) == [200, 409, 409]
    assert (await exchange.row(number))["version"] == 3


@pytest.mark.parametrize(
    "content",
    [
        {"action": "explode", "officer": "郭强"},
        {"action": "accept"},
        {"action": "accept", "officer": ""},
        {"action": "accept", "officer": "a/b"},
        {"action": "accept", "officer": "郭强", "more": 1},
        {"action": "not_accept", "officer": "郭强", "reason": " "},
        {"action": "not_accept", "officer": "郭强", "reason": "字" * 501},
        {"action": "not_accept", "officer": "郭强", "reason": "a\x00b"},
        {"action": "accept", "officer": "\ud800"},
        [],
        None,
    ],
)
async def test_malformed_messages_are_refused_with_the_place(exchange: Exchange, content: Any) -> None:
    key = await _keys(exchange, POLICE)
    message = {"message_no": "E1", "kind": "acceptance", "application_no": "1", "version": 1, "content": content}
    body = json.dumps(message).encode()
    heard = await _send(
        exchange, "POST", "/integration/v1/messages", _signed(key, "POST", "/integration/v1/messages", body), body
    )
    check_problem(heard, 400)


async def test_nobody_needs_redis_for_it(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = exchange.container.redis.connection_pool
    monkeypatch.setattr(pool, "get_connection", _gone)
    number, police = await exchange.submitted(), exchange.department(POLICE)
    nonce = secrets.token_hex(16)
    assert (await police.call("GET", LIST, nonce=nonce))["status"] == 200
    assert _problem(await police.call("GET", LIST, nonce=nonce)) == (401, "nonce_replayed")
    assert (await police.push(number, "acceptance", 2, "accept"))["status"] == 200


async def _gone(*_: Any, **__: Any) -> Any:
    raise ConnectionError("no Redis")


async def test_a_system_needs_departments_and_a_place_that_is_meant(exchange: Exchange) -> None:
    keeper = exchange.container.exchange.keeper
    with pytest.raises(InvalidRequest):
        await keeper.add(NewSystem("empty", "无部门", ()), [], "test")
    with pytest.raises(InvalidRequest):
        await keeper.add(NewSystem("far", "地址不对", ("11140105MB0001177F",), (), "ftp://a/b"), [], "test")
    with pytest.raises(Conflict):
        await keeper.add(NewSystem(POLICE, "重名", ("11140105MB0001177F",)), [], "test")
    weak = NewKey("weak", HMAC_SHA256, signs_events=False, secret=b"short")
    with pytest.raises(InvalidRequest):
        await keeper.add(NewSystem("weak", "弱密钥", ("11140105MB0001177F",)), [weak], "test")
