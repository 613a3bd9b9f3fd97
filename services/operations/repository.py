"""Every query about the minutes of providers and about runners. Called by service.py; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app import db
from app.db import Row


async def health(names: Sequence[str], now: datetime) -> Sequence[Row]:
    """Return what the calls of the last hour came to, with the last success and failure, one row a provider."""
    return await db.fetch_all(_HEALTH, list(names), now)


async def hours(provider: str, now: datetime) -> Sequence[Row]:
    """Return the last 24 hours of one provider, also those without calls."""
    return await db.fetch_all(_HOURS, provider, now)


async def count_runners() -> int:
    """Count the job runners that showed themselves in the last half minute."""
    row = await db.fetch_row("SELECT count(*) AS n FROM runner_beat WHERE beat_at > now() - interval '30 seconds'")
    return int(row["n"]) if row is not None else 0


_HEALTH = """
SELECT p.provider, good.minute_at AS last_success_at, bad.minute_at AS last_failure_at,
       coalesce(bad.last_code, '') AS last_code, h.*
FROM (SELECT unnest($1::text[]) AS provider
      UNION SELECT DISTINCT provider FROM provider_minute WHERE minute_at > $2::timestamptz - interval '1 hour') AS p
LEFT JOIN LATERAL (SELECT minute_at FROM provider_minute WHERE provider = p.provider AND succeeded > 0
                   ORDER BY minute_at DESC LIMIT 1) AS good ON TRUE
LEFT JOIN LATERAL (SELECT minute_at, last_code FROM provider_minute WHERE provider = p.provider AND failed > 0
                   ORDER BY minute_at DESC LIMIT 1) AS bad ON TRUE
CROSS JOIN LATERAL (
    SELECT coalesce(sum(succeeded + failed) FILTER (WHERE minute_at > $2::timestamptz - interval '5 minutes'), 0)::int
               AS calls_5,
           coalesce(sum(failed) FILTER (WHERE minute_at > $2::timestamptz - interval '5 minutes'), 0)::int AS failed_5,
           coalesce(sum(succeeded + failed), 0)::int AS calls_60, coalesce(sum(failed), 0)::int AS failed_60,
           coalesce(sum(refused), 0)::int AS refused_60, coalesce(max(slowest_ms), 0)::int AS slowest_ms_60
    FROM provider_minute WHERE provider = p.provider AND minute_at > $2::timestamptz - interval '1 hour') AS h
ORDER BY p.provider
"""

_HOURS = """
SELECT hour, coalesce(sum(succeeded), 0)::int AS succeeded, coalesce(sum(failed), 0)::int AS failed,
       coalesce(sum(refused), 0)::int AS refused
FROM generate_series(date_trunc('hour', $2::timestamptz) - interval '23 hours', date_trunc('hour', $2::timestamptz),
                     interval '1 hour') AS hour
LEFT JOIN provider_minute ON provider = $1 AND minute_at >= hour AND minute_at < hour + interval '1 hour'
GROUP BY hour ORDER BY hour
"""
