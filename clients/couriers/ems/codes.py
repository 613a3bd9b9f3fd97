"""EMS's result codes: what each obliges the caller to do. Data and pure rules only.

Only the code of a success is published. Whether a refusal leaves the outcome open, may come again or says "there is
none" is therefore read from its words; nothing else ever is.
"""

from __future__ import annotations

from app.errors import ProviderRejected, ProviderUnavailable

FINE = "00000"
_OPEN = ("系统异常", "服务异常", "系统错误", "超时")
_COME_AGAIN = ("繁忙", "频繁", "稍后", "限流", "超限")
_ABSENT = ("不存在", "无此", "查无", "未查询到", "未找到", "无查询信息", "无邮件信息")


def failure(api_code: str, code: str, message: str) -> ProviderRejected | ProviderUnavailable:
    """Build the error for a refused call; `provider_code` is EMS's code.

    Source: 协议客户开放平台 接口规范, 公共返回参数 (retCode, retMsg).
    """
    if any(word in message for word in _OPEN):
        return ProviderUnavailable(provider="ems", call=api_code, reason="outcome_unknown", provider_code=code)
    return ProviderRejected(
        provider="ems",
        provider_code=code,
        provider_message=message[:200],
        retryable=any(word in message for word in _COME_AGAIN),
        call=api_code,
    )


def says_there_is_none(error: ProviderRejected) -> bool:
    """Tell whether a question was refused because EMS has nothing of the kind."""
    return any(word in error.provider_message for word in _ABSENT)
