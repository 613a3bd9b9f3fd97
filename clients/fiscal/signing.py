"""Signatures between us and the fiscal platform, both ways. Pure; the wire calls it before anything is parsed.

Source: docs/providers/fiscal.md, Signatures (our profile): RSA PKCS#1 v1.5 with SHA-256 over lines closed by LF.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clients.fiscal.types import FiscalAccount
from clients.rsa_keys import is_signed

WINDOW_SECONDS = 300


class Refusal(StrEnum):
    """Why an answer is not genuine; for logs and tests."""

    HEADERS = "headers"
    ANOTHER_REQUEST = "another_request"
    STALE = "stale"
    SIGNATURE = "signature"


class NotGenuine(Exception):
    """The answer is not proved to come from the platform. The wire turns it into a house error."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(str(reason))
        self.reason = reason


def request_headers(account: FiscalAccount, path: str, body: bytes, *, timestamp: int, nonce: str) -> dict[str, str]:
    """Return the signed headers of a POST of exactly these bytes to this path.

    Source: docs/providers/fiscal.md, Signatures, Request.
    """
    lines = ("POST", path, account.app_id, str(timestamp), nonce, hashlib.sha256(body).hexdigest())
    signature = account.private_key.sign(_text(lines), PKCS1v15(), SHA256())
    return {
        "Content-Type": "application/json; charset=utf-8",
        "X-Fiscal-App-Id": account.app_id,
        "X-Fiscal-Timestamp": str(timestamp),
        "X-Fiscal-Nonce": nonce,
        "X-Fiscal-Signature": base64.b64encode(signature).decode(),
    }


def verify_answer(
    account: FiscalAccount,
    path: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    nonce: str,
    now: datetime,
) -> None:
    """Check that these bytes answer our very request: app, nonce, time window and signature. Raises NotGenuine.

    The echoed nonce binds the answer to the question, so an old genuine answer cannot be played again.
    Source: docs/providers/fiscal.md, Signatures, Answer.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    app_id, timestamp, echoed, signature = (
        lowered.get(f"x-fiscal-{part}", "") for part in ("app-id", "timestamp", "nonce", "signature")
    )
    if not (app_id and echoed and signature and re.fullmatch(r"[0-9]{1,12}", timestamp)):
        raise NotGenuine(Refusal.HEADERS)
    if app_id != account.app_id or echoed != nonce:
        raise NotGenuine(Refusal.ANOTHER_REQUEST)
    if abs(now.timestamp() - int(timestamp)) >= WINDOW_SECONDS:
        raise NotGenuine(Refusal.STALE)
    lines = (str(status), path, app_id, timestamp, echoed, hashlib.sha256(body).hexdigest())
    if not is_signed(account.platform_keys, _text(lines), signature):
        raise NotGenuine(Refusal.SIGNATURE)


def load_private_key(pem: bytes) -> RSAPrivateKey:
    """Read our own key. Raises ValueError.

    Source: RFC 7468, section 10 (PKCS #8).
    """
    try:
        key = load_pem_private_key(pem, None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("not a readable private key") from error
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA private key")
    return key


def _text(lines: tuple[str, ...]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
