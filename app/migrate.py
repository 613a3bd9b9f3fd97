"""Brings a database up to date: migrations, pgqueuer's tables, partitions of the coming months. Idempotent."""

from __future__ import annotations

import asyncpg
from tortoise.migrations.api import migrate as run_migrations

from app import db, job_runner
from app.partitions import make_partitions

_LOCK = 7_204_141_400


async def migrate(url: str) -> None:
    """Apply what is missing. Safe to run from several machines at once: an advisory lock lets one work at a time."""
    guard = await asyncpg.connect(url)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await run_migrations(config=db.tortoise_config(url), direction="forward")
        await db.stop()
        await job_runner.install(guard)
        await make_partitions(guard)
    finally:
        await guard.close()
