"""The error families of the house; raised anywhere, rendered only at the doors (handlers/errors.py).

Each class carries a stable `code`, an HTTP `status` and a Chinese `message` that is safe to show a citizen.
`details` are for the log only and must not hold personal data; `current` goes out with a conflict and may only show
what the caller may read anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One faulty field of a request: its path (`form.phone`, `materials[0].upload_id`) and a Chinese sentence."""

    path: str
    message: str


class SanjinError(Exception):
    """Root of every error that the house raises on purpose."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    message: ClassVar[str] = "系统繁忙，请稍后再试"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        faults: tuple[FieldFault, ...] = (),
        retry_after_seconds: int | None = None,
        current: Mapping[str, Any] | None = None,
        **details: Any,
    ) -> None:
        self.current = current
        self.detail = message or self.message
        self.stable_code = code or self.code
        self.faults = faults
        self.retry_after_seconds = retry_after_seconds
        self.details = details
        super().__init__(f"{self.stable_code}: {self.detail}")


class InvalidRequest(SanjinError):
    """The request is malformed: wrong type, unknown field, value out of range."""

    code, status, message = "invalid_request", 400, "请求内容有误，请检查后重试"


class PayloadTooLarge(SanjinError):
    """The body is larger than this address accepts."""

    code, status, message = "payload_too_large", 413, "上传内容过大"


class UnsupportedMediaType(SanjinError):
    """The content type is not one this address reads."""

    code, status, message = "unsupported_media_type", 415, "不支持的内容类型"


class Unauthenticated(SanjinError):
    """Nobody is signed in, or the token is no longer good."""

    code, status, message = "unauthenticated", 401, "请先登录"


class Forbidden(SanjinError):
    """The person is known but may not do this (level too low, role missing)."""

    code, status, message = "forbidden", 403, "您没有权限进行此操作"


class NotFound(SanjinError):
    """The thing does not exist, or belongs to somebody else: callers cannot tell which."""

    code, status, message = "not_found", 404, "未找到相关内容"


class Conflict(SanjinError):
    """The request is well formed but the present state does not allow it."""

    code, status, message = "conflict", 409, "当前状态不允许此操作"


class InvalidTransition(Conflict):
    """The state machine has no such edge from the present state."""

    code, message = "invalid_transition", "当前状态不允许此操作，请刷新后再试"


class StaleVersion(Conflict):
    """Somebody changed the thing since the caller read it; `current` shows the caller what it is now."""

    code, message = "stale_version", "内容已被更新，请刷新后再试"


class TooManyRequests(SanjinError):
    """A rate limit was met; `retry_after_seconds` says when to come back."""

    code, status, message = "too_many_requests", 429, "操作过于频繁，请稍后再试"


class ProviderUnavailable(SanjinError):
    """The provider did not answer usefully: the outcome is UNKNOWN, ask by our own number before repeating."""

    code, status, message = "provider_unavailable", 503, "服务暂时不可用，请稍后再试"


class ProviderRejected(SanjinError):
    """The provider said no. `provider_code` is its own code; `retryable` is true where it asks to come again."""

    code, status, message = "provider_rejected", 502, "外部服务未受理此请求"

    def __init__(
        self,
        message: str | None = None,
        *,
        provider: str = "",
        provider_code: str = "",
        provider_message: str = "",
        retryable: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(
            message, provider=provider, provider_code=provider_code, provider_message=provider_message, **details
        )
        self.provider = provider
        self.provider_code = provider_code
        self.provider_message = provider_message
        self.retryable = retryable


class ProviderProtocolError(SanjinError):
    """The provider's answer is unsigned, unreadable or wrongly signed: never a success, a person must look."""

    code, status, message = "provider_protocol_error", 502, "外部服务应答异常，请稍后再试"


class CallbackRejected(SanjinError):
    """A callback that is not genuine (signature, timestamp, shape): nothing is stored."""

    code, status, message = "callback_rejected", 401, "回调验证失败"


class CallbackQuarantined(SanjinError):
    """A genuine callback that contradicts our records (unknown number, wrong amount): kept for staff."""

    code, status, message = "callback_quarantined", 409, "回调内容与本地记录不符"


class ServiceUnavailable(SanjinError):
    """Our own database or another part that we cannot do without is away."""

    code, status, message = "service_unavailable", 503, "系统维护中，请稍后再试"


class SettingsError(Exception):
    """The settings are incomplete or contradict each other; all faults in one message, the process does not start."""
