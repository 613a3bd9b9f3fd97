"""What a refused SMS means, one vocabulary for all SMS providers. Data and pure rules only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.errors import ProviderRejected


class SmsProblem(StrEnum):
    """Why a message was refused, and so what the sender does about it."""

    LIMIT = "limit"
    """This phone or our account had its share: no repeat, log."""
    PHONE = "phone"
    """The number is wrong, blocked or has opted out: no repeat, mark it."""
    CONTENT = "content"
    """A value or the template does not fit: our fault, alarm."""
    CONFIGURATION = "configuration"
    """Signature, template approval, rights, balance or secret: alarm."""
    COME_AGAIN = "come_again"
    """The provider is busy: repeat later."""


def refusal(provider: str, call: str, code: str, message: str, table: Mapping[str, SmsProblem]) -> ProviderRejected:
    """Build the error for a refused call; the longest code prefix in `table` decides, else it is configuration."""
    fitting = max((prefix for prefix in table if code.startswith(prefix)), key=len, default="")
    problem = table.get(fitting, SmsProblem.CONFIGURATION)
    return ProviderRejected(
        provider=provider,
        provider_code=code,
        provider_message=message[:200],
        retryable=problem is SmsProblem.COME_AGAIN,
        call=call,
        problem=problem.value,
    )


def problem_of(error: ProviderRejected) -> SmsProblem:
    """Say what a refusal built here means."""
    return SmsProblem(str(error.details["problem"]))
