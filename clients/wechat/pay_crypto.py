"""Encryption inside WeChat Pay messages: AES-256-GCM resources. Pure functions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_ALGORITHM = "AEAD_AES_256_GCM"


class Resource(msgspec.Struct, frozen=True):
    """The encrypted part of a notification or certificate list. `associated_data` may be empty or absent."""

    algorithm: str
    ciphertext: str
    nonce: str
    associated_data: str | None = None
    original_type: str = ""


class Undecryptable(Exception):
    """No APIv3 key opens the resource. After a good signature: the key was changed and ours is not the one."""


def decrypt_resource(resource: Resource, apiv3_keys: Iterable[str]) -> bytes:
    """Open a resource with the first APIv3 key that fits; return the exact plaintext. Raises Undecryptable.

    Source: WeChat Pay, APIv3 证书和回调报文解密: the last 16 bytes are the tag.
    """
    if resource.algorithm != _ALGORITHM:
        raise Undecryptable
    try:
        sealed = base64.b64decode(resource.ciphertext, validate=True)
    except binascii.Error:
        raise Undecryptable from None
    for key in apiv3_keys:
        try:
            extra = (resource.associated_data or "").encode()
            return AESGCM(key.encode()).decrypt(resource.nonce.encode(), sealed, extra)
        except (InvalidTag, ValueError):
            continue
    raise Undecryptable
