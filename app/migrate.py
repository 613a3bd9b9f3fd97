"""Brings a database up to date: migrations, pgqueuer's tables, partitions of the coming months. Idempotent."""

from __future__ import annotations

from datetime import date

import asyncpg
from tortoise.migrations.api import migrate as run_migrations

from app import clock, db, jobs

PARTITIONED = ("timeline_entry", "notice", "notice_attempt", "tracking_event", "inbox_event", "audit_entry")
MONTHS_AHEAD = 3
_LOCK = 7_204_141_400


async def migrate(url: str) -> None:
    """Apply what is missing. Safe to run from several machines at once: an advisory lock lets one work at a time."""
    guard = await asyncpg.connect(url)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await run_migrations(config=db.tortoise_config(url), direction="forward")
        await db.stop()
        await jobs.install(guard)
        await make_partitions(guard)
    finally:
        await guard.close()


async def make_partitions(connection: asyncpg.Connection) -> None:
    """Make the monthly partitions of last month, this month and the coming ones. Idempotent."""
    today = clock.now().date()
    for table in PARTITIONED:
        for offset in range(-1, MONTHS_AHEAD + 1):
            first, after = _month(today, offset), _month(today, offset + 1)
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS {table}_{first:%Y%m} PARTITION OF {table}"
                f" FOR VALUES FROM ('{first} 00:00:00+00') TO ('{after} 00:00:00+00')"
            )


def _month(day: date, offset: int) -> date:
    months = day.year * 12 + day.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)
