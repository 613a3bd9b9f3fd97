"""Tries as rows: written before the calls, finished after them, and corrected by receipts. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import db
from app.ids import new_id
from notify import notices_repository
from notify.notices_repository import NoticeRecord

RECEIPT = "notify.receipt"
_EARLY_SECONDS = 90
"""A round of a batch is written at its end: by then a report that has overtaken it finds its message."""
_CLOCKS_APART = timedelta(hours=1)
"""More than the clocks of our machines differ: tries are looked for since the oldest notice, less this."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What one channel came to for one notice: outcome and number of its last try, and whether one may have arrived."""

    outcome: str
    number: int = 1
    maybe_sent: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try under way: its row, found by both columns because the table is partitioned."""

    id: uuid.UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a try."""

    attempt: Attempt
    outcome: str
    provider_code: str
    message_no: str


async def outcomes_of(notices: Sequence[NoticeRecord]) -> Mapping[uuid.UUID, dict[str, Tried]]:
    """Return, for each notice that was tried, what its channels came to."""
    if not notices:
        return {}
    rows = await db.fetch_all(
        "SELECT notice_id, channel, (array_agg(outcome ORDER BY created_at DESC, id DESC))[1] AS outcome,"
        " max(number) AS number, bool_or(outcome IN ('STARTED', 'UNKNOWN')) AS maybe_sent FROM notice_attempt"
        " WHERE notice_id = ANY ($1) AND created_at >= $2 GROUP BY notice_id, channel",
        [notice.id for notice in notices],
        min(notice.occurred_at for notice in notices) - _CLOCKS_APART,
    )
    found: dict[uuid.UUID, dict[str, Tried]] = {}
    for row in rows:
        channels = found.setdefault(uuid.UUID(bytes=row["notice_id"].bytes), {})
        channels[row["channel"]] = Tried(row["outcome"], row["number"], row["maybe_sent"])
    return found


async def begin_attempts(tries: Sequence[tuple[uuid.UUID, str, int]]) -> list[Attempt]:
    """Write the tries of (notice, channel, number) before their calls, in one statement, in their order.

    A process that dies in the calls leaves them STARTED.
    """
    ids = [new_id() for _ in tries]
    rows = await db.fetch_all(
        "INSERT INTO notice_attempt (id, created_at, notice_id, channel, number, outcome, provider_code,"
        " provider_message_no) SELECT id, now(), notice_id, channel, number, 'STARTED', '', ''"
        " FROM unnest($1::uuid[], $2::uuid[], $3::varchar[], $4::int[]) AS begun (id, notice_id, channel, number)"
        " RETURNING created_at",
        ids,
        [notice_id for notice_id, _, _ in tries],
        [channel for _, channel, _ in tries],
        [number for _, _, number in tries],
    )
    return [Attempt(attempt_id, rows[0]["created_at"]) for attempt_id in ids]


async def finish_attempts(tx: db.Transaction, finished: Sequence[Finished]) -> None:
    """Write what became of tries."""
    await tx.execute(
        "UPDATE notice_attempt a SET outcome = f.outcome, provider_code = f.code, provider_message_no = f.message_no,"
        " finished_at = now() FROM unnest((SELECT $1::uuid[]), (SELECT $2::timestamptz[]), (SELECT $3::varchar[]),"
        " (SELECT $4::varchar[]), (SELECT $5::varchar[])) AS f (id, created_at, outcome, code, message_no)"
        " WHERE a.id = f.id AND a.created_at = f.created_at",
        [each.attempt.id for each in finished],
        [each.attempt.created_at for each in finished],
        [each.outcome for each in finished],
        [kept(each.provider_code) for each in finished],
        [kept(each.message_no) for each in finished],
    )


def kept(said: str) -> str:
    """Return what a column keeps of a provider's word: "" where no column takes it, which must not spoil a batch."""
    return said[:64] if said.isprintable() else ""


async def record_receipt(message_no: str, delivered: bool, provider_code: str) -> bool:
    """Write a provider's later word on a message; a failed one sends its notice to the channels that are left.

    Idempotent: yes, by the attempt's outcome. Returns False when no message is known by this number.
    """
    if not (message_no and message_no.isprintable()):
        return False
    async with db.transaction() as tx:
        attempt = await tx.fetch_row(
            "UPDATE notice_attempt SET outcome = $2, provider_code = $3 WHERE provider_message_no = $1"
            " AND outcome IN ('SENT', 'UNKNOWN') RETURNING notice_id, channel",
            message_no,
            "DELIVERED" if delivered else "FAILED",
            provider_code[:64],
        )
        if attempt is not None and not delivered:
            await notices_repository.take_back(tx, attempt["notice_id"], attempt["channel"])
    return attempt is not None


async def expect_message(message_no: str, delivered: bool, provider_code: str) -> None:
    """Have a word on a message that is not known (yet) heard again, once, by a job."""
    if not (message_no and message_no.isprintable()):
        return
    payload = {"message_no": message_no[:64], "delivered": delivered, "provider_code": provider_code[:64]}
    async with db.transaction() as tx:
        tx.enqueue(RECEIPT, payload, delay_seconds=_EARLY_SECONDS)
