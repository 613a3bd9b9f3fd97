"""Every query of the catalogue room; the import is one transaction. Decides nothing.

Called by the service and the importer. JSON columns come back as text and are decoded by the callers' types.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app import clock, db
from app.db import Row
from services.catalogue.places import Department, Division, LifeEvent, ServicePoint, Topic
from services.catalogue.publishing.repository import publish_newest
from services.catalogue.search import index

_BATCH = 500
IMPORT_LOCK = 7_204_141_401


async def find_published(item_code: str) -> Row | None:
    """Return record, hash and service points of the published version of an item."""
    return await db.fetch_row(
        "SELECT version, content_hash, record, (SELECT coalesce(jsonb_agg(p.record ORDER BY p.code), '[]')"
        " FROM service_point p WHERE i.record->'service_points' ? p.code) AS points"
        " FROM service_item i WHERE item_code = $1 AND status = 'PUBLISHED'",
        item_code,
    )


async def find_of_body(basic_code: str, division_code: str, department_code: str) -> Row | None:
    """Return the code of the published item with this basic code that this body handles."""
    return await db.fetch_row(
        "SELECT item_code FROM service_item WHERE status = 'PUBLISHED' AND division_code = $2 AND department_code = $3"
        " AND record->>'basic_code' = $1 ORDER BY item_code LIMIT 1",
        basic_code,
        division_code,
        department_code,
    )


async def find_version(item_code: str, version: int) -> Row | None:
    """Return record and hash of one version of an item, whatever its status."""
    return await db.fetch_row(
        "SELECT version, content_hash, record FROM service_item WHERE item_code = $1 AND version = $2",
        item_code,
        version,
    )


async def list_hashes() -> Sequence[Row]:
    """Return the state and the content hash of every version of every item."""
    return await db.fetch_all("SELECT item_code, version, status, content_hash FROM service_item")


async def list_department_names() -> Sequence[Row]:
    """Return code and name of every department."""
    return await db.fetch_all("SELECT code, name FROM department")


async def list_topics() -> Sequence[Row]:
    """Return the topics in their order with the number of published items."""
    return await db.fetch_all(
        "SELECT t.name, t.description, t.icon, (SELECT count(*) FROM service_item"
        " WHERE status = 'PUBLISHED' AND topics @> jsonb_build_array(t.name)) AS item_count"
        " FROM topic t ORDER BY t.position, t.name"
    )


async def list_packages() -> Sequence[Row]:
    """Return the records of the published packages, the newest version of each."""
    return await db.fetch_all(
        "SELECT DISTINCT ON (package_code) record FROM service_package WHERE status = 'PUBLISHED'"
        " ORDER BY package_code, version DESC"
    )


async def find_package(package_code: str) -> Row | None:
    """Return a published package with the records of its items."""
    return await db.fetch_row(
        "SELECT record, (SELECT coalesce(jsonb_agg(i.record), '[]') FROM service_item i"
        " WHERE i.status = 'PUBLISHED' AND i.item_code IN"
        " (SELECT part->>'item_code' FROM jsonb_array_elements(p.record->'items') part)) AS items"
        " FROM service_package p WHERE package_code = $1 AND status = 'PUBLISHED' ORDER BY version DESC LIMIT 1",
        package_code,
    )


async def find_package_version(package_code: str, version: int | None) -> str | None:
    """Return the record of one version of a package, JSON text; without a version the published one."""
    row = await db.fetch_row(
        "SELECT record::text AS record FROM service_package WHERE package_code = $1"
        " AND ($2::int IS NULL AND status = 'PUBLISHED' OR version = $2) ORDER BY version DESC LIMIT 1",
        package_code,
        version,
    )
    return None if row is None else str(row["record"])


class ItemRow(msgspec.Struct, frozen=True, kw_only=True):
    """An item as the importer hands it in; `record` is JSON text."""

    item_code: str
    version: int
    name: str
    division_code: str
    department_code: str
    topics: tuple[str, ...]
    audience: str
    record: msgspec.Raw
    content_hash: str
    listed: str
    search: msgspec.Raw


class PackageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A package as the importer hands it in."""

    package_code: str
    version: int
    name: str
    division_code: str
    record: msgspec.Raw
    content_hash: str
    search: msgspec.Raw


class ImportCounts(msgspec.Struct, frozen=True):
    """Rows that an import added, changed and newly published."""

    added: int
    changed: int
    published: int


async def record_import(
    places: tuple[
        Sequence[Division], Sequence[Department], Sequence[ServicePoint], Sequence[Topic], Sequence[LifeEvent]
    ],
    items: Sequence[ItemRow],
    packages: Sequence[PackageRow],
    codes: Sequence[str],
    documents: index.NewDocuments,
    moment: datetime,
) -> ImportCounts:
    """Write a whole set of files in one transaction and publish the newest version in force of each of `codes`.

    Idempotent: yes, by (item_code, version) and content hash; one import at a time by an advisory lock.
    """
    async with db.transaction() as tx:
        await tx.execute("SELECT pg_advisory_xact_lock($1)", IMPORT_LOCK)
        await write_places(tx, *places)
        written = [
            *[
                row
                for rows in _batches(items)
                for row in await tx.fetch_all(UPSERT_ITEMS, db.json_text(rows), moment, APPROVED, "")
            ],
            *await tx.fetch_all(UPSERT_PACKAGES, db.json_text(packages), moment),
        ]
        today = clock.beijing_date(moment)
        moved = await publish_newest(tx, codes, today, moment)
        published = sum(row["status"] == "PUBLISHED" for row in moved)
        await index.add_documents(tx, documents)
        await index.lead_to(tx, sorted({row["code"] for row in (*written, *moved)}))
    added = sum(row["is_new"] for row in written)
    return ImportCounts(added, len(written) - added, published)


async def write_places(
    tx: db.Transaction,
    divisions: Sequence[Division],
    departments: Sequence[Department],
    points: Sequence[ServicePoint],
    topics: Sequence[Topic],
    events: Sequence[LifeEvent],
) -> None:
    """Write divisions, departments, service points, topics and life events; what is not named stays."""
    await tx.execute(_UPSERT_DIVISIONS, db.json_text(divisions))
    await tx.execute(_UPSERT_DEPARTMENTS, db.json_text(departments))
    rows = [{"code": point.code, "name": point.name, "division": point.division_code, "all": point} for point in points]
    await tx.execute(_UPSERT_POINTS, db.json_text(rows))
    await tx.execute(_UPSERT_TOPICS, db.json_text([[t.name, t.description, t.icon, t.order] for t in topics]))
    await tx.execute(_UPSERT_EVENTS, db.json_text([[e.name, e.description, e.icon, e.order] for e in events]))


def _batches(rows: Sequence[ItemRow]) -> list[Sequence[ItemRow]]:
    """Cut rows so that no statement carries more than some megabytes."""
    return [rows[begin : begin + _BATCH] for begin in range(0, len(rows), _BATCH)]


_UPSERT_DIVISIONS = """
INSERT INTO division (code, name, level, parent_code, kind, from_year, to_year, successor_code)
SELECT d->>'code', d->>'name', d->>'level', d->>'parent', d->>'kind',
       nullif((d->>'from_year')::int, 0), nullif((d->>'to_year')::int, 0), d->>'successor'
FROM jsonb_array_elements($1::text::jsonb) d
ON CONFLICT (code) DO UPDATE SET name = EXCLUDED.name, level = EXCLUDED.level, parent_code = EXCLUDED.parent_code,
    kind = EXCLUDED.kind, from_year = EXCLUDED.from_year, to_year = EXCLUDED.to_year,
    successor_code = EXCLUDED.successor_code
"""
_UPSERT_DEPARTMENTS = """
INSERT INTO department (code, name, short_name, division_code, phone, address)
SELECT d->>'code', d->>'name', d->>'short_name', d->>'division_code', d->>'phone', d->>'address'
FROM jsonb_array_elements($1::text::jsonb) d
ON CONFLICT (code) DO UPDATE SET name = EXCLUDED.name, short_name = EXCLUDED.short_name,
    division_code = EXCLUDED.division_code, phone = EXCLUDED.phone, address = EXCLUDED.address
"""
_UPSERT_POINTS = """
INSERT INTO service_point (code, name, division_code, record)
SELECT p->>'code', p->>'name', p->>'division', p->'all' FROM jsonb_array_elements($1::text::jsonb) p
ON CONFLICT (code) DO UPDATE
SET name = EXCLUDED.name, division_code = EXCLUDED.division_code, record = EXCLUDED.record
"""
_UPSERT_TOPICS = """
INSERT INTO topic (name, description, icon, position)
SELECT t->>0, t->>1, t->>2, (t->>3)::int FROM jsonb_array_elements($1::text::jsonb) t
ON CONFLICT (name) DO UPDATE
SET description = EXCLUDED.description, icon = EXCLUDED.icon, position = EXCLUDED.position
"""
_UPSERT_EVENTS = _UPSERT_TOPICS.replace("INTO topic", "INTO life_event")
APPROVED, UNAPPROVED = "WITHDRAWN", "DRAFT"
"""How a version enters: ready to be published on its day, or waiting for staff."""
UPSERT_ITEMS = """
INSERT INTO service_item AS held (id, created_at, item_code, version, status, name, division_code, department_code,
    topics, audience, popularity, record, content_hash, listed, search, feed)
SELECT gen_random_uuid(), $2, i->>'item_code', (i->>'version')::int, $3, i->>'name', i->>'division_code',
    i->>'department_code', i->'topics', i->>'audience', 0, i->'record', i->>'content_hash', i->>'listed',
    i->'search', $4
FROM jsonb_array_elements($1::text::jsonb) i
ON CONFLICT (item_code, version) DO UPDATE SET name = EXCLUDED.name, division_code = EXCLUDED.division_code,
    department_code = EXCLUDED.department_code, topics = EXCLUDED.topics, audience = EXCLUDED.audience,
    record = EXCLUDED.record, content_hash = EXCLUDED.content_hash, listed = EXCLUDED.listed, search = EXCLUDED.search,
    feed = EXCLUDED.feed, status = CASE WHEN held.status = 'DRAFT' THEN EXCLUDED.status ELSE held.status END
WHERE held.content_hash <> EXCLUDED.content_hash OR (held.status = 'DRAFT' AND EXCLUDED.status <> 'DRAFT')
RETURNING item_code AS code, (xmax = 0)::int AS is_new
"""
UPSERT_PACKAGES = """
INSERT INTO service_package AS held (id, created_at, package_code, version, status, name, division_code, record,
    content_hash, search)
SELECT gen_random_uuid(), $2, p->>'package_code', (p->>'version')::int, 'PUBLISHED', p->>'name',
    p->>'division_code', p->'record', p->>'content_hash', p->'search'
FROM jsonb_array_elements($1::text::jsonb) p
ON CONFLICT (package_code, version) DO UPDATE SET name = EXCLUDED.name, division_code = EXCLUDED.division_code,
    record = EXCLUDED.record, content_hash = EXCLUDED.content_hash, search = EXCLUDED.search
WHERE held.content_hash <> EXCLUDED.content_hash
RETURNING package_code AS code, (xmax = 0)::int AS is_new
"""
