"""Certificate mode: accepts a re-issued Alipay certificate that the gateway offers, if it chains to our stored roots.

The gateway client calls it when an answer names an unknown certificate. Nothing else makes a certificate trusted.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.errors import ProviderProtocolError
from clients.alipay.config import AlipayApp
from clients.alipay.keys import certificate_sn, issued_by, readable_certificates

DOWNLOAD_METHOD = "alipay.open.app.alipaycert.download"


def certificate_from_download(raw: bytes, expected_sn: str, app: AlipayApp, at: datetime) -> x509.Certificate:
    """Return the certificate `expected_sn` out of a download answer, whose own signature we cannot check.

    It must have the asked SN, the same issuer name as a pinned certificate, be valid at `at` (aware UTC), and chain to
    one of the app's root certificates, directly or over intermediates that came with it.
    Raises: ProviderProtocolError otherwise.
    Source: Alipay open platform, alipay.open.app.alipaycert.download (应用支付宝公钥证书下载).
    """
    offered = list(readable_certificates(_content(raw)))
    wanted = next((each for each in offered if certificate_sn(each) == expected_sn), None)
    if wanted is None or not isinstance(wanted.public_key(), RSAPublicKey):
        raise _refused("not_the_asked_certificate")
    if wanted.issuer not in {pinned.issuer for pinned in app.pinned_certificates.values()}:
        raise _refused("another_issuer")
    if not _chains(wanted, [each for each in offered if each is not wanted], app.root_certificates, at):
        raise _refused("no_chain_to_root")
    return wanted


def _chains(
    certificate: x509.Certificate,
    intermediates: list[x509.Certificate],
    roots: Iterable[x509.Certificate],
    at: datetime,
) -> bool:
    if not _is_current(certificate, at):
        return False
    if any(_may_issue(root) and _is_current(root, at) and issued_by(certificate, root) for root in roots):
        return True
    return any(
        _may_issue(issuer)
        and issued_by(certificate, issuer)
        and _chains(issuer, [other for other in intermediates if other is not issuer], roots, at)
        for issuer in intermediates
    )


def _is_current(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _content(raw: bytes) -> bytes:
    try:
        answer: Any = json.loads(raw)
        node = answer[DOWNLOAD_METHOD.replace(".", "_") + "_response"]
        return base64.b64decode(node["alipay_cert_content"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise _refused("unreadable") from None


def _refused(reason: str) -> ProviderProtocolError:
    return ProviderProtocolError(provider="alipay", call=DOWNLOAD_METHOD, reason=reason)
