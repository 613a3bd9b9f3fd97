"""The department's side of the signatures: the text that is signed, HMAC-SHA256 and Ed25519 over it. Pure.

Source: docs/exchange.md, Signatures.
"""

import base64
import binascii
import hashlib
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

WINDOW_SECONDS = 300
HEADERS = ("X-Exchange-Key", "X-Exchange-Timestamp", "X-Exchange-Nonce", "X-Exchange-Signature")


def text(algorithm: str, key_id: str, timestamp: str, nonce: str, method: str, target: str, body: bytes) -> bytes:
    """Return the eight lines that are signed."""
    head = f"SJT-EXCHANGE-1\n{algorithm}\n{key_id}\n{timestamp}\n{nonce}\n{method}\n{target}\n"
    return head.encode() + hashlib.sha256(body).hexdigest().encode() + b"\n"


def sign(algorithm: str, secret: bytes, signed: bytes) -> str:
    """Return the signature in base64; `secret` is the shared secret or the private key's 32 bytes."""
    if algorithm == "hmac-sha256":
        return base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
    return base64.b64encode(Ed25519PrivateKey.from_private_bytes(secret).sign(signed)).decode()


def verify(algorithm: str, key: bytes, signed: bytes, signature: str) -> bool:
    """Say whether a signature fits; `key` is the shared secret or the public key's 32 bytes."""
    if algorithm == "hmac-sha256":
        return hmac.compare_digest(sign(algorithm, key, signed).encode(), signature.encode())
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
