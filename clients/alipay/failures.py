"""Turns a failed gateway answer into the house's error families; Alipay's result codes as a table.

The gateway client raises what this module builds; adapters read `provider_code`. It must not decide what happens next.
"""

from __future__ import annotations

import re

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.alipay.answer import SUCCESS, GatewayAnswer

_OUTCOME_UNKNOWN = frozenset({"20000", "10003"})
_RATE_LIMITED = "40005"
_UNKNOWN_SUB_CODES = ("SYSTEM_ERROR", "UNKNOW_ERROR", "UNKNOWN_ERROR")

_MISSPELLED = {
    "INVAILID_ARGUMENTS": "INVALID_ARGUMENTS",
    "NO_PERMISSOON": "NO_PERMISSION",
    "QUERY_CONSUMER_REQEUST_ERROR": "QUERY_CONSUMER_REQUEST_ERROR",
    "APP_NO_AVAIABLE": "APP_NO_AVAILABLE",
}

_COME_AGAIN = frozenset(
    {"SELLER_BALANCE_NOT_ENOUGH", "MSG_SINGLE_SD_OVER", "MSG_SEND_ERROR", "QUERY_CONSUMER_REQUEST_ERROR"}
)

_PREFIX = re.compile(r"^(?:(?:ISV|ISP|AOP|ACQ|AQC)\.)+")


def bare_sub_code(sub_code: str) -> str:
    """Return a sub code without prefix, in one spelling: `aop.ACQ.SYSTEM_ERROR`, `AQC.SYSTEM_ERROR` → `SYSTEM_ERROR`.

    Alipay's documentation holds misspellings and live values differ in case, so codes are compared in this form.
    """
    bare = _PREFIX.sub("", sub_code.strip().upper()).replace("-", "_")
    return _MISSPELLED.get(bare, bare)


def failure(answer: GatewayAnswer) -> ProviderRejected | ProviderUnavailable | ProviderProtocolError:
    """Build the error for an answer that is no success.

    Unknown outcome (20000, 付款码 waiting, `*SYSTEM_ERROR`) → ProviderUnavailable: ask by our own number. Everything
    else → ProviderRejected, `retryable` for rate limits and the few sub codes that ask to come again.
    `provider_code` is the sub code as Alipay spelled it, else the code.
    Source: Alipay open platform, 公共错误码.
    """
    bare = bare_sub_code(answer.sub_code)
    provider_code = answer.sub_code or answer.code
    if not answer.code or answer.code == SUCCESS:
        return ProviderProtocolError(provider="alipay", call=answer.method, reason="no_result_code")
    if answer.code in _OUTCOME_UNKNOWN or bare.endswith(_UNKNOWN_SUB_CODES):
        return ProviderUnavailable(
            provider="alipay", call=answer.method, reason="outcome_unknown", provider_code=provider_code
        )
    return ProviderRejected(
        provider="alipay",
        provider_code=provider_code,
        provider_message=_loggable_message(answer, bare),
        retryable=answer.code == _RATE_LIMITED or bare in _COME_AGAIN,
        call=answer.method,
        result_code=answer.code,
        verified=answer.verified,
    )


def is_code(error: ProviderRejected, *sub_codes: str) -> bool:
    """Say whether Alipay refused with one of these sub codes, whatever their spelling and prefix."""
    return bare_sub_code(error.provider_code) in {bare_sub_code(code) for code in sub_codes}


def _loggable_message(answer: GatewayAnswer, bare: str) -> str:
    # On a signature error the gateway quotes the text it built, biz_content with names and numbers included.
    if bare == "INVALID_SIGNATURE":
        return ""
    return str(answer.fields.get("sub_msg") or answer.fields.get("msg") or "")[:200]
