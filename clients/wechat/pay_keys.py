"""The keys WeChat Pay signs with: several at once, chosen by id, certificates only while they are valid.

Wiring fills a KeyStore, a job adds renewed certificates; verification never downloads anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

PUBLIC_KEY_PREFIX = "PUB_KEY_ID_"


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One key of WeChat Pay: `key_id` is PUB_KEY_ID_… or a certificate serial; `expires_at` None = never.

    `pem` is the file it came from, to be kept by whoever fetched it.
    """

    key_id: str
    public_key: RSAPublicKey
    expires_at: datetime | None = None
    pem: bytes = field(default=b"", repr=False, compare=False)


def public_key_from_pem(key_id: str, pem: bytes) -> VerificationKey:
    """Read a 微信支付公钥 file as downloaded from the merchant console. Raises ValueError.

    Source: WeChat Pay, 微信支付公钥产品简介及使用说明.
    """
    key = load_pem_public_key(pem)
    if not isinstance(key, RSAPublicKey) or not key_id.startswith(PUBLIC_KEY_PREFIX):
        raise ValueError("not a WeChat Pay public key with its PUB_KEY_ID")
    return VerificationKey(key_id, key, pem=pem)


def certificate_from_pem(pem: bytes) -> VerificationKey:
    """Read a platform certificate (平台证书); its id is the serial number. Raises ValueError.

    Source: WeChat Pay, 平台证书简介及使用说明: 40 upper-case hex digits, zeros in front kept.
    """
    certificate = x509.load_pem_x509_certificate(pem)
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("platform certificate without an RSA key")
    return VerificationKey(f"{certificate.serial_number:040X}", key, certificate.not_valid_after_utc, pem)


class KeyStore:
    """All keys that may sign answers and notifications of one merchant account now."""

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        self._keys = {key.key_id: key for key in keys}

    def find(self, key_id: str) -> VerificationKey | None:
        """Return the key of this id, expired or not, or None."""
        return self._keys.get(key_id)

    def add(self, keys: Iterable[VerificationKey]) -> None:
        """Keep these keys beside the present ones: old and new sign in turn during a rotation. Idempotent."""
        self._keys = self._keys | {key.key_id: key for key in keys}

    def joined_with(self, keys: Iterable[VerificationKey]) -> KeyStore:
        """Return a new store that also knows these keys."""
        return KeyStore([*self._keys.values(), *keys])

    def preferred_id(self, at: datetime) -> str | None:
        """Return the id to ask answers to be signed with: the public key if there is one, else the newest."""
        live = [key for key in self._keys.values() if key.expires_at is None or key.expires_at > at]
        public = [key.key_id for key in live if key.key_id.startswith(PUBLIC_KEY_PREFIX)]
        dated = [(key.expires_at, key.key_id) for key in live if key.expires_at is not None]
        return public[0] if public else max(dated)[1] if dated else None
