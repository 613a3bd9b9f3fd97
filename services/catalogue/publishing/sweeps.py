"""What the calendar brings about in the catalogue. Run by the job runner's schedule."""

from __future__ import annotations

from functools import partial

from app.jobs import Sweep
from services.catalogue.publishing.service import Publishing


def table(publishing: Publishing) -> dict[str, tuple[str, Sweep]]:
    """Return sweep → (cron expression, UTC) and what it does."""
    return {"catalogue.publish_due": ("3,33 16,17 * * *", partial(publish_due, publishing))}


async def publish_due(publishing: Publishing) -> None:
    """Publish the versions of items whose day has come, just after midnight in Beijing. Idempotent."""
    await publishing.publish_due()
