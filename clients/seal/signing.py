"""Signatures between us and the seal authority: HMAC over the messages, RSA over its statements. Pure.

Source: docs/providers/seal.md, Signatures (our profile).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from clients.rsa_keys import is_signed
from clients.seal.types import SealAccount

WINDOW_SECONDS = 300
SIGNED_FIELDS = ("Reference", "DocumentSha256", "SealOwner", "SealNo", "SealedAt")


def request_headers(account: SealAccount, path: str, body: bytes, *, timestamp: int, nonce: str) -> dict[str, str]:
    """Return the headers of a POST of exactly these bytes to this path.

    Source: docs/providers/seal.md, Signatures, Request.
    """
    return {
        "Content-Type": "application/json; charset=utf-8",
        "X-Seal-App-Id": account.app_id,
        "X-Seal-Timestamp": str(timestamp),
        "X-Seal-Nonce": nonce,
        "X-Seal-Signature": _mac(account.secret, "POST", path, account.app_id, str(timestamp), nonce, body),
    }


def answer_fault(
    account: SealAccount,
    path: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    nonce: str,
    now: datetime,
) -> str:
    """Return why these bytes do not answer our very request ("" when they do): nonce, time window, HMAC.

    Source: docs/providers/seal.md, Signatures, Answer.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    timestamp, echoed, signature = (lowered.get(f"x-seal-{part}", "") for part in ("timestamp", "nonce", "signature"))
    if not (echoed and signature and re.fullmatch(r"[0-9]{1,12}", timestamp)):
        return "headers"
    if echoed != nonce:
        return "another_request"
    if abs(now.timestamp() - int(timestamp)) >= WINDOW_SECONDS:
        return "stale"
    expected = _mac(account.secret, str(status), path, account.app_id, timestamp, echoed, body)
    return "" if hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")) else "signature"


def statement_is_genuine(keys: tuple[RSAPublicKey, ...], statement: Mapping[str, object]) -> bool:
    """Tell whether the authority signed this statement with one of its keys; whoever holds the keys can ask that.

    Source: docs/providers/seal.md, Statement.
    """
    values = [statement.get(name) for name in SIGNED_FIELDS]
    signature = statement.get("Signature")
    if not isinstance(signature, str) or not all(isinstance(value, str) for value in values):
        return False
    text = "".join(f"{line}\n" for line in ("SJT-SEAL-1", *values)).encode()
    return is_signed(keys, text, signature)


def _mac(secret: str, first: str, path: str, app_id: str, timestamp: str, nonce: str, body: bytes) -> str:
    lines = (first, path, app_id, timestamp, nonce, hashlib.sha256(body).hexdigest())
    text = "".join(f"{line}\n" for line in lines).encode()
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
