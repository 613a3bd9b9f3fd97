"""WeChat Pay's refusals in house errors: both spellings of a code become one, busy is not the same as no."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.errors import ProviderRejected, ProviderUnavailable
from clients.transport import Answer, ProviderUnreachable

PROVIDER = "wechat_pay"


class PayCode(StrEnum):
    """The codes that callers act upon; `provider_code` of the raised errors holds these spellings."""

    ORDER_PAID = "ORDER_PAID"
    ORDER_CLOSED = "ORDER_CLOSED"
    ORDER_NOT_EXIST = "ORDER_NOT_EXIST"
    OUT_TRADE_NO_USED = "OUT_TRADE_NO_USED"
    RESOURCE_NOT_EXISTS = "RESOURCE_NOT_EXISTS"
    NOT_ENOUGH = "NOT_ENOUGH"
    NO_AUTH = "NO_AUTH"
    RULE_LIMIT = "RULE_LIMIT"
    ACCOUNT_ERROR = "ACCOUNT_ERROR"
    FREQUENCY_LIMITED = "FREQUENCY_LIMITED"
    SYSTEM_ERROR = "SYSTEM_ERROR"
    BANK_ERROR = "BANK_ERROR"
    OPENID_MISMATCH = "OPENID_MISMATCH"
    INVALID_TRANSACTION_ID = "INVALID_TRANSACTION_ID"
    STATEMENT_CREATING = "STATEMENT_CREATING"
    NO_STATEMENT_EXIST = "NO_STATEMENT_EXIST"


_OLDER_SPELLINGS = {
    "ORDERPAID": PayCode.ORDER_PAID,
    "ORDERCLOSED": PayCode.ORDER_CLOSED,
    "ORDERNOTEXIST": PayCode.ORDER_NOT_EXIST,
    "NOTENOUGH": PayCode.NOT_ENOUGH,
    "NOAUTH": PayCode.NO_AUTH,
    "RULELIMIT": PayCode.RULE_LIMIT,
    "ACCOUNTERROR": PayCode.ACCOUNT_ERROR,
    "RATELIMIT_EXCEEDED": PayCode.FREQUENCY_LIMITED,
    "SYSTEMERROR": PayCode.SYSTEM_ERROR,
    "BANKERROR": PayCode.BANK_ERROR,
    "INVALID_TRANSACTIONID": PayCode.INVALID_TRANSACTION_ID,
}
_BUSY = frozenset({PayCode.SYSTEM_ERROR, PayCode.BANK_ERROR, PayCode.FREQUENCY_LIMITED})
# Some plain refusals come with status 500 (OPENID_MISMATCH, INVALID_TRANSACTIONID): the code decides first.
_REFUSALS = frozenset(PayCode) - _BUSY
_COME_AGAIN = frozenset({PayCode.NOT_ENOUGH, PayCode.STATEMENT_CREATING})


class _ErrorBody(msgspec.Struct):
    code: str = ""
    message: str = ""


def read_code(body: bytes) -> tuple[str, str]:
    """Return (code in one spelling, message) of an error body; empty texts where it is not the vendor's JSON."""
    try:
        fault = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", ""
    return str(_OLDER_SPELLINGS.get(fault.code, fault.code)), fault.message


def means_failure(answer: Answer) -> bool:
    """Say whether the answer is WeChat Pay's own failure (outcome unknown), not a refusal."""
    return answer.status >= 500 and read_code(answer.body)[0] not in _REFUSALS


def error_from(call: str, answer: Answer) -> ProviderRejected | ProviderUnavailable:
    """Make the house error of a non-2xx answer, by code first and status second.

    Source: WeChat Pay, 公共错误码; 请求唯一标示 (the digits after the last `-` of Request-ID are a numeric cause).
    """
    code, message = read_code(answer.body)
    request_id = answer.headers.get("Request-ID", "")
    if code in _BUSY or answer.status in (202, 429):
        reason = "busy" if answer.status != 429 else "rate_limited"
        return ProviderUnreachable(PROVIDER, call, reason, answer_status=answer.status, provider_code=code)
    return ProviderRejected(
        provider=PROVIDER,
        provider_code=code or f"HTTP_{answer.status}",
        provider_message=message,
        retryable=code in _COME_AGAIN,
        call=call,
        request_id=request_id,
        cause=request_id.rpartition("-")[2],
    )
