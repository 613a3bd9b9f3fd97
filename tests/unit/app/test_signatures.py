"""Signatures of department systems: the worked vectors, both algorithms, and that no changed byte goes through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import signatures
from app.signatures import Claimed, SigningKey
from simulators.department import signing as theirs

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "exchange.json").read_text(encoding="utf-8"))
CASES = VECTORS["cases"]
PRIVATE = {
    "hmac-sha256": bytes.fromhex(VECTORS["hmac_secret_hex"]),
    "ed25519": bytes.fromhex(VECTORS["ed25519_private_hex"]),
}
PUBLIC = PRIVATE | {"ed25519": signatures.read_public_key(VECTORS["ed25519_public_pem"])}


def _claim(case: dict[str, Any]) -> Claimed:
    return Claimed(case["key_id"], case["timestamp"], case["nonce"], case["signature"])


def _text(case: dict[str, Any]) -> bytes:
    return signatures.signed_text(
        case["algorithm"], _claim(case), case["method"], case["target"], case["body"].encode()
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_vectors_made_elsewhere_are_met(case: dict[str, Any]) -> None:
    assert _text(case) == case["signed_text"].encode()
    assert signatures.fits(case["algorithm"], PUBLIC[case["algorithm"]], _text(case), case["signature"])
    key = SigningKey(case["key_id"], case["algorithm"], PRIVATE[case["algorithm"]])
    assert signatures.sign(key, _text(case)) == case["signature"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_simulator_has_the_same_idea(case: dict[str, Any]) -> None:
    signed = theirs.text(
        *(case[name] for name in ("algorithm", "key_id", "timestamp", "nonce", "method", "target")),
        case["body"].encode(),
    )
    assert signed == case["signed_text"].encode()
    assert theirs.sign(case["algorithm"], PRIVATE[case["algorithm"]], signed) == case["signature"]
    assert theirs.verify(case["algorithm"], PUBLIC[case["algorithm"]], signed, case["signature"])


@settings(max_examples=150)
@given(data=st.data())
def test_a_flipped_bit_anywhere_is_refused(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES))
    part = data.draw(
        st.sampled_from(
            [n for n in ("key_id", "timestamp", "nonce", "signature", "method", "target", "body") if case[n]]
        )
    )
    raw = bytearray(case[part].encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    changed = case | {part: raw.decode("latin-1")}
    body = bytes(raw) if part == "body" else case["body"].encode()
    text = signatures.signed_text(case["algorithm"], _claim(changed), changed["method"], changed["target"], body)
    assert not signatures.fits(case["algorithm"], PUBLIC[case["algorithm"]], text, changed["signature"])


def test_a_signature_of_the_other_algorithm_does_not_fit() -> None:
    hmac_case, other = CASES[0], CASES[3]
    assert not signatures.fits("hmac-sha256", PRIVATE["hmac-sha256"], _text(hmac_case), other["signature"])
    assert not signatures.fits("ed25519", PUBLIC["ed25519"], _text(other), hmac_case["signature"])
    # The public key of Ed25519 is no secret: it must not work as one.
    forged = signatures.sign(SigningKey("yibao-1", "hmac-sha256", PUBLIC["ed25519"]), _text(other))
    assert not signatures.fits("ed25519", PUBLIC["ed25519"], _text(other), forged)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-exchange-key", ""),
        ("x-exchange-key", "a b"),
        ("x-exchange-key", "k" * 65),
        ("x-exchange-timestamp", "1795314600.0"),
        ("x-exchange-timestamp", "١٧٩٥٣١٤٦٠٠"),
        ("x-exchange-timestamp", "9" * 13),
        ("x-exchange-nonce", "short"),
        ("x-exchange-nonce", "n" * 49),
        ("x-exchange-nonce", "5K8264ILTKCH16CQ\n"),
        ("x-exchange-signature", "AAAA"),
        ("x-exchange-signature", "*" * 43 + "="),
    ],
)
def test_headers_that_cannot_be_meant_are_not_read(name: str, value: str) -> None:
    parts = (CASES[0][part] for part in ("key_id", "timestamp", "nonce", "signature"))
    good = dict(zip((signatures.KEY, signatures.TIMESTAMP, signatures.NONCE, signatures.SIGNATURE), parts, strict=True))
    assert signatures.claimed(good) is not None
    assert signatures.claimed(good | {name: value}) is None
    assert signatures.claimed({key: value for key, value in good.items() if key != name}) is None


def test_keys_do_not_show_their_secret() -> None:
    assert "secret" not in repr(SigningKey("k", "hmac-sha256", b"s" * 32))
