"""What silence left behind: notices whose job was lost or whose next try has come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from app.clock import now
from app.jobs import Sweep
from notify import repository
from notify.delivering import lease
from notify.service import NotifyService

_BATCH = 100
_AT_ONCE = 10
_HEAD_START = timedelta(seconds=5)


class NoticeSweeps:
    """Periodic repair of the notify room; safe to run in several processes at once."""

    def __init__(self, service: NotifyService) -> None:
        self._service = service

    def table(self) -> Mapping[str, tuple[str, Sweep]]:
        """Return sweep name → (cron expression with seconds in the sixth place, coroutine) for wiring."""
        return {"notify.retry_due": ("* * * * * */15", self.retry_due)}

    async def retry_due(self) -> None:
        """Deliver queued notices whose time has passed. Idempotent: rows are leased."""
        moment = now()
        claimed = await repository.claim_due(moment - _HEAD_START, moment + lease(), _BATCH)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(notice: repository.NoticeRecord) -> None:
            async with gate:
                await self._service.delivering.deliver(notice)

        await asyncio.gather(*(one(notice) for notice in claimed))
