"""What a round of a batch came to, written in one transaction: tries, permissions, notices and counters."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field

import asyncpg

from app import db
from notify import notices_repository, stock_repository
from notify.delivering import attempts_repository
from notify.delivering.attempts_repository import Finished
from notify.notices_repository import DELIVER, Move

_SOON_SECONDS = 3
_AGAIN_SECONDS = (0.2, 1.0, 4.0)
"""Pauses before it is written again: what was sent and not written down goes out a second time."""


@dataclass(slots=True)
class Outcomes:
    """What is to be written: finished tries; permissions to give back or, by (identity, template), to throw away;
    how notices go on; and those of them that come again within seconds, by a job of their own."""

    attempts: list[Finished] = field(default_factory=list)
    released: list[uuid.UUID] = field(default_factory=list)
    voided: list[tuple[uuid.UUID, str]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    soon: list[Move] = field(default_factory=list)


async def record(outcomes: Outcomes) -> None:
    """Write it all, or nothing; waits for a database that is away for a moment. Idempotent: yes, as its parts are."""
    if not (outcomes.attempts or outcomes.moves):
        return
    for pause_seconds in _AGAIN_SECONDS:
        try:
            await _write(outcomes)
        except (asyncpg.DeadlockDetectedError, *db.AWAY):
            await asyncio.sleep(pause_seconds)
        else:
            return
    await _write(outcomes)


async def _write(outcomes: Outcomes) -> None:
    async with db.transaction() as tx:
        if outcomes.attempts:
            await attempts_repository.finish_attempts(tx, outcomes.attempts)
        if outcomes.released:
            await stock_repository.release_permissions(tx, outcomes.released)
        if outcomes.voided:
            await stock_repository.void_permissions(tx, outcomes.voided)
        if outcomes.moves:
            await notices_repository.move(tx, outcomes.moves)
        for each in outcomes.soon:
            payload = {"notice_id": each.notice.id.hex, "occurred_at": each.notice.occurred_at.isoformat()}
            tx.enqueue(DELIVER, payload, delay_seconds=_SOON_SECONDS)
