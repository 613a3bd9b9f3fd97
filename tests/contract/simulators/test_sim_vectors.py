"""The simulators' own crypto against the published and cross-checked vectors: signer, verifier, sealing, push."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from simulators.wechat import push
from simulators.wechat.values import fault_of_value
from simulators.wechat_pay import signing

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "wechat.json").read_text("utf-8"))
KEYS = VECTORS["keys"]


def _private(role):
    return serialization.load_pem_private_key(KEYS[role]["private_key_pem"].encode(), None)


def _public(role):
    return serialization.load_pem_public_key(KEYS[role]["public_key_pem"].encode())


@pytest.mark.parametrize("case", VECTORS["authorization"], ids=lambda case: case["name"])
def test_merchant_signature_of_each_request_is_accepted(case):
    given = signing.parse_authorization(case["authorization"])
    assert (given.mchid, given.serial_no) == (case["mchid"], case["serial_no"])
    text = case["message"].encode()
    if not case["body"].startswith("<multipart"):
        parts = (case["method"], case["path_and_query"], given.timestamp, given.nonce_str, case["body"].encode())
        assert signing.request_text(*parts) == text
    assert signing.verify(_public("merchant"), text, given.signature)
    assert not signing.verify(_public("merchant"), text + b" ", given.signature)


@pytest.mark.parametrize("case", VECTORS["pay_sign"], ids=lambda case: case["name"])
def test_pay_sign_is_accepted(case):
    expected = case["expected"]
    text = signing.pay_text(case["appid"], expected["timeStamp"], expected["nonceStr"], expected["package"])
    assert text.decode() == case["message"]
    assert signing.verify(_public("merchant"), text, expected["paySign"])


def test_platform_signature_is_made_byte_for_byte():
    case = next(row for row in VECTORS["response_verify"] if row["valid"])
    headers = case["headers"]
    text = signing.answer_text(headers["Wechatpay-Timestamp"], headers["Wechatpay-Nonce"], case["body"].encode())
    assert text.decode() == case["message"]
    assert signing.sign(_private("wechatpay_public"), text) == headers["Wechatpay-Signature"]


def test_sealed_resource_opens_with_the_apiv3_key():
    key = VECTORS["identities"]["apiv3_key"]
    sealed = signing.seal(key, "三晋通".encode(), "transaction")
    ciphertext = base64.b64decode(sealed["ciphertext"])
    plain = AESGCM(key.encode()).decrypt(sealed["nonce"].encode(), ciphertext, sealed["associated_data"].encode())
    assert plain.decode() == "三晋通"
    assert len(sealed["nonce"]) == 12


def test_push_encryption_and_signature_are_made_byte_for_byte():
    vector, reply = VECTORS["message_push"], VECTORS["message_push"]["encrypted_reply"]
    sealed = push.encrypt(
        vector["encoding_aes_key"], vector["appid"], reply["plaintext"].encode(), reply["random16"].encode()
    )
    assert sealed == reply["expected"]["Encrypt"]
    signature = push.signature(vector["token"], reply["timestamp"], reply["nonce"], sealed)
    assert signature == reply["expected"]["MsgSignature"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "WECHATPAY2-SHA256-RSA2048",
        'WECHATPAY2-SM2-WITH-SM3 mchid="1"',
        'WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="1",signature="1",timestamp="soon",serial_no="1"',
        'WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="1",signature="1",timestamp="1767229200"',
    ],
)
def test_malformed_authorization_is_refused(header):
    with pytest.raises(signing.SignatureRefused):
        signing.parse_authorization(header)


@pytest.mark.parametrize(
    ("key", "value"), [("colour1", "红"), ("thing", "无序号"), ("thing1", "a\x00b"), ("time1", "9~10~11")]
)
def test_unknown_keyword_or_odd_value_is_a_fault(key, value):
    assert fault_of_value(key, value)
