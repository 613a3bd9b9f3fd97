"""Legacy user data, signatures and hashes of the login helpers, against the vectors and Tencent's own examples."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clients.wechat.user_data import (
    UserDataRefused,
    decrypt_user_data,
    face_cert_hash,
    raw_data_is_genuine,
    session_signature,
)

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "wechat.json").read_text())
NOW = datetime.fromtimestamp(VECTORS["about"]["fixed_now"], UTC)


def opened(case: dict[str, Any]) -> dict[str, Any]:
    parts = (case["session_key"], case["iv"], case["encryptedData"], case["appid"])
    return decrypt_user_data(*parts, now=lambda: NOW)


@pytest.mark.parametrize("case", VECTORS["legacy_decrypt"], ids=lambda case: case["name"])
def test_user_data_open_or_are_refused_for_the_reason(case: dict[str, Any]) -> None:
    if case["valid"]:
        assert opened(case) == json.loads(case["plaintext"])
        return
    with pytest.raises(UserDataRefused) as refusal:
        opened(case)
    assert refusal.value.details["reason"] == case["reject_reason"]
    assert refusal.value.status == 400


@pytest.mark.parametrize("field", ["session_key", "iv", "encryptedData"])
@pytest.mark.parametrize("value", ["", "?", "AAAA", "QUFB" * 40, "甲"])
def test_malformed_input_is_refused(field: str, value: str) -> None:
    with pytest.raises(UserDataRefused):
        opened(VECTORS["legacy_decrypt"][0] | {field: value})


def test_raw_data_signature() -> None:
    case = VECTORS["raw_data_signature"]
    assert raw_data_is_genuine(case["rawData"], case["signature"], case["session_key"])
    assert not raw_data_is_genuine(case["rawData"] + " ", case["signature"], case["session_key"])
    assert not raw_data_is_genuine(case["rawData"], "é", case["session_key"])


def test_session_signature_uses_the_key_as_text() -> None:
    case = VECTORS["check_session_signature"]
    assert session_signature(case["session_key"]) == case["signature"] != case["wrong_if_key_is_base64_decoded"]
    published = VECTORS["published_facts"]["session_signature"]
    made = session_signature(published["session_key"], published["message"].encode())
    assert made == published["hmac_sha256_hex"]


@pytest.mark.parametrize("case", [VECTORS["face_cert_hash"], VECTORS["published_facts"]["face_cert_hash"]])
def test_face_cert_hash(case: dict[str, Any]) -> None:
    person = case["cert_info"]
    assert face_cert_hash(person["cert_name"], person["cert_no"]) == case["cert_hash"]
