"""Public keys of a provider as its PEM file holds them, and whether one of them signed a text. Pure.

Clients whose provider may change its key while we run use it; what is signed is each client's own business.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

_PUBLIC_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


def load_public_keys(pem: bytes) -> tuple[RSAPublicKey, ...]:
    """Read a provider's public keys; a file may hold several while the provider changes its key. Raises ValueError.

    Source: RFC 7468, section 13.
    """
    try:
        keys = [load_pem_public_key(block) for block in _PUBLIC_PEM.findall(pem)]
    except UnsupportedAlgorithm as error:
        raise ValueError("not a readable public key") from error
    rsa_keys = tuple(key for key in keys if isinstance(key, RSAPublicKey))
    if not rsa_keys or len(rsa_keys) != len(keys):
        raise ValueError("no RSA public key, or one of another kind")
    return rsa_keys


def is_signed(keys: tuple[RSAPublicKey, ...], text: bytes, signature: str) -> bool:
    """Tell whether one of the keys made this signature (Base64; PKCS #1 v1.5, SHA-256) of the text.

    Source: RFC 8017, section 8.2.
    """
    return any(_fits(key, text, signature) for key in keys)


def _fits(key: RSAPublicKey, text: bytes, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
