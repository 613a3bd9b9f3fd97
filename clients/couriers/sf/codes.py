"""SF's result codes of both layers as a table: what each obliges the caller to do. Data and pure rules only."""

from __future__ import annotations

from enum import StrEnum

from app.errors import ProviderRejected, ProviderUnavailable


class SfProblem(StrEnum):
    """What a failed call means."""

    COME_AGAIN = "come_again"
    """Not done; repeat with back-off."""
    UNKNOWN = "unknown"
    """Their system stumbled: it may be done, ask by our own number."""
    DONE_BEFORE = "done_before"
    """The same thing was done earlier: take it as done."""
    NOT_FOUND = "not_found"
    """SF has no such order."""
    COLLECTED = "collected"
    """The courier has the parcel already: too late to cancel."""
    OTHER_TIME = "other_time"
    """Outside pick-up hours or fully booked: offer another time."""
    ADDRESS = "address"
    """An address, contact or cargo field is missing: show the person which."""
    PROHIBITED = "prohibited"
    """The contents may not be sent."""
    CONFIGURATION = "configuration"
    """Rights, secrets, monthly card or product: alarm."""
    PERMANENT = "permanent"
    """Anything else: do not repeat."""


_PROBLEMS = {
    SfProblem.COME_AGAIN: "A1002 A1005 A1008",
    SfProblem.UNKNOWN: "A1009 A1099 S0003",
    SfProblem.DONE_BEFORE: "A1007 8016 8252 8037",
    SfProblem.NOT_FOUND: "6150 8018 8024",
    SfProblem.COLLECTED: "8253",
    SfProblem.OTHER_TIME: "8096 8177",
    SfProblem.ADDRESS: "1010 1011 1012 1013 1014 1015 1016 1023",
    SfProblem.PROHIBITED: "20035",
    SfProblem.CONFIGURATION: "A1003 A1004 A1006 8114 8119 6126 8057 8256 20036",
}
_PROBLEM_OF = {code: problem for problem, codes in _PROBLEMS.items() for code in codes.split()}


def problem_of(code: str) -> SfProblem:
    """Say what a result code means; unknown codes are permanent. Source: 丰桥 错误码 (API 平台 and 业务)."""
    return _PROBLEM_OF.get(code, SfProblem.PERMANENT)


def failure(service_code: str, code: str, message: str) -> ProviderRejected | ProviderUnavailable:
    """Build the error for a failed call; `provider_code` is SF's code, see `problem_of`."""
    problem = problem_of(code)
    if problem is SfProblem.UNKNOWN:
        return ProviderUnavailable(provider="sf", call=service_code, reason="outcome_unknown", provider_code=code)
    return ProviderRejected(
        provider="sf",
        provider_code=code,
        provider_message=message[:200],
        retryable=problem is SfProblem.COME_AGAIN,
        call=service_code,
        problem=problem.value,
    )
