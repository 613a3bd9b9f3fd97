"""Encryption inside WeChat Pay messages: AES-256-GCM resources and RSA-OAEP fields. Pure functions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1

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


def encrypt_field(text: str, public_key: RSAPublicKey) -> str:
    """Encrypt a sensitive field for WeChat Pay; the call must name this key in Wechatpay-Serial.

    Source: WeChat Pay, APIv3 敏感信息加解密: RSAES-OAEP with SHA-1 (prescribed by WeChat, not our choice).
    """
    return base64.b64encode(public_key.encrypt(text.encode(), _oaep())).decode()


def decrypt_field(ciphertext: str, private_key: RSAPrivateKey) -> str:
    """Decrypt a sensitive field that WeChat encrypted for our merchant key. Raises ValueError.

    Source: WeChat Pay, APIv3 敏感信息加解密.
    """
    return private_key.decrypt(base64.b64decode(ciphertext, validate=True), _oaep()).decode()


def _oaep() -> OAEP:
    return OAEP(mgf=MGF1(algorithm=SHA1()), algorithm=SHA1(), label=None)
