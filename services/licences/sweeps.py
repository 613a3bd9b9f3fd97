"""What silence left behind in the licences room. Run by the job runner's schedule."""

from __future__ import annotations

from datetime import timedelta

from app import clock
from services.licences import repository

_KEPT = timedelta(days=1)


async def forget_presentations() -> None:
    """Delete one-time codes that ended a day ago; the log of shows stays. Idempotent."""
    await repository.forget_presentations(clock.now() - _KEPT)
