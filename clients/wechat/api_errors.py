"""Errors of the mini-program server API (errcode) in house errors, with the codes that callers act upon."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from app.errors import ProviderRejected, ProviderUnavailable
from clients.transport import ProviderUnreachable

PROVIDER = "wechat"


class ApiCode(IntEnum):
    """Codes with a meaning for us; `provider_code` of the raised errors is their decimal text."""

    BUSY = -1
    TOKEN_INVALID = 40001
    OPENID_WRONG = 40003
    TOKEN_UNKNOWN = 40014
    CODE_INVALID = 40029
    TEMPLATE_WRONG = 40037
    CODE_USED = 40163
    USER_BLOCKED = 40226
    PAGE_WRONG = 41030
    TOKEN_EXPIRED = 42001
    NOT_SUBSCRIBED = 43101
    ABILITY_BANNED = 43107
    CONCURRENT_SEND = 43108
    DAILY_QUOTA = 45009
    MINUTE_LIMIT = 45011
    REPLY_WINDOW_CLOSED = 45015
    SENSITIVE_WORD = 45168
    VALUE_BREAKS_RULE = 47003


TOKEN_REFUSED = frozenset({ApiCode.TOKEN_INVALID, ApiCode.TOKEN_UNKNOWN, ApiCode.TOKEN_EXPIRED})
_BUSY = {ApiCode.BUSY: "busy", ApiCode.MINUTE_LIMIT: "rate_limited"}


def code_of(answer: Mapping[str, object]) -> int:
    """Return the errcode of an answer; 0 also where it is absent, as it is in many successes."""
    code = answer.get("errcode", 0)
    return code if isinstance(code, int) else 0


def error_from(call: str, answer: Mapping[str, object]) -> ProviderRejected | ProviderUnavailable:
    """Make the house error of an answer with an errcode; its `provider_message` holds the rid to quote to Tencent.

    Source: WeChat mini-program documents, 全局返回码; rid 查询.
    """
    code = code_of(answer)
    for busy, reason in _BUSY.items():
        if code == busy:
            return ProviderUnreachable(PROVIDER, call, reason, provider_code=str(code))
    return ProviderRejected(
        provider=PROVIDER,
        provider_code=str(code),
        provider_message=str(answer.get("errmsg", "")),
        retryable=code == ApiCode.CONCURRENT_SEND,
        call=call,
    )
