"""Queries of figures: one statement each, over an index of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app import db
from app.db import Row


async def count_days(divisions: Sequence[str], departments: Sequence[str], since: datetime) -> Sequence[Row]:
    """Count the cases handed in and those decided in a scope by Beijing day since a moment."""
    scope = "division_code LIKE ANY($1) AND (cardinality($2::text[]) = 0 OR department_code = ANY($2))"
    return await db.fetch_all(
        f"""SELECT 'submitted' AS what, (submitted_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(*) AS count
            FROM application WHERE submitted_at >= $3 AND {scope} GROUP BY 2
            UNION ALL
            SELECT 'decided', (decided_at AT TIME ZONE 'Asia/Shanghai')::date, count(*)
            FROM application WHERE decided_at >= $3 AND {scope} GROUP BY 2""",
        [f"{prefix}%" for prefix in divisions],
        list(departments),
        since,
    )
