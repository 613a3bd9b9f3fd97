"""Housekeeping of the frame itself, run by the job runner's schedule."""

from __future__ import annotations

from app import clock, db
from app.partitions import drop_partitions, make_partitions

_BITE, _MOST_BITES = 5_000, 400


async def prepare_partitions() -> None:
    """Make the monthly partitions ahead of time. Idempotent."""
    async with db.connection() as connection:
        await make_partitions(connection)


async def forget_notices(months: int) -> None:
    """Drop the partitions of notices and their tries that ended so many months ago. Idempotent."""
    async with db.connection() as connection:
        await drop_partitions(connection, ("notice", "notice_attempt"), months)


async def forget_tracking(days: int) -> None:
    """Drop the partitions of parcels' events once all that is in them is so many days old. Idempotent."""
    async with db.connection() as connection:
        await drop_partitions(connection, ("tracking_event",), -(-days * 12 // 365))


async def forget_idempotency() -> None:
    """Delete the stored answers of repeated writes that are older than 24 hours. Idempotent."""
    await db.execute("DELETE FROM idempotency_record WHERE expires_at < $1", clock.now())


async def forget_job_log() -> None:
    """Delete what the job runner noted of jobs more than a week ago, in small bites. Idempotent."""
    for table in ("pgqueuer_log", "pgqueuer_statistics"):
        for _ in range(_MOST_BITES):
            deleted = await db.execute(
                f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table}"
                " WHERE created < now() - interval '7 days' ORDER BY created LIMIT $1)",
                _BITE,
            )
            if deleted < _BITE:
                break
