"""Tencent Cloud SMS (腾讯云短信): SendSms under TC3 signatures, and delivery receipts.

The SMS channel's adapter and the receipt door call it. SendSms has no idempotency key: nothing is repeated here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from app import clock
from app.errors import CallbackRejected, ProviderProtocolError
from clients.sms.problems import SmsProblem, refusal
from clients.transport import Transport

_ALGORITHM = "TC3-HMAC-SHA256"
_ACTION, _VERSION, _SERVICE = "SendSms", "2021-01-11", "sms"
_CONTENT_TYPE = "application/json"
_SIGNED_HEADERS = "content-type;host"
_MOST_RECEIPTS = 1000
_PROBLEMS = {
    "LimitExceeded": SmsProblem.LIMIT,
    "FailedOperation.PhoneNumberInBlacklist": SmsProblem.PHONE,
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": SmsProblem.CONTENT,
    "FailedOperation.ContainSensitiveWord": SmsProblem.CONTENT,
    "InvalidParameterValue": SmsProblem.CONTENT,
    "InvalidParameterValue.IncorrectPhoneNumber": SmsProblem.PHONE,
    "InvalidParameterValue.SdkAppIdNotExist": SmsProblem.CONFIGURATION,
    "RequestLimitExceeded": SmsProblem.COME_AGAIN,
    "InternalError": SmsProblem.COME_AGAIN,
}

RECEIPTS_ACCEPTED = b'{"result":0,"errmsg":"OK"}'


@dataclass(frozen=True, slots=True)
class TencentSmsAccount:
    """Our secret pair, the SMS application and where the service is."""

    secret_id: str
    secret_key: str = field(repr=False)
    sdk_app_id: str
    region: str = "ap-guangzhou"
    endpoint: str = "https://sms.tencentcloudapi.com/"


@dataclass(frozen=True, slots=True)
class TencentReceipt:
    """What became of one message; `serial_no` names it, `session_context` is what we sent along (if it comes back)."""

    serial_no: str
    session_context: str
    phone: str = field(repr=False)
    delivered: bool
    error_code: str
    reported_at: datetime


class TencentSms:
    """Calls of one account."""

    def __init__(
        self, account: TencentSmsAccount, transport: Transport, *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._account = account
        self._transport = transport
        self._now = now

    def pause_seconds(self) -> float:
        """Say for how long calls are refused unmade, because the provider is away; 0 when it may be called."""
        return self._transport.breaker.retry_after_seconds

    async def send(
        self, phone: str, *, sign_name: str, template_id: str, values: Sequence[str], session_context: str = ""
    ) -> str:
        """Send one approved template to one phone; return the SerialNo that the receipt will name (`sid`).

        Raises: ProviderRejected (`problem_of` it), ProviderUnavailable (may have been sent), ProviderProtocolError.
        Source: 腾讯云短信 API 2021-01-11, SendSms.
        """
        content = {
            "PhoneNumberSet": [phone if phone.startswith("+") else f"+86{phone}"],
            "SmsSdkAppId": self._account.sdk_app_id,
            "SignName": sign_name,
            "TemplateId": template_id,
            "TemplateParamSet": list(values),
            **({"SessionContext": session_context} if session_context else {}),
        }
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        answer = await self._transport.send(
            _ACTION, "POST", self._account.endpoint, body=body, headers=self._headers(body), timeout_seconds=8.0
        )
        status = _sent_status(answer.body)
        if status.get("Code") != "Ok":
            raise refusal(
                "tencent_sms", _ACTION, str(status.get("Code") or ""), str(status.get("Message") or ""), _PROBLEMS
            )
        return str(status.get("SerialNo") or "")

    def _headers(self, body: bytes) -> dict[str, str]:
        host, timestamp = urlsplit(self._account.endpoint).netloc, int(self._now().timestamp())
        return {
            "Content-Type": _CONTENT_TYPE,
            "Host": host,
            "X-TC-Action": _ACTION,
            "X-TC-Version": _VERSION,
            "X-TC-Region": self._account.region,
            "X-TC-Timestamp": str(timestamp),
            "Authorization": authorization(self._account, host, timestamp, body),
        }


def authorization(account: TencentSmsAccount, host: str, timestamp: int, body: bytes) -> str:
    """Sign a JSON POST; `timestamp` in Unix seconds, `body` the exact bytes that are sent.

    Source: 腾讯云 API, 签名方法 v3 (TC3-HMAC-SHA256).
    """
    on = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    scope = f"{on}/{_SERVICE}/tc3_request"
    lines = f"content-type:{_CONTENT_TYPE}\nhost:{host}\n"
    canonical = f"POST\n/\n\n{lines}\n{_SIGNED_HEADERS}\n{hashlib.sha256(body).hexdigest()}"
    to_sign = f"{_ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{account.secret_key}".encode()
    for part in (on, _SERVICE, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return (
        f"{_ALGORITHM} Credential={account.secret_id}/{scope}, SignedHeaders={_SIGNED_HEADERS}, Signature={signature}"
    )


def read_receipts(raw: bytes) -> tuple[TencentReceipt, ...]:
    """Read a push of delivery receipts; it is unsigned, the address's token must be checked first.

    Raises: CallbackRejected when the body is not of this shape.
    Source: 腾讯云短信, 短信下发状态通知 (回调).
    """
    try:
        listed = json.loads(raw)
        if not isinstance(listed, list) or len(listed) > _MOST_RECEIPTS:
            raise ValueError("no list of receipts")
        return tuple(_receipt(each) for each in listed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CallbackRejected(provider="tencent_sms", reason="shape") from None


def _receipt(fields: dict[str, Any]) -> TencentReceipt:
    return TencentReceipt(
        serial_no=str(fields["sid"]),
        session_context=str(fields.get("ext") or ""),
        phone=str(fields["mobile"]),
        delivered=fields["report_status"] == "SUCCESS",
        error_code=str(fields.get("errmsg") or ""),
        reported_at=clock.from_beijing(str(fields["user_receive_time"])),
    )


def _sent_status(body: bytes) -> dict[str, Any]:
    """Return the one number's status, or the call's own error in the same shape (`Code`, `Message`)."""
    try:
        response = json.loads(body)["Response"]
        status = response.get("Error") or response["SendStatusSet"][0]
        if isinstance(status, dict) and status.get("Code"):
            return status
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        pass
    raise ProviderProtocolError(provider="tencent_sms", call=_ACTION, reason="unreadable")
