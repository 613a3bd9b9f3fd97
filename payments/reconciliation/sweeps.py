"""When the reconciliation runs by itself. Wiring schedules it."""

from __future__ import annotations

from collections.abc import Mapping

from app.jobs import Sweep
from payments.reconciliation.office import ReconciliationOffice


def table(office: ReconciliationOffice) -> Mapping[str, tuple[str, Sweep]]:
    """Return sweep name → (cron expression, UTC, and coroutine): from 10:30 of Beijing on, hourly."""
    return {
        "payments.reconcile": ("30 2-15 * * *", office.request_due),
        "payments.count_discrepancies": ("*/5 * * * *", office.show_open),
    }
