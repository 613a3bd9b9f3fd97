"""Content encryption and the phone number payload: every vector, both directions, negatives included."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest, ProviderProtocolError, ProviderRejected
from clients.alipay import keys
from clients.alipay.config import AlipayApp
from clients.alipay.content_crypto import decrypt, encrypt
from clients.alipay.signing import sign
from clients.alipay.user import read_phone_number

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "alipay.json").read_text())
KEY = keys.load_aes_key(VECTORS["aes"]["key_base64"])
PHONE = {case["id"]: case for case in VECTORS["phone_number"]["cases"]}


@pytest.mark.parametrize("case", VECTORS["aes"]["cases"], ids=lambda case: case["id"])
def test_content_matches_vector_both_ways(case: dict[str, Any]) -> None:
    assert encrypt(case["plaintext"], KEY) == case["ciphertext_base64"]
    assert decrypt(case["ciphertext_base64"], KEY) == case["plaintext"]


@pytest.mark.parametrize("case", VECTORS["aes"]["negative"], ids=lambda case: case["id"])
def test_bad_ciphertext_is_a_value_error(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        decrypt(case["ciphertext_base64"], keys.load_aes_key(case["key_base64"]))


@given(st.text())
def test_decrypting_what_was_encrypted_gives_the_text_back(text: str) -> None:
    printable = text.encode(errors="replace").decode()
    assert decrypt(encrypt(printable, KEY), KEY) == printable


@pytest.mark.parametrize("name", ["ok", "ok_empty_mobile"])
def test_genuine_payload_gives_the_number(name: str, app: AlipayApp) -> None:
    case = PHONE[name]
    assert read_phone_number(app, case["payload"]) == case["expect"]["mobile"]
    assert read_phone_number(app, json.loads(case["payload"])) == case["expect"]["mobile"]


@pytest.mark.parametrize("name", ["encrypted_error", "plain_error", "plain_error_signed"])
def test_alipays_own_error_is_reported_with_its_code(name: str, app: AlipayApp) -> None:
    expect = PHONE[name]["expect"]
    with pytest.raises(ProviderRejected) as refused:
        read_phone_number(app, PHONE[name]["payload"])
    assert refused.value.provider_code == expect["sub_code"]
    assert refused.value.details["result_code"] == expect["code"]
    assert refused.value.details["verified"] is expect["verified"]


@pytest.mark.parametrize("name", ["tampered", "missing_sign", "signed_without_quotes", "plain_success_unsigned"])
def test_payload_that_is_not_genuine_is_the_senders_fault(name: str, app: AlipayApp) -> None:
    with pytest.raises(InvalidRequest):
        read_phone_number(app, PHONE[name]["payload"])


def test_every_phone_vector_is_covered() -> None:
    assert len(PHONE) == 9


def test_plain_success_is_refused_even_when_signed(app: AlipayApp) -> None:
    response = '{"code":"10000","msg":"Success","mobile":"13900139000"}'
    signature = sign(response, keys.load_private_key(VECTORS["keys"]["alipay_private_pkcs1"]))
    with pytest.raises(InvalidRequest):
        read_phone_number(app, {"response": response, "sign": signature, "sign_type": "RSA2"})


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "null",
        "[]",
        "{}",
        "{" * 100_000,
        '{"response":""}',
        '{"response":7,"sign":"AAAA"}',
        '{"response":"\\ud800","sign":"AAAA"}',
        '{"response":"AAAA","sign":7}',
        '{"response":"{not json"}',
        '{"response":"{\\"code\\":\\"10000\\",\\"mobile\\":\\"1\\"}","sign":"\\ud800"}',
        '{"response":{}}',
    ],
)
def test_malformed_payload_is_the_senders_fault(payload: str, app: AlipayApp) -> None:
    with pytest.raises(InvalidRequest):
        read_phone_number(app, payload)


def test_sha1_payload_is_refused(app: AlipayApp) -> None:
    with pytest.raises(InvalidRequest):
        read_phone_number(app, json.loads(PHONE["ok"]["payload"]) | {"sign_type": "RSA"})


def test_genuine_payload_without_or_with_another_aes_key_is_our_fault(app: AlipayApp) -> None:
    with pytest.raises(ProviderRejected, match="provider_rejected") as missing:
        read_phone_number(replace(app, aes_key=None), PHONE["ok"]["payload"])
    assert missing.value.provider_code == "isv.missing-encrypt-key"
    with pytest.raises(ProviderProtocolError):
        read_phone_number(replace(app, aes_key=bytes(16)), PHONE["ok"]["payload"])
