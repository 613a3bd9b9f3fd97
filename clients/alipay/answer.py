"""Reads a gateway answer: finds the signed span in the raw bytes, verifies it, and parses that span and nothing else.

The gateway client calls it. It must never turn something unsigned or doubtful into a success.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from app.errors import ProviderProtocolError
from clients.alipay.config import AlipayApp
from clients.alipay.content_crypto import decrypt
from clients.alipay.signing import is_genuine

SUCCESS = "10000"
BUSINESS_FAILURE = "40004"
_WITHOUT_CODE = "alipay.system.oauth.token"
_DECODER = json.JSONDecoder()
_BLANK = " \t\r\n"


class UnknownCertificate(ProviderProtocolError):
    """The answer names an Alipay certificate that is not pinned; `certificate_sn` says which."""

    def __init__(self, method: str, certificate_sn: str) -> None:
        self.certificate_sn = certificate_sn[:64]
        super().__init__(
            provider="alipay", call=method, reason="unknown_certificate", certificate_sn=self.certificate_sn
        )


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """A readable answer. `verified` is false only for a gateway error without signature, which is always a failure."""

    method: str
    fields: dict[str, Any]
    verified: bool

    @property
    def code(self) -> str:
        """The gateway's result code; empty for the token call, whose success carries none."""
        return str(self.fields.get("code", ""))

    @property
    def sub_code(self) -> str:
        """The finer code of a failure as Alipay spelled it."""
        return str(self.fields.get("sub_code", ""))

    @property
    def success(self) -> bool:
        """Say whether the call was handled; for refunds that alone does not mean that money moved."""
        if not self.verified:
            return False
        if self.method == _WITHOUT_CODE and not self.code:
            return bool(self.fields.get("access_token"))
        return self.code == SUCCESS


def read_answer(raw: bytes, method: str, app: AlipayApp) -> GatewayAnswer:
    """Read the answer to `method`.

    Raises: UnknownCertificate; ProviderProtocolError when the answer is unreadable, has another method's node or a
    repeated one, is wrongly signed, or is an unsigned success or business failure.
    Source: Alipay open platform, 自行实现验签 (同步返回验签).
    """
    text, encoding = _decoded(raw, method)
    spans = _members(text, method)
    node = _node_name(spans, method)
    value, signed = spans[node]
    signature = spans["sign"][0] if "sign" in spans else None
    if signature is None:
        return _unsigned(value, method)
    certificate_sn = spans["alipay_cert_sn"][0] if "alipay_cert_sn" in spans else None
    keys = app.keys_for(certificate_sn if isinstance(certificate_sn, str) else None)
    if not keys:
        raise UnknownCertificate(method, str(certificate_sn))
    if not isinstance(signature, str) or not is_genuine(signed.encode(encoding), signature, keys):
        raise _doubtful(method, "bad_signature")
    fields = _decrypted(value, method, app) if isinstance(value, str) else value
    if not isinstance(fields, dict):
        raise _doubtful(method, "unreadable")
    answer = GatewayAnswer(method, fields, verified=True)
    if node == "error_response" and answer.success:
        raise _doubtful(method, "success_as_error_response")
    return answer


def _decoded(raw: bytes, method: str) -> tuple[str, str]:
    # 20000 errors may arrive in GBK although utf-8 was asked for; the signature covers the bytes as received.
    for encoding in ("utf-8", "gbk"):
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise _doubtful(method, "unreadable")


def _members(text: str, method: str) -> dict[str, tuple[Any, str]]:
    """Walk the top-level object; return each member's value with its raw text. Repeated names are refused."""
    members: dict[str, tuple[Any, str]] = {}
    try:
        at = _expect(text, 0, "{")
        while True:
            name, at = _DECODER.raw_decode(text, _skip(text, at))
            at = _expect(text, at, ":")
            begin = _skip(text, at)
            value, at = _DECODER.raw_decode(text, begin)
            if not isinstance(name, str) or name in members:
                raise _doubtful(method, "repeated_member")
            members[name] = (value, text[begin:at])
            at = _skip(text, at)
            if text[at : at + 1] != ",":
                break
            at += 1
        if text[_expect(text, at, "}") :].strip(_BLANK):
            raise _doubtful(method, "unreadable")
    except (ValueError, RecursionError):
        raise _doubtful(method, "unreadable") from None
    return members


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at


def _expect(text: str, at: int, mark: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"{mark} expected")
    return at + 1


def _node_name(members: dict[str, tuple[Any, str]], method: str) -> str:
    for name in (method.replace(".", "_") + "_response", "error_response"):
        if name in members:
            return name
    raise _doubtful(method, "no_response_node")


def _unsigned(value: Any, method: str) -> GatewayAnswer:
    # Gateway-level errors come without signature and may be believed as failures. Business failures are always
    # signed: an unsigned one could make us close an order that is paid.
    if not isinstance(value, dict):
        raise _doubtful(method, "unsigned")
    answer = GatewayAnswer(method, value, verified=False)
    if answer.code in ("", SUCCESS, BUSINESS_FAILURE):
        raise _doubtful(method, "unsigned")
    return answer


def _decrypted(value: str, method: str, app: AlipayApp) -> Any:
    if app.aes_key is None:
        raise _doubtful(method, "encrypted_without_key")
    try:
        return json.loads(decrypt(value, app.aes_key))
    except (ValueError, RecursionError):
        raise _doubtful(method, "undecryptable") from None


def _doubtful(method: str, reason: str) -> ProviderProtocolError:
    return ProviderProtocolError(provider="alipay", call=method, reason=reason)
