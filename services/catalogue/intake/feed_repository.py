"""Writes a feed piece by piece inside one transaction: everything or nothing, one import at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from app import clock, db
from app.db import Row, Transaction
from services.catalogue.places import Department, ServicePoint
from services.catalogue.publishing.repository import publish_newest
from services.catalogue.repository import (
    APPROVED,
    IMPORT_LOCK,
    UNAPPROVED,
    UPSERT_ITEMS,
    UPSERT_PACKAGES,
    ItemRow,
    PackageRow,
    write_places,
)
from services.catalogue.search import index


class FeedWriter:
    """Writes rows; `finish` publishes what is in force."""

    def __init__(self, tx: Transaction, feed: str, *, approved: bool, moment: datetime) -> None:
        self._tx, self._feed, self._moment = tx, feed, moment
        self._status = APPROVED if approved else UNAPPROVED
        self._touched: set[str] = set()
        self.added = self.changed = 0

    async def write(
        self, items: Sequence[ItemRow], packages: Sequence[PackageRow], documents: index.NewDocuments
    ) -> None:
        """Write some rows with the documents by which they are found."""
        written = [
            *await self._tx.fetch_all(UPSERT_ITEMS, db.json_text(items), self._moment, self._status, self._feed),
            *await self._tx.fetch_all(UPSERT_PACKAGES, db.json_text(packages), self._moment),
        ]
        await index.add_documents(self._tx, documents)
        self._touched |= {row["code"] for row in written}
        self.added += sum(row["is_new"] for row in written)
        self.changed += sum(not row["is_new"] for row in written)

    async def finish(self) -> int:
        """Publish the newest versions in force of what was written; return how many were published."""
        codes = sorted(self._touched)
        moved = await publish_newest(self._tx, codes, clock.beijing_date(self._moment), self._moment)
        await index.lead_to(self._tx, codes)
        return sum(row["status"] == "PUBLISHED" for row in moved)


@asynccontextmanager
async def feed_transaction(
    feed: str, departments: Sequence[Department], points: Sequence[ServicePoint], *, approved: bool, moment: datetime
) -> AsyncIterator[FeedWriter]:
    """Open the transaction of a feed with its departments and service points written."""
    async with db.transaction() as tx:
        await tx.execute("SELECT pg_advisory_xact_lock($1)", IMPORT_LOCK)
        await write_places(tx, (), departments, points, (), ())
        yield FeedWriter(tx, feed, approved=approved, moment=moment)


async def list_departments() -> Sequence[Row]:
    """Return all departments."""
    return await db.fetch_all("SELECT code, name, short_name, division_code, phone, address FROM department")


async def list_points() -> Sequence[str]:
    """Return the records of all service points as JSON text."""
    return [row["record"] for row in await db.fetch_all("SELECT record::text AS record FROM service_point")]
