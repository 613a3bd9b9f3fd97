"""Signatures of the fiscal profile: made as documented, and broken by any change."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from clients.fiscal.signing import (
    NotGenuine,
    Refusal,
    load_private_key,
    request_headers,
    verify_answer,
)
from clients.fiscal.types import FiscalAccount
from clients.rsa_keys import load_public_keys

OURS = rsa.generate_private_key(65537, 2048)
PLATFORM = rsa.generate_private_key(65537, 2048)
ACCOUNT = FiscalAccount(
    base_url="https://nontax.example.gov.cn",
    app_id="SJT1",
    region="140000",
    private_key=OURS,
    platform_keys=(PLATFORM.public_key(),),
)
PATH = "/nontax/v1/notice/query"
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
BODY = '{"code":"0000","message":"成功","data":{}}'.encode()
NONCE = "0123456789abcdef0123456789abcdef"


def answer(body: bytes = BODY, status: int = 200, path: str = PATH, at: datetime = NOW) -> dict[str, str]:
    """Sign as the platform's document says."""
    timestamp = str(int(at.timestamp()))
    text = f"{status}\n{path}\nSJT1\n{timestamp}\n{NONCE}\n{hashlib.sha256(body).hexdigest()}\n".encode()
    signature = base64.b64encode(PLATFORM.sign(text, padding.PKCS1v15(), SHA256())).decode()
    return {
        "X-Fiscal-App-Id": "SJT1",
        "X-Fiscal-Timestamp": timestamp,
        "X-Fiscal-Nonce": NONCE,
        "X-Fiscal-Signature": signature,
    }


def refusal_of(headers: dict[str, str], body: bytes = BODY, status: int = 200, path: str = PATH) -> Refusal:
    with pytest.raises(NotGenuine) as refused:
        verify_answer(ACCOUNT, path, status, headers, body, nonce=NONCE, now=NOW)
    return refused.value.reason


def test_a_request_is_signed_over_its_six_lines() -> None:
    headers = request_headers(ACCOUNT, PATH, BODY, timestamp=1795233600, nonce=NONCE)
    assert (headers["X-Fiscal-App-Id"], headers["X-Fiscal-Nonce"]) == ("SJT1", NONCE)
    text = f"POST\n{PATH}\nSJT1\n1795233600\n{NONCE}\n{hashlib.sha256(BODY).hexdigest()}\n".encode()
    signature = base64.b64decode(headers["X-Fiscal-Signature"], validate=True)
    OURS.public_key().verify(signature, text, padding.PKCS1v15(), SHA256())


def test_a_genuine_answer_is_believed_whatever_the_case_of_its_headers() -> None:
    headers = {name.lower(): value for name, value in answer().items()}
    verify_answer(ACCOUNT, PATH, 200, headers, BODY, nonce=NONCE, now=NOW)


@given(position=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_fails(position: int, bit: int) -> None:
    changed = bytearray(BODY)
    changed[position] ^= 1 << bit
    assert refusal_of(answer(), bytes(changed)) is Refusal.SIGNATURE


def test_a_signature_is_of_one_path_and_one_status() -> None:
    assert refusal_of(answer(), status=400) is Refusal.SIGNATURE
    assert refusal_of(answer(), path="/nontax/v1/notice/void") is Refusal.SIGNATURE
    assert refusal_of(answer(status=400)) is Refusal.SIGNATURE


def test_an_answer_to_another_question_is_refused() -> None:
    assert refusal_of(answer() | {"X-Fiscal-Nonce": "f" * 32}) is Refusal.ANOTHER_REQUEST
    assert refusal_of(answer() | {"X-Fiscal-App-Id": "SJT2"}) is Refusal.ANOTHER_REQUEST


@pytest.mark.parametrize("seconds", [-300, 300, 86_400])
def test_an_answer_of_another_time_is_refused(seconds: int) -> None:
    assert refusal_of(answer(at=NOW + timedelta(seconds=seconds))) is Refusal.STALE


@pytest.mark.parametrize("name", ["App-Id", "Timestamp", "Nonce", "Signature"])
def test_a_missing_header_is_refused(name: str) -> None:
    headers = answer()
    del headers[f"X-Fiscal-{name}"]
    assert refusal_of(headers) is Refusal.HEADERS


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "١٢٣", "1" * 13])
def test_a_malformed_timestamp_is_refused(timestamp: str) -> None:
    assert refusal_of(answer() | {"X-Fiscal-Timestamp": timestamp}) is Refusal.HEADERS


@pytest.mark.parametrize("signature", ["no base64!", "AAAA", "签名"])
def test_a_malformed_signature_is_refused(signature: str) -> None:
    assert refusal_of(answer() | {"X-Fiscal-Signature": signature}) is Refusal.SIGNATURE


def test_keys_that_cannot_be_used_are_refused() -> None:
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    curve = ec.generate_private_key(ec.SECP256R1())
    private = curve.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for pem in (b"", b"key", curve.public_key().public_bytes(serialization.Encoding.PEM, public)):
        with pytest.raises(ValueError, match="key"):
            load_public_keys(pem)
    locked = OURS.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    for pem in (private, locked):
        with pytest.raises(ValueError, match="key"):
            load_private_key(pem)


def test_nothing_secret_is_printed() -> None:
    assert "private_key" not in repr(ACCOUNT)
