"""What silence left behind: notices whose job was lost or whose next try has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from app.clock import now
from app.jobs import Sweep
from notify import notices_repository
from notify.service import NotifyService
from notify.states import lease

_BATCH = 200
_MOST_BATCHES = 20
_HEAD_START = timedelta(seconds=5)


class NoticeSweeps:
    """Periodic repair of the notify room; safe to run in several processes at once."""

    def __init__(self, service: NotifyService) -> None:
        self._service = service

    def table(self) -> Mapping[str, tuple[str, Sweep]]:
        """Return sweep name → (cron expression with seconds in the sixth place, coroutine) for wiring."""
        return {"notify.retry_due": ("* * * * * */15", self.retry_due)}

    async def retry_due(self) -> None:
        """Deliver queued notices of no campaign whose time has passed, by the batch. Idempotent: rows are leased."""
        for _ in range(_MOST_BATCHES):
            moment = now()
            claimed = await notices_repository.claim_due(moment - _HEAD_START, moment + lease(), _BATCH)
            if claimed:
                await self._service.delivering.deliver(claimed)
            if len(claimed) < _BATCH:
                return
