"""EMS's result codes: what each obliges the caller to do. Data and pure rules only."""

from __future__ import annotations

from app.errors import ProviderRejected

FINE = "00000"
_BUSY_WORDS = ("系统繁忙", "系统异常", "稍后", "超时", "频繁", "限流", "流量")


def failure(api_code: str, code: str, message: str) -> ProviderRejected:
    """Build the error for a refused call; `provider_code` is EMS's code.

    Only the code of a success is published. Whether a refused call may come again is therefore read from the words;
    nothing else ever is.
    Source: 中国邮政协议客户开放平台 接口规范, 公共返回参数 (retCode, retMsg).
    """
    return ProviderRejected(
        provider="ems",
        provider_code=code,
        provider_message=message[:200],
        retryable=any(word in message for word in _BUSY_WORDS),
        call=api_code,
    )
