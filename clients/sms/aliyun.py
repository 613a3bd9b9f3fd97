"""Alibaba Cloud SMS (阿里云短信服务 dysmsapi): SendSms under ACS3 signatures, and delivery receipts.

The SMS channel's adapter and the receipt door call it. SendSms has no idempotency key: nothing is repeated here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from app import clock
from app.errors import CallbackRejected, ProviderProtocolError
from clients.sms.problems import SmsProblem, refusal
from clients.transport import Transport

_ALGORITHM = "ACS3-HMAC-SHA256"
_ACTION, _VERSION = "SendSms", "2017-05-25"
_MOST_RECEIPTS = 1000
_PROBLEMS = {
    "isv.BUSINESS_LIMIT_CONTROL": SmsProblem.LIMIT,
    "isv.DAY_LIMIT_CONTROL": SmsProblem.LIMIT,
    "isv.MONTH_LIMIT_CONTROL": SmsProblem.LIMIT,
    "isv.MOBILE_NUMBER_ILLEGAL": SmsProblem.PHONE,
    "isv.BLACK_KEY_CONTROL_LIMIT": SmsProblem.PHONE,
    "isv.SMS_CONTENT_ILLEGAL": SmsProblem.CONTENT,
    "isv.TEMPLATE_PARAMS_ILLEGAL": SmsProblem.CONTENT,
    "isv.TEMPLATE_MISSING_PARAMETERS": SmsProblem.CONTENT,
    "isv.PARAM_LENGTH_LIMIT": SmsProblem.CONTENT,
    "isv.INVALID_JSON_PARAM": SmsProblem.CONTENT,
    "isp.SYSTEM_ERROR": SmsProblem.COME_AGAIN,
    "isp.GATEWAY_ERROR": SmsProblem.COME_AGAIN,
    "Throttling": SmsProblem.COME_AGAIN,
    "ServiceUnavailable": SmsProblem.COME_AGAIN,
}

RECEIPTS_ACCEPTED = '{"code":0,"msg":"成功"}'.encode()


@dataclass(frozen=True, slots=True)
class AliyunSmsAccount:
    """Our access key and where the service is."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    endpoint: str = "https://dysmsapi.aliyuncs.com/"


@dataclass(frozen=True, slots=True)
class AliyunReceipt:
    """What became of one message; `biz_id` + phone name it, `out_id` is what we sent along."""

    biz_id: str
    out_id: str
    phone: str = field(repr=False)
    delivered: bool
    error_code: str
    reported_at: datetime


class AliyunSms:
    """Calls of one account."""

    def __init__(
        self,
        account: AliyunSmsAccount,
        transport: Transport,
        *,
        now: Callable[[], datetime] = clock.now,
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._account = account
        self._transport = transport
        self._now = now
        self._nonce = nonce

    def pause_seconds(self) -> float:
        """Say for how long calls are refused unmade, because the provider is away; 0 when it may be called."""
        return self._transport.breaker.retry_after_seconds

    async def send(
        self, phone: str, *, sign_name: str, template_code: str, values: Mapping[str, str], out_id: str = ""
    ) -> str:
        """Send one approved template to one phone; return the BizId that the receipt will name.

        Raises: ProviderRejected (`problem_of` it), ProviderUnavailable (may have been sent), ProviderProtocolError.
        Source: 阿里云短信服务 API, SendSms (2017-05-25).
        """
        query = {
            "PhoneNumbers": phone,
            "SignName": sign_name,
            "TemplateCode": template_code,
            "TemplateParam": json.dumps(dict(values), ensure_ascii=False, separators=(",", ":")),
            **({"OutId": out_id} if out_id else {}),
        }
        answer = await self._transport.send(
            _ACTION,
            "POST",
            f"{self._account.endpoint}?{canonical_query(query)}",
            headers=self._headers(query),
            timeout_seconds=8.0,
        )
        fields = _answer_object(answer.body)
        if fields.get("Code") != "OK":
            raise refusal("aliyun_sms", _ACTION, str(fields["Code"]), str(fields.get("Message") or ""), _PROBLEMS)
        return str(fields.get("BizId") or "")

    def _headers(self, query: Mapping[str, str]) -> dict[str, str]:
        headers = {
            # The HTTP layer would add a content type of its own, and whatever is sent must be signed.
            "content-type": "application/x-www-form-urlencoded",
            "host": urlsplit(self._account.endpoint).netloc,
            "x-acs-action": _ACTION,
            "x-acs-content-sha256": _sha256_hex(b""),
            "x-acs-date": self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": self._nonce(),
            "x-acs-version": _VERSION,
        }
        return {**headers, "authorization": authorization(self._account, query, headers), "accept": "application/json"}


def canonical_query(query: Mapping[str, str]) -> str:
    """Print parameters sorted and in RFC 3986 encoding, as they are both signed and sent."""
    return "&".join(f"{_encoded(name)}={_encoded(query[name])}" for name in sorted(query))


def authorization(account: AliyunSmsAccount, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Sign a POST without body; all given headers (lower-case names) are signed.

    Source: 阿里云 API 签名机制, V3 版本请求体和签名机制 (ACS3-HMAC-SHA256).
    """
    names = sorted(headers)
    signed_names = ";".join(names)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    canonical = f"POST\n/\n{canonical_query(query)}\n{lines}\n{signed_names}\n{headers['x-acs-content-sha256']}"
    to_sign = f"{_ALGORITHM}\n{_sha256_hex(canonical.encode())}"
    signature = hmac.new(account.access_key_secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{_ALGORITHM} Credential={account.access_key_id},SignedHeaders={signed_names},Signature={signature}"


def read_receipts(raw: bytes) -> tuple[AliyunReceipt, ...]:
    """Read a push of delivery receipts (SmsReport); it is unsigned, the address's token must be checked first.

    Raises: CallbackRejected when the body is not of this shape.
    Source: 阿里云短信服务, 短信发送状态报告 SmsReport (HTTP 批量推送).
    """
    try:
        listed = json.loads(raw)
        if not isinstance(listed, list) or len(listed) > _MOST_RECEIPTS:
            raise ValueError("no list of receipts")
        return tuple(_receipt(each) for each in listed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CallbackRejected(provider="aliyun_sms", reason="shape") from None


def _receipt(fields: dict[str, Any]) -> AliyunReceipt:
    return AliyunReceipt(
        biz_id=str(fields["biz_id"]),
        out_id=str(fields.get("out_id") or ""),
        phone=str(fields["phone_number"]),
        delivered=fields["success"] is True,
        error_code=str(fields.get("err_code") or ""),
        reported_at=clock.from_beijing(str(fields["report_time"])),
    )


def _answer_object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not fields.get("Code"):
        raise ProviderProtocolError(provider="aliyun_sms", call=_ACTION, reason="unreadable")
    return fields


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
