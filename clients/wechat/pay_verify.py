"""Whether WeChat Pay really sent these bytes: signature of answers and notifications over the raw body.

Called by pay_wire (answers) and pay_notification before anything is parsed. It must not do I/O.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from clients.wechat.pay_keys import KeyStore, VerificationKey

WINDOW_SECONDS = 300
_ALGORITHM = "WECHATPAY2-SHA256-RSA2048"
_PROBE = "WECHATPAY/SIGNTEST/"


class Refusal(StrEnum):
    """Why a message is not genuine; for logs and tests, never shown to the sender."""

    HEADERS = "headers"
    STALE = "stale"
    UNKNOWN_SERIAL = "unknown_serial"
    EXPIRED_CERTIFICATE = "expired_certificate"
    SIGNATURE = "signature"


class NotGenuine(Exception):
    """The message is not proved to come from WeChat Pay. Turned into a house error by the callers here."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(str(reason))
        self.reason = reason


def verify(headers: Mapping[str, str], body: bytes, keys: KeyStore, now: datetime) -> None:
    """Check time window, key and signature of one received message, in this order. Raises NotGenuine.

    Probe signatures (WECHATPAY/SIGNTEST/…) fail like any wrong one, whatever serial they name: that is what the probe
    asks for, and it must not make anybody fetch a key.
    Source: WeChat Pay, APIv3 签名验证, 如何验证签名; 签名探测流量.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    timestamp, nonce, serial, signature = (
        lowered.get(f"wechatpay-{part}", "") for part in ("timestamp", "nonce", "serial", "signature")
    )
    if not (timestamp and nonce and serial and signature):
        raise NotGenuine(Refusal.HEADERS)
    if lowered.get("wechatpay-signature-type", _ALGORITHM) != _ALGORITHM:
        raise NotGenuine(Refusal.HEADERS)
    _check_window(timestamp, now)
    if signature.startswith(_PROBE):
        raise NotGenuine(Refusal.SIGNATURE)
    key = _usable_key(keys, serial, now)
    try:
        message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        key.public_key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        raise NotGenuine(Refusal.SIGNATURE) from None


def _check_window(timestamp: str, now: datetime) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise NotGenuine(Refusal.HEADERS)
    if abs(now.timestamp() - int(timestamp)) >= WINDOW_SECONDS:
        raise NotGenuine(Refusal.STALE)


def _usable_key(keys: KeyStore, serial: str, now: datetime) -> VerificationKey:
    key = keys.find(serial)
    if key is None:
        raise NotGenuine(Refusal.UNKNOWN_SERIAL)
    if key.expires_at is not None and key.expires_at <= now:
        raise NotGenuine(Refusal.EXPIRED_CERTIFICATE)
    return key
