"""Mailings that a process claimed and left: take their parcel, or ask again. Run by schedule."""

from __future__ import annotations

from datetime import timedelta

from app import clock
from services.delivery.mailing import repository

_PATIENCE = timedelta(minutes=5)
_BATCH = 100


async def mend_claimed() -> None:
    """Settle what lies between a parcel and its mailing since a process died. Idempotent: yes."""
    now = clock.now()
    for row in await repository.list_claimed(now - _PATIENCE, _BATCH):
        if row["made_no"]:
            await repository.sent(row, row["made_no"], now, None)
        else:
            await repository.release(row)
