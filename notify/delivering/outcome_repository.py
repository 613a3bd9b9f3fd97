"""What a round of a batch came to: tries, permissions, notices and counters. What was sent, as most is, takes one
statement; all else one transaction."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import asyncpg

from app import db
from notify import notices_repository, stock_repository
from notify.delivering import attempts_repository
from notify.delivering.attempts_repository import Finished
from notify.notices_repository import COUNT_SHARDS, COUNTED, DELIVER, FREED, Move

_SOON_SECONDS = 3
_AGAIN_SECONDS = (0.2, 1.0, 4.0)
"""Pauses before it is written again: what was sent and not written down goes out a second time."""


_SENT = (
    "WITH given AS (SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::varchar[]), (SELECT $3::uuid[]),"
    " (SELECT $4::varchar[]), (SELECT $5::varchar[])) AS given (id, channel, attempt_id, code, message_no)),"
    " moved AS (UPDATE notice n SET status = 'SENT', sent_channel = g.channel, reason = '', next_try_at = NULL"
    " FROM given g WHERE n.id = g.id AND n.occurred_at BETWEEN $6 AND $7 AND n.status = 'QUEUED' RETURNING n.id,"
    # What is queued has no channel and no reason.
    " n.campaign_id, n.status, n.sent_channel, n.reason, 'QUEUED' AS old_status, '' AS old_channel, '' AS old_reason),"
    " finished AS (UPDATE notice_attempt a SET outcome = 'SENT', provider_code = g.code,"
    " provider_message_no = g.message_no, finished_at = now() FROM given g WHERE a.id = g.attempt_id"
    " AND a.created_at BETWEEN $8 AND $9),"
    f" freed AS ({FREED}), counts AS ({COUNTED.format(shard='$10')}) SELECT count(*) AS n FROM moved"
)


@dataclass(slots=True)
class Outcomes:
    """What is to be written: tries whose message was taken, each with the end of its notice; other finished tries;
    permissions to give back or, by (identity, template), to throw away; how other notices go on; and those of them
    that come again within seconds, by a job of their own."""

    sent: list[tuple[Move, Finished]] = field(default_factory=list)
    attempts: list[Finished] = field(default_factory=list)
    released: list[uuid.UUID] = field(default_factory=list)
    voided: list[tuple[uuid.UUID, str]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    soon: list[Move] = field(default_factory=list)


async def record(outcomes: Outcomes) -> None:
    """Write what was sent in one statement, then all else or nothing of it; waits for a database that is away for a
    moment. Idempotent: yes, as its parts are."""
    if outcomes.sent:
        await _insisting(partial(write_sent, outcomes.sent))
    if outcomes.attempts or outcomes.moves:
        await _insisting(partial(_write, outcomes))


async def _insisting(write: Callable[[], Awaitable[None]]) -> None:
    for pause_seconds in _AGAIN_SECONDS:
        try:
            await write()
        except (asyncpg.DeadlockDetectedError, *db.AWAY):
            await asyncio.sleep(pause_seconds)
        else:
            return
    await write()


async def write_sent(sent: Sequence[tuple[Move, Finished]]) -> None:
    """Write tries whose message was taken and the ends of their notices, in one statement. Idempotent."""
    moments = [move.notice.occurred_at for move, _ in sent]
    begun = [tried.attempt.created_at for _, tried in sent]
    row = await db.fetch_row(
        _SENT,
        [move.notice.id for move, _ in sent],
        [move.channel for move, _ in sent],
        [tried.attempt.id for _, tried in sent],
        [attempts_repository.kept(tried.provider_code) for _, tried in sent],
        [attempts_repository.kept(tried.message_no) for _, tried in sent],
        min(moments),
        max(moments),
        min(begun),
        max(begun),
        random.randrange(COUNT_SHARDS),
    )
    if row is None or row["n"] < len(sent):
        # Somebody else has ended some of them, after our lease: what went out has the last word there too.
        async with db.transaction() as tx:
            await notices_repository.move(tx, [move for move, _ in sent])


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
