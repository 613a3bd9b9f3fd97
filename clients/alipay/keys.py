"""Keys and certificates as Alipay's console hands them out, read into objects once at start-up.

Wiring and settings checks call it. It must not open files or sign anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from app.errors import SettingsError

_SMALLEST_KEY_BITS = 2048
_RSA_SIGNATURE_OID_PREFIX = "1.2.840.113549.1.1"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def load_private_key(text: str) -> RSAPrivateKey:
    """Read our application private key (应用私钥): PEM, or the console tool's bare base64 of PKCS#8 or PKCS#1.

    Raises: SettingsError when it is no RSA private key of at least 2048 bits.
    Source: Alipay open platform, 密钥工具 and 接口加签方式.
    """
    for label in _labels(text, "PRIVATE KEY", "RSA PRIVATE KEY"):
        try:
            key = serialization.load_pem_private_key(_as_pem(text, label), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if isinstance(key, RSAPrivateKey) and key.key_size >= _SMALLEST_KEY_BITS:
            return key
    raise SettingsError("Alipay application private key is not an RSA key of 2048 bits or more (PEM or bare base64)")


def load_public_key(text: str) -> RSAPublicKey:
    """Read Alipay's public key (支付宝公钥): PEM or bare base64, SubjectPublicKeyInfo or PKCS#1.

    Raises: SettingsError when it is no RSA public key of at least 2048 bits.
    Source: Alipay open platform, 接口加签方式 (普通公钥方式).
    """
    for label in _labels(text, "PUBLIC KEY", "RSA PUBLIC KEY"):
        try:
            key = serialization.load_pem_public_key(_as_pem(text, label))
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= _SMALLEST_KEY_BITS:
            return key
    raise SettingsError("Alipay public key is not an RSA key of 2048 bits or more (PEM or bare base64)")


def load_aes_key(text: str) -> bytes:
    """Read the content encryption key (接口内容加密方式): base64 of 16 bytes. Raises SettingsError."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != 16:
        raise SettingsError("Alipay content encryption key is not the base64 of 16 bytes")
    return key


def public_key_text(key: RSAPublicKey) -> str:
    """Print a public key as the console shows it: base64 of SubjectPublicKeyInfo on one line."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def load_certificate(pem: bytes) -> x509.Certificate:
    """Read the first certificate of a PEM file. Raises SettingsError."""
    for certificate in readable_certificates(pem):
        return certificate
    raise SettingsError("Alipay certificate file holds no readable certificate")


def certificate_sn(certificate: x509.Certificate) -> str:
    """Return the SN by which Alipay names a certificate: 32 lower-case hex digits.

    It is the MD5 of the RFC 2253 issuer name followed by the decimal serial number.
    Source: Alipay open platform, 公钥证书方式 (app_cert_sn).
    """
    named = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()


def root_bundle_sn(pem: bytes) -> str:
    """Return `alipay_root_cert_sn`: the SNs of the bundle's RSA-signed certificates in file order, joined by `_`.

    Raises: SettingsError when no certificate of the bundle counts.
    Source: Alipay open platform, 公钥证书方式 (alipay_root_cert_sn).
    """
    numbers = [
        certificate_sn(certificate)
        for certificate in readable_certificates(pem)
        if certificate.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURE_OID_PREFIX)
    ]
    if not numbers:
        raise SettingsError("Alipay root certificate bundle holds no RSA-signed certificate")
    return "_".join(numbers)


def readable_certificates(pem: bytes) -> Iterator[x509.Certificate]:
    """Yield the certificates of a bundle, leaving out those that cannot be decoded.

    The real root bundle holds one ECDSA certificate that is encoded badly; it must not hide the others.
    """
    for block in _CERTIFICATE.findall(pem):
        try:
            yield x509.load_pem_x509_certificate(block)
        except ValueError:
            continue


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Say whether `issuer` signed `certificate`, checking names and signature (not dates)."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _labels(text: str, *candidates: str) -> tuple[str, ...]:
    return ("",) if "-----BEGIN" in text else candidates


def _as_pem(text: str, label: str) -> bytes:
    if not label:
        return text.strip().encode()
    # The loaders are strict about bare text: 64 columns between the right markers.
    body = "".join(text.split())
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()
