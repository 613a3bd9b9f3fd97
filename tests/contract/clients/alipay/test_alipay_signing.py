"""Signatures equal those of the official SDK to the last bit, and one flipped bit is refused."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.alipay import keys, signing
from clients.alipay.config import AlipayApp
from clients.alipay.content_crypto import decrypt

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "alipay.json").read_text())
PRIVATE = keys.load_private_key(VECTORS["keys"]["app_private_pkcs1"])
PUBLIC = keys.load_public_key(VECTORS["keys"]["app_public"])
pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("case", VECTORS["request_sign"], ids=lambda case: case["id"])
def test_request_signature_matches_vector(case: dict[str, Any]) -> None:
    text = signing.request_text(case["params"])
    assert text == case["string_to_sign"]
    assert signing.sign(text, PRIVATE) == case["sign"]


@pytest.mark.parametrize("case", VECTORS["request_sign"], ids=lambda case: case["id"])
async def test_gateway_builds_the_request_of_the_vector(
    case: dict[str, Any], app: AlipayApp, certificate_app: AlipayApp, wire: Any
) -> None:
    given = case["params"]
    built_for = certificate_app if "app_cert_sn" in given else app
    wired = await wire(replace(built_for, root_cert_sn=given.get("alipay_root_cert_sn", built_for.root_cert_sn)))
    success = {"code": "10000", "access_token": "token"}
    encrypted = "encrypt_type" in given
    wired.fake.script = lambda call: success
    content = decrypt(given["biz_content"], app.aes_key or b"") if encrypted else given.get("biz_content")
    await wired.gateway.execute(
        given["method"],
        content,
        top_level={name: given[name] for name in ("grant_type", "code") if name in given},
        notify_url=given.get("notify_url", ""),
        auth_token=given.get("auth_token", ""),
        app_auth_token=given.get("app_auth_token", ""),
        encrypt=encrypted,
    )
    [call] = wired.fake.calls
    filled = {name: value for name, value in given.items() if value}
    assert call.parameters == filled | {"sign": case["sign"]}
    if "node_sdk_body_params" in case:
        assert set(call.form) == set(case["node_sdk_body_params"])
        assert set(call.query) == set(case["node_sdk_query_params"])


def test_captured_request_of_the_official_sdk_verifies() -> None:
    captured = VECTORS["captured_v2_request"]
    parameters = dict(parse_qsl(urlsplit(captured["path_and_query"]).query) + parse_qsl(captured["body"]))
    assert signing.request_text(parameters) == captured["string_to_sign"]
    assert signing.is_genuine(captured["string_to_sign"].encode(), parameters["sign"], [PUBLIC])


def test_certify_page_url_of_the_official_sdk_has_our_signature() -> None:
    page = VECTORS["certify_page_url"]
    parameters = dict(parse_qsl(urlsplit(page["url"]).query))
    assert signing.request_text(parameters) == page["string_to_sign"]
    assert signing.sign(page["string_to_sign"], PRIVATE) == page["sign"] == parameters["sign"]


async def test_own_page_url_carries_everything_in_the_query_and_verifies(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    url = wired.gateway.page_url("alipay.user.certify.open.certify", {"certify_id": "91707dc2"})
    parameters = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(f"{wired.base_url}/gateway.do?")
    assert json.loads(parameters["biz_content"]) == {"certify_id": "91707dc2"}
    assert parameters["timestamp"] == "2026-01-15 09:30:00"
    assert signing.is_genuine(signing.request_text(parameters).encode(), parameters["sign"], [PUBLIC])


@given(position=st.integers(0, 255), bit=st.integers(0, 7))
def test_signature_with_one_flipped_bit_is_refused(position: int, bit: int) -> None:
    case = VECTORS["request_sign"][0]
    raw = bytearray(base64.b64decode(case["sign"]))
    raw[position] ^= 1 << bit
    damaged = base64.b64encode(raw).decode()
    assert signing.is_genuine(case["string_to_sign"].encode(), case["sign"], [PUBLIC])
    assert not signing.is_genuine(case["string_to_sign"].encode(), damaged, [PUBLIC])


@given(data=st.data())
def test_signed_text_with_one_flipped_bit_is_refused(data: st.DataObject) -> None:
    case = VECTORS["request_sign"][0]
    raw = bytearray(case["string_to_sign"].encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not signing.is_genuine(bytes(raw), case["sign"], [PUBLIC])


@pytest.mark.parametrize("signature", ["***", "签名", "", "AAAA", "=" * 5])
def test_malformed_signature_is_false_not_an_exception(signature: str) -> None:
    assert signing.is_genuine(b"text", signature, [PUBLIC]) is False
