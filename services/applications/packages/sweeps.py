"""Package cases that silence left behind: steps whose job was lost, drafts forgotten.

Run by the job runner's schedule. Rules stand in course.py; here is only which packages to look at.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import structlog

from app import clock
from app.errors import SanjinError
from app.jobs import Sweep
from services.applications.packages import repository
from services.applications.packages.service import PackageService

_BATCH = 200
_DRAFTS_KEPT = timedelta(days=90)
log = structlog.get_logger()


def table(packages: PackageService) -> dict[str, tuple[str, Sweep]]:
    """Return sweep → (cron expression, what it does) for wiring."""
    return {
        "packages.continue_open": ("35 * * * *", partial(continue_open, packages)),
        "packages.forget_drafts": ("50 17 * * *", forget_drafts),
    }


async def continue_open(packages: PackageService) -> None:
    """Go on with every package that is not at its end, in pages; what stands as it should is left alone. Idempotent."""
    after = None
    while rows := await repository.list_open(after, _BATCH):
        for row in rows:
            try:
                await packages.course.carry_on(row["package_no"])
            except (SanjinError, ValueError) as error:
                log.error("package_not_swept", package_no=row["package_no"], error=type(error).__name__)
        after = rows[-1]["id"]


async def forget_drafts() -> None:
    """Delete package drafts that were not touched for 90 days. Idempotent."""
    while await repository.delete_drafts(clock.now() - _DRAFTS_KEPT, _BATCH) == _BATCH:
        continue
