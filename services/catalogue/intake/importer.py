"""Brings checked files into the database: all of them or nothing; called by `run.py items` and the demo start.

New records load the search dictionaries (some 130 MiB), so processes that answer requests must not call it.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import msgspec

from app import clock
from services.catalogue import repository
from services.catalogue.codes import Audience
from services.catalogue.intake.loader import CatalogueFiles, load_catalogue
from services.catalogue.records import ItemRecord, PackageRecord
from services.catalogue.repository import ItemRow, PackageRow
from services.catalogue.types import ImportSummary

_LEXEMES = b"1"
"""Raise when lexemes.py cuts differently: the next import then renews the search words of all items."""


async def import_folder(folder: Path) -> ImportSummary:
    """Check a data folder and import it. Raises FaultyFiles, in which case nothing is written.

    Idempotent: yes, a second run changes nothing.
    """
    files = await asyncio.to_thread(load_catalogue, folder)
    return await import_files(files)


async def import_files(files: CatalogueFiles) -> ImportSummary:
    """Import checked files in one transaction. Idempotent: yes, by item code, version and content."""
    held = {(row["item_code"], row["version"]): row["content_hash"] for row in await repository.list_hashes()}
    new = [record for record in files.items if held.get((record.item_code, record.version)) != content_hash(record)]
    items = await asyncio.to_thread(lambda: [_item_row(record) for record in new])
    packages = [_package_row(package) for package in files.packages]
    places = (files.divisions, files.departments, files.service_points, files.topics)
    codes = [record.item_code for record in files.items]
    counts = await repository.record_import(places, items, packages, codes, clock.now())
    unchanged = len(files.items) + len(packages) - counts.added - counts.changed
    return ImportSummary(added=counts.added, changed=counts.changed, unchanged=unchanged, published=counts.published)


def content_hash(record: ItemRecord | PackageRecord) -> str:
    """Return the SHA-256 of a record's content and of the way its search words are cut."""
    return hashlib.sha256(_LEXEMES + msgspec.json.encode(record, order="sorted")).hexdigest()


def _item_row(record: ItemRecord) -> ItemRow:
    # Imported here because its dictionaries are large and only an import needs them.
    from services.catalogue.intake.lexemes import search_text

    return ItemRow(
        item_code=record.item_code,
        version=record.version,
        name=record.name,
        division_code=record.division_code,
        department_code=record.department_code,
        topics=record.topics,
        audience=_audience(record),
        record=msgspec.Raw(msgspec.json.encode(record)),
        content_hash=content_hash(record),
        search_text=search_text(record),
    )


def _package_row(package: PackageRecord) -> PackageRow:
    return PackageRow(
        package_code=package.package_code,
        version=package.version,
        name=package.name,
        division_code=package.division_code,
        record=msgspec.Raw(msgspec.json.encode(package)),
        content_hash=content_hash(package),
    )


def _audience(record: ItemRecord) -> str:
    if set(record.audiences) == {Audience.PERSON}:
        return "PERSON"
    return "BOTH" if Audience.PERSON in record.audiences else "ENTERPRISE"
