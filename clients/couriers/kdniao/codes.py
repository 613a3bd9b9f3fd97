"""快递鸟's refusals: what each obliges the caller to do. Data and pure rules only.

Its codes say only where the fault lies, so code 105 (其他错误) is judged by its words.
"""

from __future__ import annotations

import re
from enum import StrEnum

from app.errors import ProviderRejected, ProviderUnavailable

FINE, DONE_BEFORE, OTHER = "100", "106", "105"
WRONG_FIELDS = ("101", "102", "103")


class KdniaoProblem(StrEnum):
    """What a failed call means."""

    COME_AGAIN = "come_again"
    """Not done; repeat with back-off."""
    UNKNOWN = "unknown"
    """Their system stumbled: it may be done, ask by our own number."""
    CANCELLED = "cancelled"
    """The order was withdrawn earlier: take it as done."""
    NOT_FOUND = "not_found"
    """快递鸟 has no such order or road."""
    CONFIGURATION = "configuration"
    """Account, rights, balance or signature: alarm."""
    PERMANENT = "permanent"
    """Anything else: do not repeat."""


_WORDS = (
    (KdniaoProblem.COME_AGAIN, re.compile("繁忙|频繁|稍后|限流|超过并发")),
    (KdniaoProblem.UNKNOWN, re.compile("系统异常|系统错误|超时|网络异常")),
    (KdniaoProblem.CANCELLED, re.compile("已取消")),
    (KdniaoProblem.NOT_FOUND, re.compile("不存在|无物流|暂无轨迹|未查询到|没有查询到")),
    (KdniaoProblem.CONFIGURATION, re.compile("余额|套餐|未开通|权限|签名|用户")),
)


def problem_of(code: str, reason: str) -> KdniaoProblem:
    """Say what a refusal means. Source: 快递鸟 返回编码 (101 缺少必要参数, 102 校验, 103 格式, 104 用户, 105 其他)."""
    if code in WRONG_FIELDS:
        return KdniaoProblem.PERMANENT
    if code == "104":
        return KdniaoProblem.CONFIGURATION
    return next((problem for problem, words in _WORDS if words.search(reason)), KdniaoProblem.PERMANENT)


def failure(call: str, code: str, reason: str) -> ProviderRejected | ProviderUnavailable:
    """Build the error for a failed call; its detail `problem` says what it means."""
    problem = problem_of(code, reason)
    if problem is KdniaoProblem.UNKNOWN:
        return ProviderUnavailable(provider="kdniao", call=call, reason="outcome_unknown", provider_code=code)
    return ProviderRejected(
        provider="kdniao",
        provider_code=code or OTHER,
        provider_message=reason[:200],
        retryable=problem is KdniaoProblem.COME_AGAIN,
        call=call,
        problem=problem.value,
    )
