"""Queries of the published days (放假安排) for years that the library does not know yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app import db


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """One day that a published plan names."""

    day: date
    is_working: bool
    source: str


async def read_days() -> Mapping[date, bool]:
    """Return the whole table; a year has some thirty days in it."""
    return {row["day"]: row["is_working"] for row in await db.fetch_all("SELECT day, is_working FROM calendar_day")}


async def write_days(days: Sequence[PublishedDay]) -> list[date]:
    """Store days in one transaction; return those that are new or have changed. Idempotent."""
    async with db.transaction() as tx:
        rows = await tx.fetch_all(
            """INSERT INTO calendar_day AS c (day, is_working, source)
               SELECT * FROM unnest($1::date[], $2::bool[], $3::text[])
               ON CONFLICT (day) DO UPDATE SET is_working = excluded.is_working, source = excluded.source
               WHERE c.is_working <> excluded.is_working RETURNING day""",
            [each.day for each in days],
            [each.is_working for each in days],
            [each.source for each in days],
        )
    return sorted(row["day"] for row in rows)
