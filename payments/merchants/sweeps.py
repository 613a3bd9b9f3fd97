"""The sweep of merchant accounts: platform certificates twice a day, as the provider asks."""

from __future__ import annotations

from collections.abc import Mapping

from app.jobs import Sweep
from payments.merchants.certificates import Certificates


def table(certificates: Certificates) -> Mapping[str, tuple[str, Sweep]]:
    """Return sweep name → (cron expression, coroutine) for wiring."""
    return {"payments.fetch_certificates": ("20 */12 * * *", certificates.refresh_certificates)}
