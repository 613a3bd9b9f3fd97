"""What the fiscal platform says against our records: kept once for staff beside the contradicting callbacks, counted
and logged. The fiscal use cases call it; it changes nothing else."""

from __future__ import annotations

from typing import Any

import structlog

from app import metrics
from payments import settlement_repository
from payments.fiscal.ports import FiscalRefused

PROVIDER = "fiscal"
log = structlog.get_logger()


async def report(reason: str, key: str, reference_no: str, expected: dict[str, Any], received: dict[str, Any]) -> None:
    """Keep a contradiction for staff.

    Args:
        key: what it is about; the same reason about the same thing is kept once.
        reference_no: number of the bill, order or refund, by which staff find it.
    """
    new = await settlement_repository.record_quarantined(PROVIDER, key, reason, reference_no, expected, received)
    if new:
        metrics.QUARANTINED.labels(PROVIDER, reason).inc()
        log.error("fiscal_contradiction", reason=reason, reference_no=reference_no)


async def report_refusal(
    call: str, error: FiscalRefused, bill_no: str, reference_no: str, expected: dict[str, Any]
) -> None:
    """Keep a plain no of the platform for staff, with its own code."""
    received = {"call": call, "refusal": str(error.refusal), "provider_code": error.provider_code}
    await report(str(error.refusal).lower(), f"{call}:{bill_no}:{reference_no}", reference_no, expected, received)
