"""Materials that were promised for later and did not come, or whose day was never set. Run by schedule."""

from __future__ import annotations

import structlog

from app import clock
from app.errors import SanjinError
from services.applications.materials import repository
from services.applications.materials.service import CaseMaterials

_BATCH = 200
log = structlog.get_logger()


async def lapse_awaited(materials: CaseMaterials) -> None:
    """End the cases whose promised materials are overdue; give a day to those that have none, in pages.

    Idempotent.
    """
    today, after = clock.beijing_date(), None
    while rows := await repository.list_awaited(today, after, _BATCH):
        for row in rows:
            await _settle(materials, row["application_no"])
        after = rows[-1]["id"]


async def _settle(materials: CaseMaterials, number: str) -> None:
    try:
        await materials.start_later(number)
        await materials.lapse(number)
    except (SanjinError, ValueError) as error:
        # A case that cannot go on must not hold up the others.
        log.error("case_not_swept", application_no=number, step="lapse_awaited", error=type(error).__name__)
