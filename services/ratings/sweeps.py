"""What the clock finds in the ratings room. Run by the job runner's schedule."""

from __future__ import annotations

from functools import partial

from app.jobs import Sweep
from services.ratings.service import RatingService


def table(ratings: RatingService) -> dict[str, tuple[str, Sweep]]:
    """Return sweep → (cron expression, UTC) and what it does."""
    return {"ratings.count_overdue": ("*/10 * * * *", partial(count_overdue, ratings))}


async def count_overdue(ratings: RatingService) -> None:
    """Show in the metrics how many low ratings wait longer than they may. Idempotent."""
    await ratings.count_overdue()
