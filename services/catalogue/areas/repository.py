"""Every question about places: divisions, departments, service points and days off; decides nothing.

Called by the areas' service and the divisions' table. Distances are kilometres along a great circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from app import db
from app.db import Row

_KILOMETRES = (
    "round((6371.0088 * 2 * asin(least(1, sqrt("
    "power(sin(radians((record->>'latitude')::float8 - $2) / 2), 2) + cos(radians($2))"
    " * cos(radians((record->>'latitude')::float8))"
    " * power(sin(radians((record->>'longitude')::float8 - $1) / 2), 2)))))::numeric, 2)::float8"
)


async def list_divisions() -> Sequence[Row]:
    """Return every division, also retired ones, in order of codes."""
    return await db.fetch_all("SELECT code, name, level, parent_code, kind, successor_code FROM division ORDER BY code")


async def list_departments(chain: Sequence[str], below: str, limit: int, offset: int) -> Sequence[Row]:
    """Return the departments of an area and of those above and below it, the nearest first."""
    return await db.fetch_all(
        "SELECT code, name, short_name, division_code, phone, address, (SELECT count(*) FROM search_target t"
        " WHERE t.kind = 0 AND t.department_code = department.code) AS item_count FROM department"
        " WHERE cardinality($1::text[]) = 0 OR division_code = ANY($1) OR division_code LIKE $2"
        " ORDER BY coalesce(array_position($1::text[], division_code), 99), division_code, code LIMIT $3 OFFSET $4",
        list(chain),
        f"{below}%",
        limit,
        offset,
    )


async def list_points(
    place: tuple[float, float] | None,
    area: tuple[Sequence[str], str],
    topic: str,
    item_code: str,
    limit: int,
    offset: int,
) -> Sequence[Row]:
    """Return service points with their kilometres from a place (longitude, latitude), the nearest first.

    Without a place those of the area's own division come first, then those above and below it.
    """
    chain, below = area
    values: list[object] = [*(place or (None, None)), list(chain), f"{below}%", limit, offset]
    where = ["(cardinality($3::text[]) = 0 OR division_code = ANY($3) OR division_code LIKE $4)"]
    if topic:
        values.append(msgspec.json.encode([{"topics": [topic]}]).decode())
        where.append(f"record->'windows' @> ${len(values)}::jsonb")
    if item_code:
        values.append(item_code)
        where.append(
            f"code IN (SELECT jsonb_array_elements_text(record->'service_points') FROM service_item"
            f" WHERE item_code = ${len(values)} AND status = 'PUBLISHED')"
        )
    kilometres = _KILOMETRES if place else "NULL::float8 + $1::float8 + $2::float8"
    return await db.fetch_all(
        f"SELECT record, {kilometres} AS kilometres FROM service_point WHERE {' AND '.join(where)}"
        " ORDER BY kilometres, coalesce(array_position($3::text[], division_code), 99), code LIMIT $5 OFFSET $6",
        *values,
    )


async def find_point(code: str) -> Row | None:
    """Return the record of a service point."""
    return await db.fetch_row("SELECT record FROM service_point WHERE code = $1", code)


async def is_working_day(day: date) -> bool | None:
    """Return what our own calendar says of a day; None when it says nothing."""
    row = await db.fetch_row("SELECT is_working FROM calendar_day WHERE day = $1", day)
    return None if row is None else row["is_working"]


async def find_reach(item_code: str) -> Row | None:
    """Return what the reach of a published item is told from."""
    return await db.fetch_row(
        "SELECT i.record, i.item_code, i.name, i.division_code, i.department_code, d.name AS division_name"
        " FROM service_item i LEFT JOIN division d ON d.code = i.division_code"
        " WHERE i.item_code = $1 AND i.status = 'PUBLISHED'",
        item_code,
    )


async def find_own(basic_code: str, chain: Sequence[str], item_code: str) -> Row | None:
    """Return the item with which the nearest body of an area offers the same thing."""
    return await db.fetch_row(
        "SELECT t.code AS item_code, i.name, t.division_code FROM search_target t"
        " JOIN service_item i ON i.item_code = t.code COLLATE \"default\" AND i.status = 'PUBLISHED'"
        " WHERE t.kind = 0 AND t.basic_code = $1 AND t.division_code = ANY($2) AND t.code <> $3"
        " ORDER BY array_position($2::text[], t.division_code), t.code LIMIT 1",
        basic_code,
        list(chain),
        item_code,
    )
