"""Alipay's own side of RSA2 and AES: what the gateway, its notifications and the phone client compute.

Used by the Alipay simulator only. Written apart from the backend's client on purpose, so that the two can disagree.
"""

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK_BITS = 128
_ZERO_IV = bytes(16)


class DecryptionFailed(Exception):
    """The ciphertext is not what the AES key of the app can read."""


def load_private_key(pem: bytes) -> rsa.RSAPrivateKey:
    """Read a PEM private key. Raises: ValueError when it is no RSA key."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("no RSA private key")
    return key


def load_public_key(pem: bytes) -> rsa.RSAPublicKey:
    """Read a PEM public key. Raises: ValueError when it is no RSA key."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("no RSA public key")
    return key


def new_private_key() -> rsa.RSAPrivateKey:
    """Make a key that nobody knows, for answers and notifications that must fail verification."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def content_to_sign(params: Mapping[str, str], *, without: tuple[str, ...], keep_empty: bool) -> str:
    """Join parameters as `name=value&…`, sorted by name, values raw.

    Source: 支付宝开放平台 自行实现签名 (requests: without sign, empties dropped) and 异步通知验签 (V1, V2).
    """
    kept = sorted((name, value) for name, value in params.items() if name not in without and (value or keep_empty))
    return "&".join(f"{name}={value}" for name, value in kept)


def request_content(params: Mapping[str, str]) -> str:
    """Build what an app signs for gateway.do: everything but `sign` and empty values; sign_type stays in."""
    return content_to_sign(params, without=("sign",), keep_empty=False)


def notification_content(params: Mapping[str, str]) -> str:
    """Build what Alipay signs for a trade notification or a From蚂蚁 message (V1: sign and sign_type dropped)."""
    return content_to_sign(params, without=("sign", "sign_type"), keep_empty=True)


def service_message_content(params: Mapping[str, str]) -> str:
    """Build what Alipay signs for alipay.service.check and older messages (V2: only sign dropped)."""
    return content_to_sign(params, without=("sign",), keep_empty=True)


def sign_rsa2(key: rsa.RSAPrivateKey, data: bytes) -> str:
    """Sign with SHA256withRSA. Source: 支付宝开放平台 签名算法 RSA2."""
    return base64.b64encode(key.sign(data, PKCS1v15(), hashes.SHA256())).decode()


def verify_rsa2(key: rsa.RSAPublicKey, signature: str, data: bytes) -> bool:
    """Tell whether the base64 signature fits; malformed base64 is simply a wrong signature."""
    try:
        key.verify(base64.b64decode(signature, validate=True), data, PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def encrypt_content(aes_key_base64: str, text: str) -> str:
    """AES-128-CBC with a zero IV and PKCS#7, base64. Source: 支付宝开放平台 接口内容加密方式."""
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(base64.b64decode(aes_key_base64)), modes.CBC(_ZERO_IV)).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt_content(aes_key_base64: str, ciphertext_base64: str) -> str:
    """Undo encrypt_content. Raises: DecryptionFailed."""
    try:
        ciphertext = base64.b64decode(ciphertext_base64, validate=True)
        decryptor = Cipher(algorithms.AES(base64.b64decode(aes_key_base64)), modes.CBC(_ZERO_IV)).decryptor()
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except (ValueError, binascii.Error) as error:
        raise DecryptionFailed from error
