"""Encrypted resources and fields of WeChat Pay, against the vectors and an independent client."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from wechatpayv3 import utils as oracle

from clients.wechat.config import PayMerchant
from clients.wechat.pay_crypto import Resource, Undecryptable, decrypt_field, decrypt_resource, encrypt_field

from .conftest import private_key

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "wechat.json").read_text())


def resource(case: dict[str, Any], **changes: str) -> Resource:
    return Resource(
        **{name: case[name] for name in ("algorithm", "nonce", "associated_data")}
        | {"ciphertext": case["ciphertext_b64"]}
        | changes
    )


@pytest.mark.parametrize("case", VECTORS["aead"], ids=lambda case: case["associated_data"] or "empty")
def test_resource_opens_to_the_exact_plaintext(case: dict[str, Any]) -> None:
    opened = decrypt_resource(resource(case), ["F" * 32, case["key"]]).decode()
    assert opened == case["plaintext"]
    arguments = (case["nonce"], case["ciphertext_b64"], case["associated_data"], case["key"])
    assert opened == oracle.aes_decrypt(*arguments)


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "AEAD_SM4_128_GCM"},
        {"nonce": "abcdefghijkm"},
        {"nonce": ""},
        {"associated_data": "transactions"},
        {"ciphertext": "????"},
        {"ciphertext": ""},
    ],
)
def test_changed_resource_does_not_open(change: dict[str, str]) -> None:
    case = VECTORS["aead"][0]
    with pytest.raises(Undecryptable):
        decrypt_resource(resource(case, **change), [case["key"]])


@pytest.mark.parametrize("case", VECTORS["oaep"], ids=lambda case: case["decrypt_with"])
def test_field_decrypts(case: dict[str, Any]) -> None:
    key = private_key(case["decrypt_with"])
    assert decrypt_field(case["ciphertext_b64"], key) == case["plaintext"]


def test_field_encrypted_by_us_opens_with_wechatpayv3(merchant: PayMerchant) -> None:
    sealed = encrypt_field("140105199001010011", merchant.private_key.public_key())
    assert len(base64.b64decode(sealed)) == 256
    assert oracle.rsa_decrypt(sealed, merchant.private_key) == "140105199001010011"
