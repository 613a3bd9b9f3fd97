"""Answers `alipay.service.check`, by which the console tries our application gateway (应用网关) when it is switched on.

The gateway callback door calls it before anything else reads the form.
"""

from __future__ import annotations

import re

from app.errors import CallbackRejected
from clients.alipay.config import AlipayApp
from clients.alipay.form import SignRule, read_form, verified_form
from clients.alipay.keys import public_key_text
from clients.alipay.signing import SIGN_TYPE, sign

_SERVICE = "alipay.service.check"
# One fixed event is looked for, so no XML parser (and no entity expansion) is let near the text.
_VERIFY_EVENT = re.compile(r"<EventType>\s*(?:<!\[CDATA\[)?\s*verifygw\s*(?:\]\]>)?\s*</EventType>")


def is_gateway_check(raw: bytes) -> bool:
    """Say whether a form claims to be the activation check. Raises CallbackRejected when it is no readable form."""
    fields, _ = read_form(raw)
    return fields.get("service") == _SERVICE


def answer_gateway_check(raw: bytes, app: AlipayApp) -> bytes:
    """Return the signed XML reply; a wrong signature or another event is answered with VERIFY_FAILED.

    Source: Alipay open platform, 应用网关 (激活开发者模式, alipay.service.check).
    """
    try:
        fields = verified_form(raw, app, (SignRule.V2,))
        genuine = bool(_VERIFY_EVENT.search(fields.get("biz_content", "")))
    except CallbackRejected:
        genuine = False
    outcome = "<success>true</success>" if genuine else "<success>false</success><error_code>VERIFY_FAILED</error_code>"
    inner = f"{outcome}<biz_content>{public_key_text(app.private_key.public_key())}</biz_content>"
    return (
        '<?xml version="1.0" encoding="GBK"?>'
        f"<alipay><response>{inner}</response><sign>{sign(inner, app.private_key, 'gbk')}</sign>"
        f"<sign_type>{SIGN_TYPE}</sign_type></alipay>"
    ).encode("gbk")
