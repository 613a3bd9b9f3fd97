"""Sweeps of the exchange room: events whose time has come again, nonces and sent events that may be forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from app import clock, metrics, signatures
from app.jobs import Sweep
from services.exchange import event_repository, repository
from services.exchange.delivery import EventDelivery

_KEPT = timedelta(days=90)


def table(delivery: EventDelivery) -> Mapping[str, tuple[str, Sweep]]:
    """Sweep → (cron expression, what it does)."""
    return {
        "exchange.deliver_waiting": ("* * * * * */5", partial(deliver_waiting, delivery)),
        "exchange.forget": ("50 * * * *", forget),
    }


async def deliver_waiting(delivery: EventDelivery) -> None:
    """Send again what could not be sent, and count what is left."""
    await delivery.deliver_waiting()
    for row in await event_repository.count_by_status():
        metrics.SYSTEM_EVENTS_UNSENT.labels(row["code"], row["status"].lower()).set(row["count"])


async def forget() -> None:
    """Delete nonces that are too old to be sent again, and events that arrived long ago."""
    now = clock.now()
    await repository.forget_nonces(now - timedelta(seconds=4 * signatures.WINDOW_SECONDS))
    await event_repository.forget_sent(now - _KEPT)
