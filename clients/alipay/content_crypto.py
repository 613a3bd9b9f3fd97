"""Alipay's content encryption (接口内容加密): AES-128-CBC with a zero IV, for request contents and phone payloads.

A platform format, not a pattern for our own data: equal plaintexts give equal ciphertexts.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

_ZERO_IV = bytes(16)


def encrypt(plaintext: str, key: bytes) -> str:
    """Encrypt a text for Alipay; return base64. Source: Alipay open platform, 接口内容加密方式."""
    padder = PKCS7(128).padder()
    padded = padder.update(plaintext.encode()) + padder.finalize()
    encryptor = Cipher(AES(key), CBC(_ZERO_IV)).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt(ciphertext: str, key: bytes) -> str:
    """Decrypt a base64 text from Alipay; only after its signature was verified.

    Raises: ValueError when it is no base64, does not fill whole blocks, has bad padding or is not UTF-8.
    Source: Alipay open platform, 接口内容加密方式.
    """
    try:
        encrypted = base64.b64decode(ciphertext, validate=True)
    except binascii.Error as error:
        raise ValueError("ciphertext is not base64") from error
    decryptor = Cipher(AES(key), CBC(_ZERO_IV)).decryptor()
    padded = decryptor.update(encrypted) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()
