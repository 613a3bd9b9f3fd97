"""The platform's side of the signatures: texts that are signed, and RSA PKCS#1 v1.5 SHA-256 over them. Pure.

Source: docs/providers/fiscal.md, Signatures (profile).
"""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

WINDOW_SECONDS = 300


def request_text(path: str, app_id: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """Return what the caller signs: six lines, each with LF, the last the hex digest of the body."""
    return f"POST\n{path}\n{app_id}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n".encode()


def answer_text(status: int, path: str, app_id: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """Return what the platform signs: six lines; nonce is the caller's."""
    return f"{status}\n{path}\n{app_id}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n".encode()


def sign(key: rsa.RSAPrivateKey, text: bytes) -> str:
    """Return the base64 signature."""
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def verify(key: rsa.RSAPublicKey, text: bytes, signature: str) -> bool:
    """Say whether the base64 signature fits; malformed base64 does not."""
    try:
        key.verify(base64.b64decode(signature, validate=True), text, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
