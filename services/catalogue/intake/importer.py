"""Brings checked files into the database: all of them or nothing; called by `run.py items` and the demo start.

New records load the search dictionaries (some 130 MiB), so processes that answer requests must not call it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app import clock
from services.catalogue import repository
from services.catalogue.codes import Audience
from services.catalogue.intake.loader import CatalogueFiles, load_catalogue
from services.catalogue.records import ItemRecord, PackageRecord
from services.catalogue.repository import ItemRow, PackageRow
from services.catalogue.search.index import NewDocuments
from services.catalogue.types import ImportSummary, ListedItem

if TYPE_CHECKING:
    from services.catalogue.intake.documents import Found, Lexicon

_LEXEMES = b"3"
"""Raise when lexemes.py or documents.py cut differently: the next import then renews the search words of all items."""


async def import_folder(folder: Path) -> ImportSummary:
    """Check a data folder and import it. Raises FaultyFiles, in which case nothing is written.

    Idempotent: yes, a second run changes nothing.
    """
    files = await asyncio.to_thread(load_catalogue, folder)
    return await import_files(files)


async def import_files(files: CatalogueFiles) -> ImportSummary:
    """Import checked files in one transaction. Idempotent: yes, by item code, version and content."""
    lexicon = await asyncio.to_thread(make_lexicon, files)
    held = {(row["item_code"], row["version"]): row["content_hash"] for row in await repository.list_hashes()}
    new = [
        record
        for record in files.items
        if held.get((record.item_code, record.version)) != content_hash(record, lexicon.digest)
    ]
    items, packages, documents = await asyncio.to_thread(make_rows, lexicon, new, files.packages)
    places = (files.divisions, files.departments, files.service_points, files.topics, files.life_events)
    codes = [record.item_code for record in files.items]
    counts = await repository.record_import(places, items, packages, codes, documents, clock.now())
    unchanged = len(files.items) + len(packages) - counts.added - counts.changed
    return ImportSummary(added=counts.added, changed=counts.changed, unchanged=unchanged, published=counts.published)


def content_hash(record: ItemRecord | PackageRecord, lexicon: bytes) -> str:
    """Return the SHA-256 of a record's content, of the words known beside it, and of the way words are cut."""
    return hashlib.sha256(_LEXEMES + lexicon + msgspec.json.encode(record, order="sorted")).hexdigest()


def make_lexicon(files: CatalogueFiles) -> Lexicon:
    """Gather what is known of words beside the records."""
    # Imported here because its dictionaries are large and only an import needs them.
    from services.catalogue.intake.documents import Lexicon

    return Lexicon(files)


def make_rows(
    lexicon: Lexicon, items: Sequence[ItemRecord], packages: Sequence[PackageRecord]
) -> tuple[list[ItemRow], list[PackageRow], NewDocuments]:
    """Return records as rows with the documents by which they are found; slow, call in a thread."""
    from services.catalogue.intake.lexemes import syllables

    found_items = [lexicon.item(record) for record in items]
    found_packages = [lexicon.package(package) for package in packages]
    documents = {document.digest: document for found in (*found_items, *found_packages) for document in found.documents}
    return (
        [_item_row(record, found, lexicon) for record, found in zip(items, found_items, strict=True)],
        [_package_row(package, found, lexicon) for package, found in zip(packages, found_packages, strict=True)],
        NewDocuments(tuple(documents.values()), syllables),
    )


def _item_row(record: ItemRecord, found: Found, lexicon: Lexicon) -> ItemRow:
    return ItemRow(
        item_code=record.item_code,
        version=record.version,
        name=record.name,
        division_code=record.division_code,
        department_code=record.department_code,
        topics=record.topics,
        audience=_audience(record),
        record=msgspec.Raw(msgspec.json.encode(record)),
        content_hash=content_hash(record, lexicon.digest),
        listed=msgspec.json.encode(msgspec.convert(record, ListedItem, from_attributes=True)).decode(),
        search=found.stored(),
    )


def _package_row(package: PackageRecord, found: Found, lexicon: Lexicon) -> PackageRow:
    return PackageRow(
        package_code=package.package_code,
        version=package.version,
        name=package.name,
        division_code=package.division_code,
        record=msgspec.Raw(msgspec.json.encode(package)),
        content_hash=content_hash(package, lexicon.digest),
        search=found.stored(),
    )


def _audience(record: ItemRecord) -> str:
    if set(record.audiences) == {Audience.PERSON}:
        return "PERSON"
    return "BOTH" if Audience.PERSON in record.audiences else "ENTERPRISE"
