"""Every query of the audiences room about people: how many, which page of them, and who is meant by a hash."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from app import db
from services.audiences.people import Condition
from services.audiences.types import People

_NOBODY = uuid.UUID(int=0)


async def count_people(condition: Condition, patience_ms: int) -> int | None:
    """Count the people of an audience; None where that takes longer than the patience."""
    try:
        async with db.transaction() as tx:
            await tx.fetch_row("SELECT set_config('statement_timeout', $1, true)", str(patience_ms))
            row = await tx.fetch_row(f"SELECT count(*) AS n FROM citizen c WHERE {condition.text}", *condition.values)
    except asyncpg.QueryCanceledError:
        return None
    return int(row["n"]) if row is not None else 0


async def guess_people(condition: Condition) -> int:
    """Return how many people the planner expects; it looks at statistics only."""
    row = await db.fetch_row(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM citizen c WHERE {condition.text}", *condition.values)
    plans = msgspec.json.decode(next(iter(row.values()))) if row is not None else []
    return int(plans[0]["Plan"]["Plan Rows"]) if plans else 0


async def list_people(
    condition: Condition, after: uuid.UUID | None, limit: int, merged_since: datetime | None = None
) -> People:
    """Return the next people of an audience in the order of their ids, and who was merged into them."""
    sql, values = page_statement(condition, after, limit, merged_since)
    ids: list[uuid.UUID] = []
    former: list[tuple[uuid.UUID, uuid.UUID]] = []
    for row in await db.fetch_all(sql, *values):
        if row["gone_id"] is None:
            ids.append(row["id"])
        else:
            former.append((row["id"], row["gone_id"]))
    return People(sorted(ids), former)


def page_statement(
    condition: Condition, after: uuid.UUID | None, limit: int, merged_since: datetime | None = None
) -> tuple[str, list[object]]:
    """Return the statement of `list_people` with its values, so that a test can look at its plan."""
    count = len(condition.values)
    values: list[object] = [*condition.values, after or _NOBODY, limit]
    only = ""
    if merged_since is not None:
        values.append(merged_since)
        only = f" AND c.id IN (SELECT into_citizen_id FROM citizen_merge WHERE created_at >= ${count + 3})"
    sql = (
        f"WITH page AS MATERIALIZED (SELECT c.id FROM citizen c WHERE c.id > ${count + 1} AND {condition.text}{only}"
        f" ORDER BY c.id LIMIT ${count + 2}) SELECT id, NULL::uuid AS gone_id FROM page UNION ALL"
        " SELECT merged_into_id, id FROM citizen WHERE merged_into_id IN (SELECT id FROM page)"
    )
    return sql, values


async def find_by_hashes(condition: Condition, column: str, hashes: Sequence[str]) -> dict[str, uuid.UUID]:
    """Return hash → person of those whom a condition admits; `column` is id_number_hash or phone_hash.

    A phone that several accounts hold means the best proven of them, then the one that bound it last.
    """
    rows = await db.fetch_all(
        f"SELECT c.{column} AS hash, c.id FROM citizen c WHERE c.{column} = ANY(${len(condition.values) + 1}::text[])"
        f" AND {condition.text} ORDER BY c.real_name_level, c.phone_bound_at NULLS FIRST",
        *condition.values,
        list(hashes),
    )
    return {row["hash"]: row["id"] for row in rows}
