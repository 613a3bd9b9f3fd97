"""Queries that count notices and tell what became of those about one case. They read; nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app import db
from app.db import Row


async def count_failed(since: datetime) -> int:
    """Count the notices that failed visibly since a moment."""
    row = await db.fetch_row(
        "SELECT count(*) AS count FROM notice WHERE status = 'FAILED' AND occurred_at >= $1", since
    )
    return row["count"] if row else 0


async def count_attempts(since: datetime) -> Sequence[Row]:
    """Count the tries since a moment by channel and outcome."""
    return await db.fetch_all(
        "SELECT channel, outcome, count(*) AS count FROM notice_attempt WHERE created_at >= $1"
        " GROUP BY channel, outcome",
        since,
    )


async def list_of_subject(subject_no: str, limit: int) -> Sequence[Row]:
    """Return the newest notices about a case with the last try on each channel as JSON text."""
    return await db.fetch_all(
        """SELECT n.id, n.created_at, n.title, n.status, n.reason, n.read_at, n.pushed_by,
               (SELECT json_agg(json_build_object('channel', t.channel, 'outcome', t.outcome) ORDER BY t.created_at)
                FROM (SELECT DISTINCT ON (channel) channel, outcome, created_at FROM notice_attempt
                      WHERE notice_id = n.id ORDER BY channel, created_at DESC) t)::text AS tries
           FROM notice n WHERE n.subject_no = $1 ORDER BY n.id DESC LIMIT $2""",
        subject_no,
        limit,
    )
