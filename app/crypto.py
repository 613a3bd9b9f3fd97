"""Encryption of personal data per field, keyed look-up hashes, and password hashing.

A stored value is `version byte | algorithm byte | key id length | key id | nonce (12) | ciphertext + tag`, bound to its
column by associated data, so that a value copied into another column does not decrypt. Rotation: new values use the
first key, old ones name theirs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

from app.errors import SettingsError

_AES, _SM4 = 1, 2
_passwords = PasswordHasher()


class FieldUnreadable(Exception):
    """A stored value does not decrypt: wrong column, unknown key or damage."""


def parse_keys(text: str) -> dict[str, bytes]:
    """Read `id:base64,id:base64` (newest first). Raises SettingsError."""
    keys: dict[str, bytes] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        key_id, _, encoded = part.partition(":")
        try:
            keys[key_id] = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise SettingsError(f"密钥 {key_id} 不是 base64") from error
    return keys


class FieldCipher:
    """Encrypts and finds personal data; one per process, made by wiring.

    Args:
        keys: key id → 32 bytes (AES-256) or 16 bytes (SM4), newest first.
        hash_key: key of the look-up hash.
        algorithm: "aes" (AES-256-GCM) or "sm4" (SM4-GCM) for new values; both are read.
    """

    def __init__(self, keys: dict[str, bytes], hash_key: bytes, algorithm: str = "aes") -> None:
        if not keys or any(len(key) != 32 for key in keys.values()):
            raise SettingsError("SJT_FIELD_KEYS 需要至少一个 32 字节密钥")
        if len(hash_key) < 32:
            raise SettingsError("SJT_HASH_KEY 需要 32 字节")
        self._keys = keys
        self._current = next(iter(keys))
        self._algorithm = _AES if algorithm == "aes" else _SM4
        self._aes = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._hash_key = hash_key
        self._hash: Callable[[bytes], bytes] = self._sha256 if algorithm == "aes" else self._sm3

    def encrypt(self, column: str, text: str) -> bytes:
        """Encrypt one value for `column` (as `citizen.phone`)."""
        nonce = secrets.token_bytes(12)
        head = bytes((1, self._algorithm, len(self._current))) + self._current.encode()
        if self._algorithm == _AES:
            body = self._aes[self._current].encrypt(nonce, text.encode(), column.encode())
        else:
            body = self._sm4_encrypt(self._keys[self._current], nonce, text.encode(), column.encode())
        return head + nonce + body

    def decrypt(self, column: str, stored: bytes) -> str:
        """Read a value back. Raises FieldUnreadable."""
        try:
            algorithm, id_length = stored[1], stored[2]
            key_id = stored[3 : 3 + id_length].decode()
            nonce, body = stored[3 + id_length : 15 + id_length], stored[15 + id_length :]
            if algorithm == _AES:
                return self._aes[key_id].decrypt(nonce, body, column.encode()).decode()
            return self._sm4_decrypt(self._keys[key_id], nonce, body, column.encode()).decode()
        except (InvalidTag, KeyError, IndexError, UnicodeDecodeError, ValueError) as error:
            raise FieldUnreadable(column) from error

    def encrypt_json(self, column: str, value: Any) -> bytes:
        """Encrypt a JSON value for `column`."""
        return self.encrypt(column, msgspec.json.encode(value).decode())

    def decrypt_json(self, column: str, stored: bytes) -> Any:
        """Read a JSON value back. Raises FieldUnreadable."""
        return msgspec.json.decode(self.decrypt(column, stored))

    def lookup(self, kind: str, text: str) -> str:
        """Return the keyed hash (hex) by which a value is found; equal only for equal values of the same kind."""
        return self._hash(f"{kind}\x00{text}".encode()).hex()

    def _sha256(self, message: bytes) -> bytes:
        return hmac.new(self._hash_key, message, hashlib.sha256).digest()

    def _sm3(self, message: bytes) -> bytes:
        mac = HMAC(self._hash_key, hashes.SM3())
        mac.update(message)
        return mac.finalize()

    @staticmethod
    def _sm4_encrypt(key: bytes, nonce: bytes, data: bytes, bound_to: bytes) -> bytes:
        encryptor = Cipher(algorithms.SM4(key[:16]), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(bound_to)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    @staticmethod
    def _sm4_decrypt(key: bytes, nonce: bytes, data: bytes, bound_to: bytes) -> bytes:
        decryptor = Cipher(algorithms.SM4(key[:16]), modes.GCM(nonce, data[-16:])).decryptor()
        decryptor.authenticate_additional_data(bound_to)
        return decryptor.update(data[:-16]) + decryptor.finalize()


def hash_secret(secret: str) -> str:
    """Hash (hex) an opaque high-entropy secret (refresh token, session cookie) for storage and look-up."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_password(password: str) -> str:
    """Hash a password (argon2id). Slow: call through `asyncio.to_thread`."""
    return _passwords.hash(password)


def password_matches(stored: str, password: str) -> bool:
    """Compare a password with its stored hash. Slow: call through `asyncio.to_thread`."""
    try:
        return _passwords.verify(stored, password)
    except VerificationError:
        return False
