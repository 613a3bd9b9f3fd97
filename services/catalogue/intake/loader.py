"""Reads the catalogue's files (data/) into frozen types and reports every fault with file and path; no database.

Called by the importer, `run.py items check` and the tests; must not decide what is published.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from app import identifiers
from services.catalogue import rules
from services.catalogue.places import Department, Division, LifeEvent, ServicePoint, Synonym, Topic
from services.catalogue.records import ItemRecord, PackageRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileFault:
    """One fault: the file below the data folder, the path inside it, and a Chinese sentence."""

    file: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: {self.message}"


class FaultyFiles(Exception):
    """The files cannot be used; `faults` lists everything wrong with all of them."""

    def __init__(self, faults: tuple[FileFault, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


@dataclass(frozen=True, slots=True)
class CatalogueFiles:
    """Everything the data folder says about the catalogue, checked."""

    divisions: tuple[Division, ...]
    departments: tuple[Department, ...]
    service_points: tuple[ServicePoint, ...]
    topics: tuple[Topic, ...]
    items: tuple[ItemRecord, ...]
    packages: tuple[PackageRecord, ...]
    life_events: tuple[LifeEvent, ...] = ()
    synonyms: tuple[Synonym, ...] = ()


class FileReader:
    """Reads JSON files of one folder and gathers their faults, so that one run shows all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[FileFault] = []

    def report(self, file: str, path: str, message: str) -> None:
        """Note one fault."""
        self.faults.append(FileFault(file, path, message))

    def read(self, file: str, kind: type[T]) -> T | None:
        """Read one JSON file as `kind`; a fault is noted and None returned."""
        try:
            return msgspec.json.decode((self.folder / file).read_bytes(), type=kind)
        except msgspec.ValidationError as fault:
            reason, _, path = str(fault).partition(" - at ")
            self.report(file, path.strip("`") or "$", f"内容不符合要求：{reason}")
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            self.report(file, "$", f"不是有效的JSON：{fault}")
        except OSError:
            self.report(file, "$", "文件不存在或不可读")
        return None

    def read_each(self, subfolder: str, kind: type[T]) -> dict[str, T]:
        """Read every JSON file of a subfolder, by file name, in order of names."""
        files = sorted(f"{subfolder}/{path.name}" for path in (self.folder / subfolder).glob("*.json"))
        return {file: value for file in files if (value := self.read(file, kind)) is not None}

    def finish(self) -> None:
        """Raise FaultyFiles when anything was noted."""
        if self.faults:
            raise FaultyFiles(tuple(self.faults))


def load_catalogue(folder: Path) -> CatalogueFiles:
    """Read and check the whole data folder. Raises FaultyFiles naming every fault with file and path."""
    reader = FileReader(folder)
    divisions = load_divisions(reader)
    departments = reader.read("departments.json", tuple[Department, ...]) or ()
    points = reader.read("service_points.json", tuple[ServicePoint, ...]) or ()
    topics = reader.read("topics.json", tuple[Topic, ...]) or ()
    items = reader.read_each("items", ItemRecord)
    packages = reader.read_each("packages", PackageRecord)
    events = reader.read("life_events.json", tuple[LifeEvent, ...]) or ()
    synonyms = reader.read("synonyms.json", tuple[Synonym, ...]) or ()
    records = (tuple(items.values()), tuple(packages.values()))
    files = CatalogueFiles(divisions, departments, points, topics, *records, events, synonyms)
    _check_places(reader, files)
    _check_items(reader, files, items)
    _check_packages(reader, files, packages)
    reader.finish()
    return files


def load_places(folder: Path) -> CatalogueFiles:
    """Read everything of a data folder but items and packages. Raises FaultyFiles."""
    reader = FileReader(folder)
    files = CatalogueFiles(
        load_divisions(reader),
        reader.read("departments.json", tuple[Department, ...]) or (),
        reader.read("service_points.json", tuple[ServicePoint, ...]) or (),
        reader.read("topics.json", tuple[Topic, ...]) or (),
        (),
        (),
        reader.read("life_events.json", tuple[LifeEvent, ...]) or (),
        reader.read("synonyms.json", tuple[Synonym, ...]) or (),
    )
    reader.finish()
    return files


def load_divisions(reader: FileReader) -> tuple[Division, ...]:
    """Read divisions.csv; of two rows with one code the later wins (a prefecture that was renamed)."""
    try:
        with (reader.folder / "divisions.csv").open(encoding="utf-8", newline="") as source:
            rows = [_division(row) for row in csv.DictReader(source)]
    except (OSError, ValueError, TypeError, KeyError) as fault:
        reader.report("divisions.csv", "$", f"行政区划表不可读：{fault}")
        return ()
    return tuple({row.code: row for row in rows}.values())


def _division(row: dict[str, str]) -> Division:
    return Division(
        code=row["code"],
        name=row["name"],
        level=row["level"],
        parent=row["parent"],
        kind=row["kind"],
        from_year=int(row["from_year"] or 0),
        to_year=int(row["to_year"] or 0),
        successor=row["successor"],
    )


def _check_places(reader: FileReader, files: CatalogueFiles) -> None:
    areas = {division.code for division in files.divisions if division.kind in ("current", "statistical")}
    topics = {topic.name for topic in files.topics}
    for department in files.departments:
        if department.division_code not in areas:
            reader.report("departments.json", department.code, "部门所属区划不存在")
        if not identifiers.is_uscc(department.code):
            reader.report("departments.json", department.code, "部门的统一社会信用代码不正确")
    for point in files.service_points:
        if point.division_code not in areas:
            reader.report("service_points.json", point.code, "服务网点所属区划不存在")
        if not {topic for window in point.windows for topic in window.topics} <= topics:
            reader.report("service_points.json", point.code, "窗口的主题不存在")


def _check_items(reader: FileReader, files: CatalogueFiles, items: dict[str, ItemRecord]) -> None:
    for file, record in items.items():
        for finding in (*rules.check_item(record), *dangling(record, files)):
            reader.report(file, finding.path, finding.message)
    for finding in rules.check_unique(files.items):
        reader.report("items", finding.path, finding.message)


def dangling(record: ItemRecord, files: CatalogueFiles) -> Iterator[rules.Finding]:
    """Yield what an item names that is not there."""
    departments = {department.code: department for department in files.departments}
    department = departments.get(record.department_code)
    if department is None:
        yield rules.Finding("department_code", "实施部门不存在")
    elif department.division_code != record.division_code:
        yield rules.Finding("department_code", "实施部门的区划与事项不一致")
    if not set(record.topics) <= {topic.name for topic in files.topics}:
        yield rules.Finding("topics", "主题不存在")
    if not set(record.service_points) <= {point.code for point in files.service_points}:
        yield rules.Finding("service_points", "办理地点不存在")


def _check_packages(reader: FileReader, files: CatalogueFiles, packages: dict[str, PackageRecord]) -> None:
    items = {record.item_code: record for record in files.items}
    departments = {department.code for department in files.departments}
    topics = {topic.name for topic in files.topics}
    for file, package in packages.items():
        for finding in rules.check_package(package, items):
            reader.report(file, finding.path, finding.message)
        if package.department_code not in departments:
            reader.report(file, "department_code", "牵头部门不存在")
        if not set(package.topics) <= topics:
            reader.report(file, "topics", "主题不存在")
