"""The platform's result codes as data, and what a failed call means. The wire asks here; adapters compare codes.

Source: docs/providers/fiscal.md, Result codes (our profile; every region's own codes are mapped to these at its door).
"""

from __future__ import annotations

from app.errors import ProviderRejected
from clients.transport import ProviderUnreachable

PROVIDER = "fiscal"
SUCCESS = "0000"

NO_SUCH_CODE = "NT1001"
CONTENT_DIFFERS = "NT1002"
AMOUNT_DIFFERS = "NT1003"
PAID_BY_ANOTHER = "NT1004"
ALREADY_VOID = "NT1005"
ALREADY_PAID = "NT1006"
NOT_PAID = "NT1007"
STILL_CONFIRMING = "NT1008"
REVERSED_TOO_MUCH = "NT1009"

_COME_AGAIN = ("NT0003", "NT0006", STILL_CONFIRMING, "NT9001")
"""Nothing was done and the same content may be taken later: clock apart, nonce seen, still confirming, day's end."""
_UNKNOWN = "NT9999"


def failure(call: str, code: str, message: str) -> ProviderRejected | ProviderUnreachable:
    """Build the error for a signed answer that is no success.

    Source: docs/providers/fiscal.md, Result codes. NT9999 says nothing about what was done: the outcome is unknown.
    """
    if code == _UNKNOWN:
        return ProviderUnreachable(PROVIDER, call, "system_error", provider_code=code)
    return ProviderRejected(
        provider=PROVIDER,
        provider_code=code,
        provider_message=message[:200],
        retryable=code in _COME_AGAIN,
        call=call,
    )
