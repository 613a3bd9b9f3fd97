"""Drafts that nobody touches any more: their owners are told a week before, then they are deleted. Run by schedule."""

from __future__ import annotations

from datetime import timedelta

from app import clock
from services.applications.drafts import repository
from services.applications.drafts.service import Drafts

_BATCH = 200
_NOTICE = timedelta(days=7)


async def remind_expiring(drafts: Drafts) -> None:
    """Tell the owners of drafts that end within a week, once each. Idempotent."""
    now = clock.now()
    touched_before = now - timedelta(days=drafts.kept_days) + _NOTICE
    while await repository.remind_drafts(touched_before, now, drafts.kept_days, _BATCH) == _BATCH:
        continue


async def forget_expired(drafts: Drafts) -> None:
    """Delete drafts that were not touched for their days and whose owners were told a week ago. Idempotent."""
    now = clock.now()
    untouched_since = now - timedelta(days=drafts.kept_days)
    while await repository.delete_drafts(untouched_since, now - _NOTICE, _BATCH) == _BATCH:
        continue
