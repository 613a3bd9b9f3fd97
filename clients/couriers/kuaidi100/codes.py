"""returnCode of 快递100's calls as tables: what each obliges the caller to do. Data and pure rules only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.errors import ProviderRejected, ProviderUnavailable


class Problem(StrEnum):
    """What a failed call means."""

    COME_AGAIN = "come_again"
    """Not done; repeat with back-off."""
    UNKNOWN = "unknown"
    """Their system stumbled: it may be done."""
    NO_RESULT = "no_result"
    """The number is not known (yet)."""
    CHOOSE_CARRIER = "choose_carrier"
    """The carrier was not recognised: the person must name it."""
    CONTENT = "content"
    """Number, carrier, address or another field is at fault: show the person."""
    CONFIGURATION = "configuration"
    """Key, signature or account: alarm."""
    PERMANENT = "permanent"
    """Anything else: do not repeat."""


class Family(StrEnum):
    """The calls that share a table: the same number means different things."""

    POLL = "poll"
    QUERY = "query"
    ORDER = "order"


_ACCOUNT = {"600": Problem.CONFIGURATION, "601": Problem.CONFIGURATION}
_TABLES: Mapping[Family, Mapping[str, Problem]] = {
    Family.POLL: _ACCOUNT
    | {
        "400": Problem.CONTENT,
        "500": Problem.COME_AGAIN,
        "700": Problem.CONTENT,
        "701": Problem.PERMANENT,
        "702": Problem.CHOOSE_CARRIER,
    },
    Family.QUERY: _ACCOUNT
    | {
        "201": Problem.NO_RESULT,
        "400": Problem.CONTENT,
        "500": Problem.NO_RESULT,
        "501": Problem.COME_AGAIN,
        "502": Problem.COME_AGAIN,
        "503": Problem.CONFIGURATION,
    },
    Family.ORDER: _ACCOUNT
    | {
        "400": Problem.CONTENT,
        "500": Problem.UNKNOWN,
        "501": Problem.COME_AGAIN,
        "503": Problem.CONFIGURATION,
    },
}
"""Source: 快递100 订阅接口, 实时快递查询接口, 商家寄件接口, each 信息代码含义."""
_WORDS = {
    Problem.CONTENT: "单号、快递公司或地址有误，请核对",
    Problem.CHOOSE_CARRIER: "未能识别快递公司，请选择快递公司",
}


def problem_of(family: Family, code: str) -> Problem:
    """Say what a returnCode means for a call of this family; unknown codes are permanent."""
    return _TABLES[family].get(code, Problem.PERMANENT)


def failure(family: Family, call: str, code: str, message: str) -> ProviderRejected | ProviderUnavailable:
    """Build the error of a failed call; `provider_code` is the returnCode, `details["problem"]` what it means."""
    problem = problem_of(family, code)
    if problem is Problem.UNKNOWN:
        return ProviderUnavailable(provider="kuaidi100", call=call, reason="outcome_unknown", provider_code=code)
    return ProviderRejected(
        _WORDS.get(problem),
        provider="kuaidi100",
        provider_code=code,
        provider_message=message[:200],
        retryable=problem is Problem.COME_AGAIN,
        call=call,
        problem=problem.value,
    )


def refused_by_us(code: str, call: str) -> ProviderRejected:
    """Build the refusal of a call that 快递100 would refuse anyway, such as an address beyond its bytes."""
    return ProviderRejected(
        _WORDS[Problem.CONTENT], provider="kuaidi100", provider_code=code, call=call, problem=Problem.CONTENT.value
    )
