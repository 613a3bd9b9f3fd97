"""What the lack of a useful answer means to a notice, the same for every provider; used by the channels."""

from __future__ import annotations

from collections.abc import Mapping

from app.errors import ProviderProtocolError, ProviderUnavailable
from notify.neutral import Delivery, Outcome, UnfitValue


def unanswered(error: ProviderUnavailable | ProviderProtocolError, *, busy_is_certain: bool = False) -> Delivery:
    """Say whether the message may be on its way.

    Args:
        busy_is_certain: the provider's own word that it is busy means that nothing was sent.
    """
    if isinstance(error, ProviderProtocolError):
        return Delivery(Outcome.UNKNOWN, error.stable_code, is_fault=True)
    provider_code = str(error.details.get("provider_code") or "")
    certain = error.details.get("nothing_sent") is True or (busy_is_certain and bool(provider_code))
    code = provider_code or str(error.details.get("reason") or error.stable_code)
    return Delivery(Outcome.LATER if certain else Outcome.UNKNOWN, code)


def one_line(values: Mapping[str, str], length: int) -> dict[str, str]:
    """Return values of one line, cut with an ellipsis. Raises UnfitValue for an empty one or one with control signs."""
    made = {key: " ".join(text.split()) for key, text in values.items()}
    for key, text in made.items():
        if not text or not text.isprintable():
            raise UnfitValue(key)
    return {key: text if len(text) <= length else text[: length - 1] + "…" for key, text in made.items()}
