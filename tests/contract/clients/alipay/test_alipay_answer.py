"""Every response vector, each refusal for its stated reason; no damaged answer ever becomes a success."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import ProviderProtocolError
from clients.alipay.answer import GatewayAnswer, read_answer
from clients.alipay.config import AlipayApp

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "alipay.json").read_text())
CASES = {case["id"]: case for case in VECTORS["response_verify"]}
REASONS = {
    "unknown alipay_cert_sn": "unknown_certificate",
    "no sign": "unsigned",
    "bad signature": "bad_signature",
    "no response node": "no_response_node",
}


def raw_of(case: dict[str, Any]) -> bytes:
    return base64.b64decode(case["raw_base64"]) if "raw_base64" in case else case["raw"].encode()


def app_for(case: dict[str, Any], app: AlipayApp, certificate_app: AlipayApp) -> AlipayApp:
    return certificate_app if case["id"].startswith("cert_mode") else app


def with_outcome(*, readable: bool) -> list[Any]:
    return [
        pytest.param(case, id=case["id"])
        for case in CASES.values()
        if "verified" in case["expect"] and readable == (case["expect"]["verified"] or "code" in case["expect"])
    ]


@pytest.mark.parametrize("case", with_outcome(readable=True))
def test_readable_answer_matches_vector(case: dict[str, Any], app: AlipayApp, certificate_app: AlipayApp) -> None:
    expect = case["expect"]
    answer = read_answer(raw_of(case), case["method"], app_for(case, app, certificate_app))
    assert (answer.verified, answer.success) == (expect["verified"], expect["success"])
    if "code" in expect:
        assert (answer.code, answer.sub_code) == (expect["code"], expect["sub_code"])
    content = expect.get("plaintext", case["signed_content"])
    if content:
        assert answer.fields == json.loads(content)


@pytest.mark.parametrize("case", with_outcome(readable=False))
def test_doubtful_answer_is_refused_for_its_reason(
    case: dict[str, Any], app: AlipayApp, certificate_app: AlipayApp
) -> None:
    with pytest.raises(ProviderProtocolError) as refused:
        read_answer(raw_of(case), case["method"], app_for(case, app, certificate_app))
    assert refused.value.details["reason"] == REASONS[case["expect"]["reason"]]


def test_repeated_node_with_forged_copy_is_refused(app: AlipayApp) -> None:
    case = CASES["duplicate_node_forged_last"]
    with pytest.raises(ProviderProtocolError) as refused:
        read_answer(raw_of(case), case["method"], app)
    assert refused.value.details["reason"] == "repeated_member"


def test_every_vector_is_covered() -> None:
    covered = {param.id for param in with_outcome(readable=True) + with_outcome(readable=False)}
    assert covered | {"duplicate_node_forged_last"} == set(CASES)
    assert len(CASES) == 22


def test_gbk_error_text_is_read_as_chinese(app: AlipayApp) -> None:
    case = CASES["gbk_error_unsigned"]
    assert read_answer(raw_of(case), case["method"], app).fields["sub_msg"] == "系统繁忙"


def test_unsigned_business_failure_is_refused(app: AlipayApp) -> None:
    signed = json.loads(CASES["business_failure_signed"]["raw"])
    del signed["sign"]
    with pytest.raises(ProviderProtocolError) as refused:
        read_answer(json.dumps(signed).encode(), "alipay.trade.query", app)
    assert refused.value.details["reason"] == "unsigned"


def test_genuine_success_moved_under_error_response_is_refused(app: AlipayApp) -> None:
    raw = CASES["plain_success"]["raw"].replace("alipay_trade_query_response", "error_response").encode()
    with pytest.raises(ProviderProtocolError) as refused:
        read_answer(raw, "alipay.trade.query", app)
    assert refused.value.details["reason"] == "success_as_error_response"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>502</html>",
        b"[]",
        b"null",
        b"{",
        b'{"a":1',
        b'{"a":1}x',
        b'{"a" 1}',
        b"{1:2}",
        b"{}",
        b"\xff\xfe\x00",
        b'{"alipay_trade_query_response":' + b"[" * 100_000,
        b'{"alipay_trade_query_response":"text"}',
        b'{"alipay_trade_query_response":7,"sign":"AAAA"}',
        b'{"alipay_trade_query_response":{"code":"10000"},"sign":{"a":1}}',
        b'{"alipay_trade_query_response":{"code":"10000"},"sign":null}',
        b'{"alipay_trade_query_response":{"code":10000}}',
        b'{"alipay_trade_query_response":{}}',
    ],
)
def test_unreadable_answer_is_a_protocol_error(raw: bytes, app: AlipayApp) -> None:
    with pytest.raises(ProviderProtocolError):
        read_answer(raw, "alipay.trade.query", app)


def test_encrypted_answer_without_our_key_is_refused(app: AlipayApp) -> None:
    case = CASES["aes_encrypted"]
    keyless = AlipayApp(app.app_id, app.seller_id, app.private_key, app.alipay_public_keys)
    other = AlipayApp(app.app_id, app.seller_id, app.private_key, app.alipay_public_keys, aes_key=bytes(16))
    for unable, reason in ((keyless, "encrypted_without_key"), (other, "undecryptable")):
        with pytest.raises(ProviderProtocolError) as refused:
            read_answer(raw_of(case), case["method"], unable)
        assert refused.value.details["reason"] == reason


def outcome(raw: bytes, method: str, app: AlipayApp) -> GatewayAnswer | None:
    try:
        return read_answer(raw, method, app)
    except ProviderProtocolError:
        return None


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(["plain_success", "escapes_unicode_braces", "aes_encrypted", "cert_mode"]))
def test_one_flipped_bit_never_yields_another_success(
    data: st.DataObject, name: str, app: AlipayApp, certificate_app: AlipayApp
) -> None:
    case = CASES[name]
    trusted = app_for(case, app, certificate_app)
    raw = bytearray(raw_of(case))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    answer = outcome(bytes(raw), case["method"], trusted)
    genuine = read_answer(raw_of(case), case["method"], trusted)
    assert answer is None or not answer.success or answer.fields == genuine.fields


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(raw=st.binary(max_size=300))
def test_arbitrary_bytes_never_escape_as_another_exception(raw: bytes, app: AlipayApp) -> None:
    answer = outcome(raw, "alipay.trade.query", app)
    assert answer is None or not answer.success
