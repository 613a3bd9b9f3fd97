"""Encrypted resources of WeChat Pay, against the vectors and an independent client."""

import json
from pathlib import Path
from typing import Any

import pytest
from wechatpayv3 import utils as oracle

from clients.wechat.pay_crypto import Resource, Undecryptable, decrypt_resource

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
