"""Every query about versions of items; a publication is one transaction with the search index."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime

from app import db
from app.db import Row, Transaction
from services.catalogue.publishing.ports import Audit
from services.catalogue.search import index
from services.staff.types import Act

_COLUMNS = """id, item_code, version, name, division_code, department_code, status, record->>'effective_on' AS
    effective_on, feed, published_at, published_by, withdrawn_at"""
_FIRST_ID = uuid.UUID(int=0)
NEWEST_IN_FORCE = """(SELECT max(newest.version) FROM service_item newest WHERE newest.item_code = item.item_code
    AND newest.status <> 'DRAFT' AND newest.withdrawn_at IS NULL AND (newest.record->>'effective_on')::date <= $2)"""
_WITHDRAW = f"""
UPDATE service_item item SET status = 'WITHDRAWN'
WHERE item_code = ANY($1) AND status = 'PUBLISHED' AND version IS DISTINCT FROM {NEWEST_IN_FORCE}
RETURNING item_code AS code, status
"""
_PUBLISH = f"""
UPDATE service_item item SET status = 'PUBLISHED', published_at = coalesce(published_at, $3)
WHERE item_code = ANY($1) AND status = 'WITHDRAWN' AND version = {NEWEST_IN_FORCE}
RETURNING item_code AS code, status
"""


async def publish_newest(tx: Transaction, codes: Sequence[str], today: date, moment: datetime) -> Sequence[Row]:
    """Publish the newest version in force of each item and withdraw the others; return what moved. Idempotent."""
    return [*await tx.fetch_all(_WITHDRAW, codes, today), *await tx.fetch_all(_PUBLISH, codes, today, moment)]


async def find_record(item_code: str, version: int) -> Row | None:
    """Return one version with its record as JSON text."""
    return await db.fetch_row(
        f"SELECT {_COLUMNS}, record::text AS record FROM service_item WHERE item_code = $1 AND version = $2",
        item_code,
        version,
    )


async def list_versions(item_code: str) -> Sequence[Row]:
    """Return the versions of an item, newest first."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM service_item WHERE item_code = $1 ORDER BY version DESC", item_code
    )


async def list_current(
    divisions: Sequence[str],
    departments: Sequence[str],
    statuses: Sequence[str],
    after: uuid.UUID | None,
    limit: int,
    text: str = "",
    department_code: str = "",
) -> Sequence[Row]:
    """Return versions in scope by id; `text` is a code, or stands in the name."""
    return await db.fetch_all(
        f"""SELECT {_COLUMNS} FROM service_item
            WHERE status = ANY($1) AND division_code LIKE ANY($2)
              AND (cardinality($3::text[]) = 0 OR department_code = ANY($3)) AND id > $4
              AND ($6 = '' OR item_code = $6 OR strpos(name, $6) > 0) AND ($7 = '' OR department_code = $7)
            ORDER BY id LIMIT $5""",
        list(statuses),
        [f"{prefix}%" for prefix in divisions],
        list(departments),
        after or _FIRST_ID,
        limit,
        text,
        department_code,
    )


async def records(statuses: Sequence[str], batch: int = 200) -> AsyncIterator[Row]:
    """Yield code, version and record (JSON text) of every version in these states, in pages."""
    code, version = "", 0
    while True:
        rows = await db.fetch_all(
            """SELECT item_code, version, division_code, department_code, record::text AS record FROM service_item
               WHERE status = ANY($1) AND (item_code, version) > ($2, $3) ORDER BY item_code, version LIMIT $4""",
            list(statuses),
            code,
            version,
            batch,
        )
        for row in rows:
            yield row
        if len(rows) < batch:
            return
        code, version = rows[-1]["item_code"], rows[-1]["version"]


async def packages() -> Sequence[Row]:
    """Return the record (JSON text) of the newest version of every package."""
    return await db.fetch_all(
        "SELECT DISTINCT ON (package_code) package_code, record::text AS record FROM service_package"
        " ORDER BY package_code, version DESC"
    )


async def move(row: Row, to_status: str, by: str, today: date, moment: datetime, act: Act, audit: Audit) -> bool:
    """Publish, withdraw or restore a version with its audit; False where somebody was faster.

    A version whose day has not come is approved by it and published by the sweep on that day.
    """
    async with db.transaction() as tx:
        touched = await tx.execute(
            """UPDATE service_item SET status = 'WITHDRAWN', published_by = $4,
                   withdrawn_at = CASE WHEN $5 = 'WITHDRAWN' THEN $6::timestamptz END
               WHERE id = $1 AND status = $2 AND withdrawn_at IS NOT DISTINCT FROM $3""",
            row["id"],
            row["status"],
            row["withdrawn_at"],
            by,
            to_status,
            moment,
        )
        if not touched:
            return False
        await publish_newest(tx, [row["item_code"]], today, moment)
        await index.lead_to(tx, [row["item_code"]])
        await audit.record(act, tx)
    return True


async def publish_due(today: date, moment: datetime) -> int:
    """Publish the versions whose day has come; return how many moved. Idempotent."""
    async with db.transaction() as tx:
        rows = await tx.fetch_all(
            f"""SELECT DISTINCT item_code FROM service_item item
                WHERE status = 'WITHDRAWN' AND withdrawn_at IS NULL AND $1::date IS NOT NULL
                  AND version = {NEWEST_IN_FORCE.replace("$2", "$1")}""",
            today,
        )
        codes = [row["item_code"] for row in rows]
        if codes:
            await publish_newest(tx, codes, today, moment)
            await index.lead_to(tx, codes)
    return len(codes)
