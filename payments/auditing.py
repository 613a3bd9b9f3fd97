"""The check of the ledger: of everything, and of what is new since it was last found sound.

The room's door, the operators' command and the sweeps call it. A fault raises the metrics that alarm, and is logged.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from app import metrics
from app.clock import now
from payments import ledger_repository
from payments.types import LedgerCheck

_OVERLAP = timedelta(hours=1)
"""Transactions end later than they begin, and providers tell later than it happens."""
log = structlog.get_logger()


class LedgerAudit:
    """Remembers up to when this process found the ledger sound; a process that has just started checks all of it."""

    def __init__(self) -> None:
        self._sound_until: datetime | None = None

    async def check_all(self) -> LedgerCheck:
        """Check the whole ledger."""
        return await self._check(None)

    async def check_recent(self) -> LedgerCheck:
        """Check what was written since the ledger was last found sound, so that a fault stays in view until then."""
        return await self._check(None if self._sound_until is None else self._sound_until - _OVERLAP)

    async def _check(self, since: datetime | None) -> LedgerCheck:
        begun_at = now()
        found = await ledger_repository.find_faults(since)
        metrics.LEDGER_IMBALANCE_FEN.set(found.sum_fen)
        metrics.LEDGER_FAULTS.set(len(found.unbalanced) + len(found.missing))
        if found.is_sound:
            self._sound_until = begun_at
        else:
            log.error(
                "ledger_unsound", sum_fen=found.sum_fen, unbalanced=found.unbalanced[:5], missing=found.missing[:5]
            )
        return found
