"""Cases that silence left behind: unanswered ones, corrections nobody made, drafts forgotten, dates to count again.

Run by the job runner's schedule. Rules stand in progress.py; here is only which cases to look at.
"""

from __future__ import annotations

from datetime import timedelta

from app import clock
from services.applications import desk_repository
from services.applications.progress import Progress

_BATCH = 200
_RECEIPT_CALENDAR_DAYS = timedelta(days=5)
_DRAFTS_KEPT = timedelta(days=90)


async def accept_by_silence(progress: Progress) -> None:
    """Accept what nobody answered in time. Five working days are at least five days, so older ones are looked at."""
    for number in await desk_repository.list_received_before(clock.now() - _RECEIPT_CALENDAR_DAYS, _BATCH):
        await progress.accept_by_silence(number)


async def expire_corrections(progress: Progress) -> None:
    """End cases whose time for correction has run out. Idempotent."""
    for number in await desk_repository.list_corrections_due(clock.now(), _BATCH):
        await progress.expire_correction(number)


async def recompute_provisional(progress: Progress) -> None:
    """Count provisional due days again, in pages. Idempotent."""
    after = None
    while rows := await desk_repository.list_provisional(after, _BATCH):
        for row in rows:
            await progress.recompute_due(row["application_no"])
        after = rows[-1]["id"]


async def forget_drafts() -> None:
    """Delete drafts that were not touched for 90 days. Idempotent."""
    while await desk_repository.delete_drafts(clock.now() - _DRAFTS_KEPT, _BATCH) == _BATCH:
        continue
