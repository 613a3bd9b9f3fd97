"""Waiting jobs, taken by a fake house that runs its room's jobs itself: in the order in which they were written."""

from __future__ import annotations

from app import db


async def taken_jobs(like: str = "%") -> list[db.Row]:
    """Take the waiting jobs whose entry point is like this: id, entrypoint and payload, oldest first."""
    sql = "DELETE FROM pgqueuer WHERE entrypoint LIKE $1 RETURNING id, entrypoint, payload"
    return sorted(await db.fetch_all(sql, like), key=lambda row: int(row["id"]))
