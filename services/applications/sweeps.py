"""Cases that silence left behind: unanswered ones, corrections nobody made, drafts forgotten, dates to count again.

Run by the job runner's schedule. Rules stand in progress.py; here is only which cases to look at.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from functools import partial

import structlog

from app import clock
from app.db import Row
from app.errors import SanjinError
from services.applications import desk_repository
from services.applications.progress import Progress

_BATCH = 200
_RECEIPT_CALENDAR_DAYS = timedelta(days=5)
_STALLED_AFTER = timedelta(minutes=15)
log = structlog.get_logger()


async def accept_by_silence(progress: Progress) -> None:
    """Accept what nobody answered in time. Five working days are at least five days, so older ones are looked at."""
    received_before = clock.now() - _RECEIPT_CALENDAR_DAYS
    await _each(partial(desk_repository.list_received_before, received_before), progress.accept_by_silence)


async def expire_corrections(progress: Progress) -> None:
    """End cases whose time for correction, or to mend a returned one, has run out. Idempotent."""
    await _each(partial(desk_repository.list_corrections_due, clock.now()), progress.expire_correction)


async def recompute_provisional(progress: Progress) -> None:
    """Count provisional due days again, in pages. Idempotent."""
    await progress.read_calendar()
    await _each(desk_repository.list_provisional, progress.recompute_due)


async def recompute_running(progress: Progress, first: date, last: date) -> int:
    """Count the due days again that run over newly published days; return how many were looked at. Idempotent."""
    await progress.read_calendar()
    return await _each(partial(desk_repository.list_running, first, last), progress.recompute_due)


async def continue_stalled(progress: Progress) -> None:
    """Go on with cases whose next job was lost, and void the bills of ended ones, in pages. Idempotent."""
    await _each(partial(desk_repository.list_stalled, clock.now() - _STALLED_AFTER), progress.continue_stalled)
    after, is_last = None, False
    while not is_last:
        numbers, after = await progress.unsettled_cases(after)
        for number in numbers:
            await _step(progress.void_bill_of_ended, number)
        is_last = after is None


async def _each(
    page_after: Callable[[uuid.UUID | None, int], Awaitable[Sequence[Row]]], step: Callable[[str], Awaitable[None]]
) -> int:
    """Take a step of every case that is listed, in pages; return how many there were."""
    after, count = None, 0
    while rows := await page_after(after, _BATCH):
        for row in rows:
            await _step(step, row["application_no"])
        after, count = rows[-1]["id"], count + len(rows)
    return count


async def _step(step: Callable[[str], Awaitable[None]], application_no: str) -> None:
    """Take one case's step; a case that cannot go on must not hold up the others."""
    try:
        await step(application_no)
    except (SanjinError, ValueError) as error:
        log.error("case_not_swept", application_no=application_no, step=step.__name__, error=type(error).__name__)
