"""Every answer vector passes or fails for its stated reason; wechatpayv3 agrees wherever it checks at all."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from wechatpayv3 import utils as oracle

from clients.wechat.pay_keys import KeyStore
from clients.wechat.pay_verify import NotGenuine, Refusal, verify

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[3] / "vectors" / "wechat.json").read_text())[
    "response_verify"
]
GOOD = CASES[0]


def judged(case: dict[str, Any], keys: KeyStore) -> str:
    """Return "valid" or the reason of the refusal."""
    try:
        verify(case["headers"], case["body"].encode(), keys, datetime.fromtimestamp(case["now"], UTC))
    except NotGenuine as refusal:
        return str(refusal.reason)
    return "valid"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_answer_is_judged_as_the_vector_says(case: dict[str, Any], keys: KeyStore) -> None:
    assert judged(case, keys) == case.get("reject_reason", "valid")
    assert case["valid"] is (judged(case, keys) == "valid")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_signature_verdict_agrees_with_wechatpayv3(case: dict[str, Any], keys: KeyStore) -> None:
    key = keys.find(case["headers"]["Wechatpay-Serial"])
    verdict = judged(case, keys)
    if key is None:
        assert verdict == "unknown_serial"
        return
    headers = case["headers"]
    try:
        theirs = oracle.rsa_verify(
            headers["Wechatpay-Timestamp"],
            headers["Wechatpay-Nonce"],
            case["body"],
            headers["Wechatpay-Signature"],
            key.public_key,
        )
    except ValueError:
        theirs = False
    # wechatpayv3 checks neither the window nor the certificate's end; we agree on everything it does check.
    assert (verdict != "signature") is theirs


def test_headers_in_lower_case_are_found(keys: KeyStore) -> None:
    lowered = {name.lower(): value for name, value in GOOD["headers"].items()}
    assert judged(GOOD | {"headers": lowered}, keys) == "valid"


@pytest.mark.parametrize("name", ["Timestamp", "Nonce", "Serial", "Signature"])
def test_missing_header_is_refused(name: str, keys: KeyStore) -> None:
    headers = {key: value for key, value in GOOD["headers"].items() if key != f"Wechatpay-{name}"}
    assert judged(GOOD | {"headers": headers}, keys) == Refusal.HEADERS


@pytest.mark.parametrize(
    "timestamp", ["", "now", "-5", "1767229200.0", "１７６７２２９２００", "1" * 400, "1767229200\n"]
)
def test_odd_timestamp_is_refused(timestamp: str, keys: KeyStore) -> None:
    headers = GOOD["headers"] | {"Wechatpay-Timestamp": timestamp}
    assert judged(GOOD | {"headers": headers}, keys) == Refusal.HEADERS


def test_unknown_algorithm_is_refused(keys: KeyStore) -> None:
    headers = GOOD["headers"] | {"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"}
    assert judged(GOOD | {"headers": headers}, keys) == Refusal.HEADERS


def test_header_with_undecodable_bytes_is_refused(keys: KeyStore) -> None:
    headers = GOOD["headers"] | {"Wechatpay-Nonce": b"\xff\xfe".decode(errors="surrogateescape")}
    assert judged(GOOD | {"headers": headers}, keys) == Refusal.SIGNATURE


def test_base64_with_stray_characters_is_refused(keys: KeyStore) -> None:
    signature = GOOD["headers"]["Wechatpay-Signature"]
    headers = GOOD["headers"] | {"Wechatpay-Signature": signature[:10] + "*" + signature[10:]}
    assert judged(GOOD | {"headers": headers}, keys) == Refusal.SIGNATURE
