"""How department systems and we sign to each other: the text that is signed, HMAC-SHA256 and Ed25519 over it. Pure.

The exchange room verifies requests with it, its client signs events; docs/exchange.md tells strangers the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HMAC_SHA256, ED25519 = "hmac-sha256", "ed25519"
ALGORITHMS = (HMAC_SHA256, ED25519)
VERSION = "SJT-EXCHANGE-1"
KEY, TIMESTAMP, NONCE, SIGNATURE = (f"x-exchange-{name}" for name in ("key", "timestamp", "nonce", "signature"))
"""Names of the four headers, in lower case."""
WINDOW_SECONDS = 300
_SHAPES = {
    KEY: re.compile(r"[0-9A-Za-z._-]{1,64}"),
    TIMESTAMP: re.compile(r"[0-9]{1,12}"),
    NONCE: re.compile(r"[0-9A-Za-z_-]{16,48}"),
    SIGNATURE: re.compile(r"[0-9A-Za-z+/]{43}=|[0-9A-Za-z+/]{86}=="),
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """The four headers of a signed message, not yet believed."""

    key_id: str
    timestamp: str
    nonce: str
    signature: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that we sign with; `secret` is the shared secret, or the 32 bytes of an Ed25519 private key."""

    key_id: str
    algorithm: str
    secret: bytes = field(repr=False)


def claimed(headers: Mapping[str, str]) -> Claimed | None:
    """Read the four headers; None where one is missing or cannot be meant."""
    values = {name: headers.get(name, "") for name in _SHAPES}
    if not all(shape.fullmatch(values[name]) for name, shape in _SHAPES.items()):
        return None
    return Claimed(*values.values())


def signed_text(algorithm: str, claim: Claimed, method: str, target: str, body: bytes) -> bytes:
    """Return what is signed: eight lines, each ended by LF.

    Args:
        target: path and query exactly as they stand in the request line.
    """
    digest = hashlib.sha256(body).hexdigest()
    lines = (VERSION, algorithm, claim.key_id, claim.timestamp, claim.nonce, method, target, digest)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def sign(key: SigningKey, text: bytes) -> str:
    """Return the signature in base64."""
    if key.algorithm == HMAC_SHA256:
        made = hmac.new(key.secret, text, hashlib.sha256).digest()
    else:
        made = Ed25519PrivateKey.from_private_bytes(key.secret).sign(text)
    return base64.b64encode(made).decode()


def fits(algorithm: str, secret: bytes, text: bytes, signature: str) -> bool:
    """Tell whether a signature fits, in constant time; `secret` is the shared secret or the raw public key."""
    try:
        given = base64.b64decode(signature, validate=True)
        # Base64 can say the same bytes in more ways than one; only the one way counts.
        if base64.b64encode(given).decode() != signature:
            return False
        if algorithm == HMAC_SHA256:
            return hmac.compare_digest(hmac.new(secret, text, hashlib.sha256).digest(), given)
        Ed25519PublicKey.from_public_bytes(secret).verify(given, text)
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True


def headers(key: SigningKey, method: str, target: str, body: bytes, *, timestamp: int, nonce: str) -> dict[str, str]:
    """Return the four headers of a message that we send."""
    claim = Claimed(key.key_id, str(timestamp), nonce, "")
    signature = sign(key, signed_text(key.algorithm, claim, method, target, body))
    return {KEY: key.key_id, TIMESTAMP: str(timestamp), NONCE: nonce, SIGNATURE: signature}


def read_public_key(pem: str) -> bytes:
    """Return the 32 bytes of an Ed25519 public key in PEM. Raises ValueError."""
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key.public_bytes_raw()


def public_pem(private: bytes) -> str:
    """Return the PEM of the public half of an Ed25519 private key of 32 bytes."""
    shape = serialization.PublicFormat.SubjectPublicKeyInfo
    key = Ed25519PrivateKey.from_private_bytes(private).public_key()
    return key.public_bytes(serialization.Encoding.PEM, shape).decode()
