"""What is signed on the way to the business register and back: HMAC-SHA256 over lines that each end with LF. Pure.

Source: docs/providers/register.md, Signatures (our profile).
"""

from __future__ import annotations

import hashlib
import hmac


def request_text(method: str, path: str, app_id: str, timestamp: int, nonce: str, body: bytes) -> bytes:
    """Return the text of a request. Source: docs/providers/register.md, Signatures."""
    return _lines(method, path, app_id, str(timestamp), nonce, hashlib.sha256(body).hexdigest())


def answer_text(status: int, path: str, nonce: str, body: bytes) -> bytes:
    """Return the text of an answer; it repeats the request's nonce. Source: docs/providers/register.md, Signatures."""
    return _lines(str(status), path, nonce, hashlib.sha256(body).hexdigest())


def signature(secret: str, text: bytes) -> str:
    """Return the signature in hex."""
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def fits(secret: str, text: bytes, given: str) -> bool:
    """Tell whether a signature fits, in constant time."""
    return hmac.compare_digest(signature(secret, text).encode(), given.encode("utf-8", "replace"))


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
