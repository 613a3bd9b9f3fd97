"""Cases that silence left behind: unanswered ones, corrections nobody made, drafts forgotten, dates to count again.

Run by the job runner's schedule. Rules stand in progress.py; here is only which cases to look at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from app import clock
from app.errors import SanjinError
from services.applications import desk_repository
from services.applications.progress import Progress

_BATCH = 200
_RECEIPT_CALENDAR_DAYS = timedelta(days=5)
_DRAFTS_KEPT = timedelta(days=90)
_STALLED_AFTER = timedelta(minutes=15)
log = structlog.get_logger()


async def accept_by_silence(progress: Progress) -> None:
    """Accept what nobody answered in time. Five working days are at least five days, so older ones are looked at."""
    for number in await desk_repository.list_received_before(clock.now() - _RECEIPT_CALENDAR_DAYS, _BATCH):
        await _step(progress.accept_by_silence, number)


async def expire_corrections(progress: Progress) -> None:
    """End cases whose time for correction has run out. Idempotent."""
    for number in await desk_repository.list_corrections_due(clock.now(), _BATCH):
        await _step(progress.expire_correction, number)


async def recompute_provisional(progress: Progress) -> None:
    """Count provisional due days again, in pages. Idempotent."""
    after = None
    while rows := await desk_repository.list_provisional(after, _BATCH):
        for row in rows:
            await _step(progress.recompute_due, row["application_no"])
        after = rows[-1]["id"]


async def continue_stalled(progress: Progress) -> None:
    """Go on with cases whose next job was lost, and void the bills of ended ones, in pages. Idempotent."""
    untouched_since, after = clock.now() - _STALLED_AFTER, None
    while rows := await desk_repository.list_stalled(untouched_since, after, _BATCH):
        for row in rows:
            await _step(progress.continue_stalled, row["application_no"])
        after = rows[-1]["id"]
    after, is_last = None, False
    while not is_last:
        numbers, after = await progress.unsettled_cases(after)
        for number in numbers:
            await _step(progress.void_bill_of_ended, number)
        is_last = after is None


async def forget_drafts() -> None:
    """Delete drafts that were not touched for 90 days. Idempotent."""
    while await desk_repository.delete_drafts(clock.now() - _DRAFTS_KEPT, _BATCH) == _BATCH:
        continue


async def _step(step: Callable[[str], Awaitable[None]], application_no: str) -> None:
    """Take one case's step; a case that cannot go on must not hold up the others."""
    try:
        await step(application_no)
    except (SanjinError, ValueError) as error:
        log.error("case_not_swept", application_no=application_no, step=step.__name__, error=type(error).__name__)
