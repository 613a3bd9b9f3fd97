"""Takes a feed of the province's directory in: first every entry is checked and every fault named, then all is written.

Called by `run.py items`. The feed is read twice, so that its size does not decide how much memory it takes; records
load the search dictionaries, so processes that answer requests must not call it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import msgspec

from app import clock
from services.catalogue import repository, rules
from services.catalogue.intake import feed_repository, importer
from services.catalogue.intake.feed import Entry, FeedError, entries
from services.catalogue.intake.loader import CatalogueFiles, FaultyFiles, FileFault, dangling, load_places
from services.catalogue.places import Department, ServicePoint
from services.catalogue.publishing import repository as version_repository
from services.catalogue.records import ItemRecord, PackageRecord
from services.catalogue.types import ImportSummary

_BATCH = 100
_MOST_FAULTS = 5_000
Progress = Callable[[], None]
Version = tuple[str, int]


@dataclass(slots=True)
class Checked:
    """A feed that was read once: what it names, and every fault."""

    places: CatalogueFiles
    versions: dict[Version, str] = field(default_factory=dict)
    packages: list[tuple[Entry, PackageRecord]] = field(default_factory=list)
    departments: list[Department] = field(default_factory=list)
    points: list[ServicePoint] = field(default_factory=list)
    faults: list[FileFault] = field(default_factory=list)
    entries: int = 0


async def import_feed(files: list[Path], data: Path, feed: str, *, approved: bool, progress: Progress) -> ImportSummary:
    """Check and import feeds over the places of the database. Raises FaultyFiles, in which case nothing is written.

    Args:
        data: folder with synonyms and life events, which no feed carries.
        feed: name of the feed, kept with each version.
        approved: publish what is in force; else every new version waits for staff.
        progress: called once an entry, in each of the two readings.
    Idempotent: yes, a second run changes nothing.
    """
    checked = await asyncio.to_thread(check_feed, files, await _known_places(data), progress)
    await _check_held(checked, files)
    held = await _held_items(checked)
    await asyncio.to_thread(check_packages, checked, files, held)
    if checked.faults:
        raise FaultyFiles(tuple(checked.faults))
    moment = clock.now()
    lexicon = await asyncio.to_thread(importer.make_lexicon, checked.places)
    places = (checked.departments, checked.points)
    async with feed_repository.feed_transaction(feed, *places, approved=approved, moment=moment) as writer:
        records = _records(files)
        while batch := list(islice(records, _BATCH)):
            items = [record for record in batch if isinstance(record, ItemRecord)]
            packages = [record for record in batch if isinstance(record, PackageRecord)]
            await writer.write(*await asyncio.to_thread(importer.make_rows, lexicon, items, packages))
            for _ in batch:
                progress()
        published = await writer.finish()
    total = len(checked.versions) + len(checked.packages)
    return ImportSummary(
        added=writer.added,
        changed=writer.changed,
        unchanged=total - writer.added - writer.changed,
        published=published,
    )


def check_feed(files: list[Path], places: CatalogueFiles, progress: Progress) -> Checked:
    """Read feeds once; items are checked against the rules and the places known or named before them."""
    checked = Checked(places)
    for file in files:
        try:
            for entry in entries(file):
                checked.entries += 1
                progress()
                if isinstance(entry, FileFault):
                    _report(checked, entry)
                else:
                    _check(checked, entry)
        except FeedError as error:
            _report(checked, error.fault)
    return checked


def _check(checked: Checked, entry: Entry) -> None:
    record = entry.record
    if isinstance(record, Department):
        checked.departments.append(record)
        checked.places = replace(checked.places, departments=(*checked.places.departments, record))
    elif isinstance(record, ServicePoint):
        checked.points.append(record)
        checked.places = replace(checked.places, service_points=(*checked.places.service_points, record))
    elif isinstance(record, PackageRecord):
        checked.packages.append((entry, record))
    else:
        version = (record.item_code, record.version)
        if version in checked.versions:
            _report(checked, FileFault(entry.file, entry.place, f"事项版本重复，已见于{checked.versions[version]}"))
        checked.versions[version] = entry.place
        for finding in (*rules.check_item(record), *dangling(record, checked.places)):
            _report(checked, FileFault(entry.file, f"{entry.place}.{finding.path}", finding.message))


async def _check_held(checked: Checked, files: list[Path]) -> None:
    """Refuse other content under a version that has been published: cases stand on it."""
    held = {(row["item_code"], row["version"]) for row in await repository.list_hashes() if row["status"] != "DRAFT"}
    if held.isdisjoint(checked.versions):
        return
    for file in files:
        for entry in _entries(file):
            record = entry.record
            if isinstance(record, ItemRecord) and (record.item_code, record.version) in held:
                row = await version_repository.find_record(record.item_code, record.version)
                if row is not None and msgspec.json.decode(row["record"], type=ItemRecord) != record:
                    _report(checked, FileFault(entry.file, entry.place, "该版本已发布，内容不能更改，请提高版本号"))


async def _held_items(checked: Checked) -> dict[str, ItemRecord]:
    """Return the published items that the feed's packages name."""
    named = {part.item_code for _, package in checked.packages for part in package.items}
    rows = {code: row for code in named if (row := await repository.find_published(code)) is not None}
    return {code: msgspec.json.decode(row["record"], type=ItemRecord) for code, row in rows.items()}


def check_packages(checked: Checked, files: list[Path], held: Mapping[str, ItemRecord]) -> None:
    """Check the feed's packages against the items of the feed and those held already."""
    named = {part.item_code for _, package in checked.packages for part in package.items}
    fed = (entry.record for file in files for entry in _entries(file)) if named else ()
    known = {**held} | {one.item_code: one for one in fed if isinstance(one, ItemRecord) and one.item_code in named}
    for entry, package in checked.packages:
        for finding in rules.check_package(package, known):
            _report(checked, FileFault(entry.file, f"{entry.place}.{finding.path}", finding.message))


async def _known_places(data: Path) -> CatalogueFiles:
    """Return the places of the database, with the words of the data folder."""
    places = await asyncio.to_thread(load_places, data)
    departments = [Department(**dict(row)) for row in await feed_repository.list_departments()]
    points = [msgspec.json.decode(record, type=ServicePoint) for record in await feed_repository.list_points()]
    return replace(places, departments=tuple(departments), service_points=tuple(points))


def _records(files: list[Path]) -> Iterator[ItemRecord | PackageRecord]:
    for file in files:
        for entry in _entries(file):
            if isinstance(entry.record, (ItemRecord, PackageRecord)):
                yield entry.record


def _entries(file: Path) -> Iterator[Entry]:
    try:
        yield from (entry for entry in entries(file) if isinstance(entry, Entry))
    except FeedError:
        return  # its fault was reported when it was read first


def _report(checked: Checked, fault: FileFault) -> None:
    if len(checked.faults) < _MOST_FAULTS:
        checked.faults.append(fault)
