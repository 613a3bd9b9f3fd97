"""Importing: idempotent, all or nothing, versions in order, safe when two run at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import asyncpg
import msgspec
import pytest

from app import db
from services.catalogue.intake import importer
from services.catalogue.intake.loader import CatalogueFiles
from services.catalogue.service import CatalogueService

pytestmark = pytest.mark.anyio


async def _statuses(item_code: str) -> dict[int, str]:
    rows = await db.fetch_all("SELECT version, status FROM service_item WHERE item_code = $1", item_code)
    return {row["version"]: row["status"] for row in rows}


async def test_import_twice_changes_nothing(database: str, files: CatalogueFiles) -> None:
    total = len(files.items) + len(files.packages)
    first = await importer.import_files(files)
    assert (first.added, first.changed, first.unchanged, first.published) == (total, 0, 0, len(files.items))
    second = await importer.import_files(files)
    assert (second.added, second.changed, second.unchanged, second.published) == (0, 0, total, 0)
    row = await db.fetch_row("SELECT count(*) AS n FROM division")
    assert row is not None
    assert row["n"] == len(files.divisions)


async def test_import_at_the_same_time_writes_once(database: str, files: CatalogueFiles) -> None:
    results = await asyncio.gather(*(importer.import_files(files) for _ in range(3)))
    assert sum(result.added for result in results) == len(files.items) + len(files.packages)
    assert sum(result.published for result in results) == len(files.items)


async def test_import_that_fails_leaves_nothing(database: str, files: CatalogueFiles) -> None:
    spoiled = msgspec.structs.replace(files.items[-1], name="长" * 300)
    with pytest.raises(asyncpg.DataError):
        await importer.import_files(replace(files, items=(*files.items[:-1], spoiled)))
    for table in ("division", "department", "service_point", "topic", "service_item", "service_package"):
        assert await db.fetch_row(f"SELECT 1 FROM {table} LIMIT 1") is None


async def test_import_of_new_version_withdraws_the_old_one(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    old = files.items[0]
    new = msgspec.structs.replace(old, version=2, name="新的名称")
    await importer.import_files(replace(files, items=(new,)))
    assert await _statuses(old.item_code) == {1: "WITHDRAWN", 2: "PUBLISHED"}
    assert (await catalogue.current_item(old.item_code)).record.name == "新的名称"
    assert (await catalogue.item(old.item_code, 1)).record == old


async def test_import_of_old_version_does_not_replace_the_new_one(
    catalogue: CatalogueService, files: CatalogueFiles
) -> None:
    old = files.items[0]
    await importer.import_files(replace(files, items=(msgspec.structs.replace(old, version=2),)))
    await importer.import_files(files)
    assert await _statuses(old.item_code) == {1: "WITHDRAWN", 2: "PUBLISHED"}


async def test_import_of_version_not_yet_in_force_keeps_the_old_one(
    catalogue: CatalogueService, files: CatalogueFiles
) -> None:
    old = files.items[0]
    later = msgspec.structs.replace(old, version=2, effective_on=date(2999, 1, 1))
    await importer.import_files(replace(files, items=(later,)))
    assert await _statuses(old.item_code) == {1: "PUBLISHED", 2: "WITHDRAWN"}


async def test_import_of_changed_content_is_told_apart(catalogue: CatalogueService, files: CatalogueFiles) -> None:
    changed = msgspec.structs.replace(files.items[0], phone="0351-12345")
    summary = await importer.import_files(replace(files, items=(changed, *files.items[1:])))
    assert (summary.added, summary.changed, summary.published) == (0, 1, 0)
    catalogue.forget()
    assert (await catalogue.current_item(changed.item_code)).record.phone == "0351-12345"
