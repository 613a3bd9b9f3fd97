"""Reads and verifies the signed forms that Alipay posts to us, from the raw bytes and decoded exactly once.

The notification and gateway-check readers call it. It must not interpret any field but charset, sign and sign_type.
"""

from __future__ import annotations

from enum import Enum
from urllib.parse import unquote_to_bytes

from app.errors import CallbackRejected
from clients.alipay.config import AlipayApp
from clients.alipay.signing import SIGN_TYPE, is_genuine, joined

_CHARSETS = {"": "utf-8", "UTF-8": "utf-8", "UTF8": "utf-8", "GBK": "gbk", "GB2312": "gbk", "GB18030": "gb18030"}
_MOST_FIELDS = 200


class SignRule(Enum):
    """Which parameters a form's signature leaves out: V1 for notifications, V2 for older platform events."""

    V1 = frozenset({"sign", "sign_type", "alipay_cert_sn"})
    V2 = frozenset({"sign"})


def verified_form(raw: bytes, app: AlipayApp, rules: tuple[SignRule, ...]) -> dict[str, str]:
    """Return the fields of a genuine form, signed under one of the rules.

    Raises: CallbackRejected when a name is repeated, the charset or sign_type is not ours, or the signature is wrong.
    Source: Alipay open platform, 异步通知验签 (自行实现验签).
    """
    fields, charset = read_form(raw)
    if not fields.get("sign"):
        raise CallbackRejected(provider="alipay", reason="signature")
    if fields.get("sign_type") != SIGN_TYPE:
        raise CallbackRejected(provider="alipay", reason="sign_type")
    keys = app.keys_for(fields.get("alipay_cert_sn"))
    for rule in rules:
        covered = {name: value for name, value in fields.items() if name not in rule.value}
        filled = {name: value for name, value in covered.items() if value}
        # Official SDKs disagree whether empty values are signed: as received first, then without them.
        for candidate in (covered, filled) if len(filled) < len(covered) else (covered,):
            if is_genuine(joined(candidate).encode(charset), fields["sign"], keys):
                return fields
    raise CallbackRejected(provider="alipay", reason="signature")


def read_form(raw: bytes) -> tuple[dict[str, str], str]:
    """Decode a form in the charset that it declares; return its fields and the codec. Nothing is verified yet.

    Raises: CallbackRejected when it cannot be decoded or repeats a name.
    """
    pairs = [_pair(part) for part in raw.split(b"&", _MOST_FIELDS) if part]
    declared = dict(pairs).get(b"charset", b"")
    charset = _CHARSETS.get(declared.decode("ascii", "replace").upper())
    if charset is None or len(pairs) > _MOST_FIELDS:
        raise CallbackRejected(provider="alipay", reason="form")
    fields: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        try:
            name, value = raw_name.decode(charset), raw_value.decode(charset)
        except UnicodeDecodeError:
            raise CallbackRejected(provider="alipay", reason="charset") from None
        if name in fields:
            raise CallbackRejected(provider="alipay", reason="duplicate parameter")
        fields[name] = value
    return fields, charset


def _pair(part: bytes) -> tuple[bytes, bytes]:
    name, _, value = part.partition(b"=")
    return unquote_to_bytes(name.replace(b"+", b" ")), unquote_to_bytes(value.replace(b"+", b" "))
