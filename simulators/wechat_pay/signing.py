"""WeChat Pay's side of the APIv3 signatures: check the merchant's, make the platform's, seal resources. Pure.

Source: WeChat Pay APIv3, 签名生成, 签名验证, 证书和回调报文解密, 2025.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME = "WECHATPAY2-SHA256-RSA2048"
WINDOW_SECONDS = 300
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"
_PAIR = re.compile(r'([a-z_]+)="([^"]*)"')
AUTHORIZATION_FIELDS = frozenset({"mchid", "nonce_str", "signature", "timestamp", "serial_no"})


class SignatureRefused(Exception):
    """The merchant's Authorization cannot be accepted; the text says why, as the platform would."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """The five values of the Authorization header."""

    mchid: str
    nonce_str: str
    signature: str
    timestamp: int
    serial_no: str


def parse_authorization(header: str) -> Authorization:
    """Parse `WECHATPAY2-SHA256-RSA2048 mchid="…",…`; the order of the values is free.

    Raises: SignatureRefused.
    """
    scheme, _, rest = header.partition(" ")
    if scheme != SCHEME:
        raise SignatureRefused("Http头Authorization认证类型不正确")
    values = dict(_PAIR.findall(rest))
    if values.keys() != AUTHORIZATION_FIELDS:
        raise SignatureRefused("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
    if not values["timestamp"].isdecimal() or len(values["timestamp"]) != 10:
        raise SignatureRefused("Http头Authorization值中的timestamp格式错误")
    return Authorization(**{**values, "timestamp": int(values["timestamp"])})


def request_text(method: str, path_and_query: str, timestamp: int, nonce: str, body: bytes) -> bytes:
    """Return the text a merchant signs: five lines, each with LF."""
    return f"{method}\n{path_and_query}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_text(timestamp: int | str, nonce: str, body: bytes) -> bytes:
    """Return the text the platform signs in answers and notifications: three lines, each with LF."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def pay_text(app_id: str, timestamp: str, nonce: str, package: str) -> bytes:
    """Return the text behind paySign of wx.requestPayment: four lines, each with LF."""
    return f"{app_id}\n{timestamp}\n{nonce}\n{package}\n".encode()


def sign(key: rsa.RSAPrivateKey, text: bytes) -> str:
    """Return the base64 RSA PKCS#1 v1.5 SHA-256 signature."""
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def verify(key: rsa.RSAPublicKey, text: bytes, signature: str) -> bool:
    """Say whether the base64 signature fits; malformed base64 does not."""
    try:
        key.verify(base64.b64decode(signature, validate=True), text, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def seal(apiv3_key: str, plain: bytes, associated_data: str) -> Mapping[str, str]:
    """Return algorithm, nonce, associated_data and ciphertext (AEAD_AES_256_GCM under the APIv3 key)."""
    nonce = secrets.token_hex(6)
    sealed = AESGCM(apiv3_key.encode()).encrypt(nonce.encode(), plain, associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "associated_data": associated_data,
        "nonce": nonce,
    }
