"""Every notification vector: accepted with its exact plaintext, or refused for its stated reason and kind."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import CallbackRejected, ProviderProtocolError
from clients.wechat.config import PayMerchant
from clients.wechat.pay_keys import KeyStore
from clients.wechat.pay_notification import parse_notification
from clients.wechat.pay_types import Refund, Transaction

from .conftest import signed_headers

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[3] / "vectors" / "wechat.json").read_text())[
    "notifications"
]
BY_NAME = {case["name"]: case for case in CASES}
ACCEPTED = [case for case in CASES if case["accept"]]
REFUSED = [case for case in CASES if not case["accept"]]


def at(case: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(case["now"], UTC)


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case["name"])
def test_genuine_notification_is_opened_exactly(case: dict[str, Any], merchant: PayMerchant, keys: KeyStore) -> None:
    seen = parse_notification(case["headers"], case["body"].encode(), merchant, keys, at(case))
    assert seen.plaintext.decode() == case["plaintext"]
    wire = json.loads(case["plaintext"])
    assert seen.content is not None
    assert seen.content.out_trade_no == wire["out_trade_no"]
    assert seen.content.account_mch_id == wire.get("mchid", wire.get("sp_mchid"))
    assert seen.notification_id == json.loads(case["body"])["id"]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_other_notification_is_refused_for_its_reason(
    case: dict[str, Any], merchant: PayMerchant, keys: KeyStore
) -> None:
    kind = CallbackRejected if not case["verification_passes"] else ProviderProtocolError
    with pytest.raises(kind) as refusal:
        parse_notification(case["headers"], case["body"].encode(), merchant, keys, at(case))
    assert refusal.value.details["reason"] == case["reject_reason"]


def test_payment_carries_what_the_checks_compare(merchant: PayMerchant, keys: KeyStore) -> None:
    case = BY_NAME["payment success, public key"]
    content = parse_notification(case["headers"], case["body"].encode(), merchant, keys, at(case)).content
    assert isinstance(content, Transaction)
    assert content.amount is not None
    assert (content.amount.total, content.amount.currency) == (4000, "CNY")
    assert content.caller_app_id == "wx0123456789abcdef"
    assert content.payer_openid == "oTEST0000000000000000000000A"
    assert content.success_at == datetime(2026, 1, 1, 1, 0, 5, tzinfo=UTC)


def test_partner_payment_names_the_sub_merchant_and_its_payer(merchant: PayMerchant, keys: KeyStore) -> None:
    case = BY_NAME["payment success, partner mode"]
    content = parse_notification(case["headers"], case["body"].encode(), merchant, keys, at(case)).content
    assert isinstance(content, Transaction)
    assert (content.account_mch_id, content.sub_mchid) == ("1900000100", "1900000109")
    assert (content.caller_app_id, content.payer_openid) == ("wx00112233445566aa", "oSUBTEST00000000000000000000")


def test_refund_states_come_from_refund_status(merchant: PayMerchant, keys: KeyStore) -> None:
    states = []
    for name in ("refund success", "refund abnormal", "refund closed"):
        case = BY_NAME[name]
        content = parse_notification(case["headers"], case["body"].encode(), merchant, keys, at(case)).content
        assert isinstance(content, Refund)
        states.append((content.state, content.amount.refund, content.success_at is not None))
    assert states == [("SUCCESS", 4000, True), ("ABNORMAL", 4000, False), ("CLOSED", 4000, False)]


def test_earlier_apiv3_key_still_opens_a_repeated_notification(merchant: PayMerchant, keys: KeyStore) -> None:
    case = BY_NAME["payment success, public key"]
    changed = replace(merchant, apiv3_key="N" * 32, earlier_apiv3_keys=(merchant.apiv3_key,))
    seen = parse_notification(case["headers"], case["body"].encode(), changed, keys, at(case))
    assert seen.plaintext.decode() == case["plaintext"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"not json", b'{"id": 5}', b"\xff\xfe", b'{"x":' + b"[" * 100_000])
def test_signed_nonsense_is_a_protocol_error(body: bytes, merchant: PayMerchant, keys: KeyStore, now: datetime) -> None:
    with pytest.raises(ProviderProtocolError):
        parse_notification(signed_headers(body), body, merchant, keys, now)
