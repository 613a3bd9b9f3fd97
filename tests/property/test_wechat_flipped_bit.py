"""One flipped bit anywhere in a signed WeChat message fails its check; nothing else than a refusal comes out."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import CallbackRejected
from clients.wechat.config import MiniProgramConfig
from clients.wechat.message_push import MessagePush
from clients.wechat.pay_keys import KeyStore, public_key_from_pem
from clients.wechat.pay_verify import NotGenuine, Refusal, verify

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "wechat.json").read_text())
NOW = datetime.fromtimestamp(VECTORS["about"]["fixed_now"], UTC)
PAYMENT = VECTORS["notifications"][0]
PUBLIC = VECTORS["keys"]["wechatpay_public"]
KEYS = KeyStore([public_key_from_pem(PUBLIC["public_key_id"], PUBLIC["public_key_pem"].encode())])
PUSH = VECTORS["message_push"]
SAFE = MiniProgramConfig(PUSH["appid"], "secret", push_token=PUSH["token"], push_aes_key=PUSH["encoding_aes_key"])
bits = st.integers(0, 7)
places = st.floats(0, 1, exclude_max=True)


def flipped(content: bytes, place: float, bit: int) -> bytes:
    """Flip one bit at this share of the length."""
    changed = bytearray(content)
    changed[int(place * len(content))] ^= 1 << bit
    return bytes(changed)


@settings(max_examples=200, deadline=None)
@given(place=places, bit=bits)
def test_flipped_bit_in_a_payment_body_fails_the_signature(place: float, bit: int) -> None:
    with pytest.raises(NotGenuine) as refusal:
        verify(PAYMENT["headers"], flipped(PAYMENT["body"].encode(), place, bit), KEYS, NOW)
    assert refusal.value.reason is Refusal.SIGNATURE


@settings(max_examples=200, deadline=None)
@given(place=places, bit=bits)
def test_flipped_bit_in_a_payment_signature_fails_it(place: float, bit: int) -> None:
    changed = flipped(base64.b64decode(PAYMENT["headers"]["Wechatpay-Signature"]), place, bit)
    headers = PAYMENT["headers"] | {"Wechatpay-Signature": base64.b64encode(changed).decode()}
    with pytest.raises(NotGenuine) as refusal:
        verify(headers, PAYMENT["body"].encode(), KEYS, NOW)
    assert refusal.value.reason is Refusal.SIGNATURE


@settings(max_examples=100, deadline=None)
@given(name=st.sampled_from(["Timestamp", "Nonce", "Serial"]), place=places, bit=bits)
def test_flipped_bit_in_a_payment_header_is_refused(name: str, place: float, bit: int) -> None:
    changed = flipped(PAYMENT["headers"][f"Wechatpay-{name}"].encode(), place, bit).decode("latin-1")
    with pytest.raises(NotGenuine):
        verify(PAYMENT["headers"] | {f"Wechatpay-{name}": changed}, PAYMENT["body"].encode(), KEYS, NOW)


@settings(max_examples=200, deadline=None)
@given(case=st.sampled_from([case for case in PUSH["aes"] if case["valid"]]), place=places, bit=bits)
def test_flipped_bit_in_a_sealed_push_is_refused(case: dict[str, Any], place: float, bit: int) -> None:
    is_xml = case["body"].startswith("<")
    sealed = (
        case["body"].split("<Encrypt><![CDATA[")[1].split("]]")[0] if is_xml else json.loads(case["body"])["Encrypt"]
    )
    changed = flipped(sealed.encode(), place, bit).decode("latin-1")
    with pytest.raises(CallbackRejected) as refusal:
        MessagePush(SAFE, now=lambda: NOW).open(case["query"], json.dumps({"Encrypt": changed}).encode())
    assert refusal.value.details["reason"] == "signature"


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300), query=st.dictionaries(st.sampled_from(list(PUSH["aes"][0]["query"])), st.text()))
def test_any_bytes_pushed_by_a_stranger_are_refused(body: bytes, query: dict[str, str]) -> None:
    with pytest.raises(CallbackRejected):
        MessagePush(SAFE, now=lambda: NOW).open(query, body)
