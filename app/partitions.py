"""Monthly partitions of the tables that only grow: made ahead of time, dropped when their time is over. Idempotent.

Called by migrations and by the housekeeping sweeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import asyncpg
import structlog

from app import clock

PARTITIONED = ("timeline_entry", "notice", "notice_attempt", "tracking_event", "inbox_event", "audit_entry")
MONTHS_AHEAD = 3
log = structlog.get_logger()


async def make_partitions(connection: asyncpg.Connection) -> None:
    """Make the monthly partitions of last month, this month and the coming ones. Idempotent.

    Rows of such a month that have fallen into the default partition move to the month's own.
    """
    today = clock.now().date()
    for table in PARTITIONED:
        for offset in range(-1, MONTHS_AHEAD + 1):
            first, after = _month(today, offset), _month(today, offset + 1)
            try:
                await connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {table}_{first:%Y%m} PARTITION OF {table}"
                    f" FOR VALUES FROM ('{first} 00:00:00+00') TO ('{after} 00:00:00+00')"
                )
            except asyncpg.CheckViolationError:
                await _make_late(connection, table, first, after)


async def _make_late(connection: asyncpg.Connection, table: str, first: date, after: date) -> None:
    """Make a partition whose rows stand in the default one already."""
    name, bounds = f"{table}_{first:%Y%m}", f"FROM ('{first} 00:00:00+00') TO ('{after} 00:00:00+00')"
    async with connection.transaction():
        # Nobody writes meanwhile: a row that came between moving and attaching would forbid the partition.
        await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        key = await connection.fetchval("SELECT substring(pg_get_partkeydef($1::regclass) FROM '\\((.*)\\)')", table)
        await connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        moved = await connection.execute(
            f"WITH strayed AS (DELETE FROM {table}_default"
            f" WHERE {key} >= '{first} 00:00:00+00' AND {key} < '{after} 00:00:00+00' RETURNING *)"
            f" INSERT INTO {name} SELECT * FROM strayed"
        )
        await connection.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}")
    log.warning("partition_made_late", partition=name, rows_moved=int(moved.rsplit(" ", 1)[1]))


async def drop_partitions(connection: asyncpg.Connection, tables: Sequence[str], months: int) -> list[str]:
    """Detach and drop the monthly partitions that ended so many months ago; return their names. Idempotent.

    Rows of such months in the default partition go as well. Nobody waits long: where a table is busy for two seconds it
    is left for the next time.
    """
    first_kept = _month(clock.now().date(), -months)
    dropped = []
    for table in tables:
        names = await connection.fetch(
            "SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = $1::regclass AND c.relname ~ ('^' || $2 || '_[0-9]{6}$') AND right(c.relname, 6) < $3"
            " ORDER BY 1",
            table,
            table,
            f"{first_kept:%Y%m}",
        )
        for row in names:
            try:
                async with connection.transaction():
                    await connection.execute("SET LOCAL lock_timeout = '2s'")
                    await connection.execute(f"ALTER TABLE {table} DETACH PARTITION {row['name']}")
                    await connection.execute(f"DROP TABLE {row['name']}")
            except asyncpg.LockNotAvailableError:
                log.warning("partition_is_busy", partition=row["name"])
                continue
            dropped.append(row["name"])
            log.info("partition_dropped", partition=row["name"])
        key = "occurred_at" if table != "notice_attempt" else "created_at"
        await connection.execute(f"DELETE FROM {table}_default WHERE {key} < '{first_kept} 00:00:00+00'")
    return dropped


def _month(day: date, offset: int) -> date:
    months = day.year * 12 + day.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)
