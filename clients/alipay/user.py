"""Who the user is: login code, phone number payload, real-name verification (支付宝身份验证).

The identity adapter calls it. It must not keep tokens: for login the open_id is all we need.

The few parameters here are plain dictionaries: oauth.token has no model class at all, and for the certify calls the
vendor SDK would add nested classes that only rename the keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import InvalidRequest, ProviderProtocolError, ProviderRejected
from clients.alipay.answer import SUCCESS
from clients.alipay.config import AlipayApp
from clients.alipay.content_crypto import decrypt
from clients.alipay.gateway import AlipayGateway
from clients.alipay.signing import SIGN_TYPE, is_genuine
from clients.alipay.values import text

_PHONE_CALL = "my.getPhoneNumber"
_PHONE_REFUSED = "手机号授权数据无效，请重新授权"


@dataclass(frozen=True, slots=True)
class AlipayIdentity:
    """The user at one app. New apps get `open_id` only, old ones `user_id` (2088…); `union_id` spans an app group."""

    open_id: str
    user_id: str
    union_id: str


@dataclass(frozen=True, slots=True)
class Certification:
    """The outcome of one verification; `passed` is false also while the user has not finished it."""

    certify_id: str
    passed: bool
    fail_reason: str


async def exchange_code(gateway: AlipayGateway, auth_code: str) -> AlipayIdentity:
    """Exchange the code of `my.getAuthCode` for the user's identity; both tokens are thrown away.

    Raises: ProviderRejected with `isv.code-invalid` when the code is used, expired or another app's;
    ProviderUnavailable (the code may be used up: the phone asks for a new one), ProviderProtocolError.
    Source: Alipay open platform, alipay.system.oauth.token (换取授权访问令牌).
    """
    method = "alipay.system.oauth.token"
    fields = await gateway.execute(
        method, top_level={"grant_type": "authorization_code", "code": auth_code}, timeout_seconds=6.0
    )
    identity = AlipayIdentity(
        open_id=text(fields, "open_id"), user_id=text(fields, "user_id"), union_id=text(fields, "union_id")
    )
    if not (identity.open_id or identity.user_id):
        raise ProviderProtocolError(provider="alipay", call=method, reason="no_identity")
    return identity


async def start_certification(
    gateway: AlipayGateway,
    *,
    outer_order_no: str,
    name: str,
    id_number: str,
    return_url: str,
    biz_code: str = "FACE",
    cert_type: str = "IDENTITY_CARD",
    open_id: str = "",
) -> str:
    """Begin a verification of this name and number; return the `certify_id`, usable for 23 hours.

    `outer_order_no` is our unique number of 32 letters and digits. The content is encrypted if the app has an AES key.
    Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError.
    Source: Alipay open platform, alipay.user.certify.open.initialize (身份认证初始化服务).
    """
    method = "alipay.user.certify.open.initialize"
    identity = {
        "identity_type": "CERT_INFO",
        "cert_type": cert_type,
        "cert_name": name,
        "cert_no": id_number,
        **({"open_id": open_id} if open_id else {}),
    }
    content = {
        "outer_order_no": outer_order_no,
        "biz_code": biz_code,
        "identity_param": identity,
        "merchant_config": {"return_url": return_url},
    }
    fields = await gateway.execute(method, content, encrypt=gateway.app.aes_key is not None)
    certify_id = text(fields, "certify_id")
    if not certify_id:
        raise ProviderProtocolError(provider="alipay", call=method, reason="missing_certify_id")
    return certify_id


def certification_url(gateway: AlipayGateway, certify_id: str) -> str:
    """Build the address that the phone opens for the face check. Source: alipay.user.certify.open.certify."""
    return gateway.page_url("alipay.user.certify.open.certify", {"certify_id": certify_id})


async def query_certification(gateway: AlipayGateway, certify_id: str) -> Certification:
    """Ask for the outcome; only this answer counts, never what the phone reports. A read.

    Raises: ProviderRejected (`CERTIFY_ID_EXPIRED`, …), ProviderUnavailable, ProviderProtocolError.
    Source: Alipay open platform, alipay.user.certify.open.query (身份认证记录查询).
    """
    fields = await gateway.execute("alipay.user.certify.open.query", {"certify_id": certify_id}, repeatable=True)
    return Certification(
        certify_id=certify_id, passed=text(fields, "passed") == "T", fail_reason=text(fields, "fail_reason")
    )


def read_phone_number(app: AlipayApp, payload: str | Mapping[str, Any]) -> str:
    """Verify and decrypt what `my.getPhoneNumber` gave the phone; return the number, empty if none is bound.

    The payload names no user and no time: accept it only inside the session that asked for it, once.
    Raises: InvalidRequest when it is malformed, unsigned or wrongly signed (anybody can send that);
    ProviderRejected when it is Alipay's own error.
    Source: Alipay mini-program, 获取会员手机号 (加解密与验签).
    """
    given = _payload_object(payload)
    response = given.get("response")
    if isinstance(response, dict):
        raise _phone_failure(response, verified=False)
    if not isinstance(response, str) or not response:
        raise InvalidRequest(_PHONE_REFUSED)
    if response.lstrip().startswith("{"):
        # An unencrypted answer can only be an error: as a success it is refused even if it is signed.
        raise _phone_failure(_payload_object(response), verified=_is_signed(app, given, response))
    if not _is_signed(app, given, f'"{response}"'):
        raise InvalidRequest(_PHONE_REFUSED)
    answer = _decrypted(app, response)
    if text(answer, "code") != SUCCESS:
        raise _phone_failure(answer, verified=True)
    return text(answer, "mobile")


def _is_signed(app: AlipayApp, given: Mapping[str, Any], signed: str) -> bool:
    signature, sign_type = given.get("sign"), given.get("sign_type", SIGN_TYPE)
    if not isinstance(signature, str) or sign_type != SIGN_TYPE:
        return False
    return is_genuine(signed.encode(errors="surrogatepass"), signature, app.keys_for(None))


def _decrypted(app: AlipayApp, response: str) -> dict[str, Any]:
    if app.aes_key is None:
        raise ProviderRejected(provider="alipay", provider_code="isv.missing-encrypt-key", call=_PHONE_CALL)
    try:
        answer = json.loads(decrypt(response, app.aes_key))
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        # Genuinely signed, yet not under our AES key: our key is wrong, not the citizen's data.
        raise ProviderProtocolError(provider="alipay", call=_PHONE_CALL, reason="undecryptable")
    return answer


def _phone_failure(answer: Mapping[str, Any], *, verified: bool) -> InvalidRequest | ProviderRejected:
    code = text(answer, "code")
    if code in ("", SUCCESS):
        return InvalidRequest(_PHONE_REFUSED)
    return ProviderRejected(
        provider="alipay",
        provider_code=(text(answer, "subCode") or code)[:64],
        provider_message=text(answer, "subMsg")[:200],
        retryable=code == "20000",
        call=_PHONE_CALL,
        result_code=code[:16],
        verified=verified,
    )


def _payload_object(payload: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(payload, str):
        return payload
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError):
        raise InvalidRequest(_PHONE_REFUSED) from None
    if not isinstance(parsed, dict):
        raise InvalidRequest(_PHONE_REFUSED)
    return parsed
