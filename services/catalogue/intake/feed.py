"""Reads feeds of the province's directory (JSON, YAML, NDJSON) entry by entry, with the place of every fault.

Called by the feed's import and check. An entry is an item, a package, a department or a service point, told apart by
what it holds. NDJSON is read line by line, so its size does not matter; the other two are read whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from services.catalogue.intake.loader import FileFault
from services.catalogue.places import Department, ServicePoint
from services.catalogue.records import ItemRecord, PackageRecord

Record = ItemRecord | PackageRecord | Department | ServicePoint
LARGEST_WHOLE_BYTES = 268_435_456
_LINES = (".ndjson", ".jsonl")
_YAML = (".yaml", ".yml")
_LISTS = ("items", "packages", "departments", "service_points")


@dataclass(frozen=True, slots=True)
class Entry:
    """One record with where it stands: the file and a line or position inside it."""

    file: str
    place: str
    record: Record


class FeedError(Exception):
    """A file that cannot be read at all."""

    def __init__(self, fault: FileFault) -> None:
        self.fault = fault
        super().__init__(str(fault))


class _NoAliases(yaml.CSafeLoader):  # type: ignore[misc]  # PyYAML ships no types
    """YAML without references, by which a few lines could grow into gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("不支持引用（*）")
        return super().compose_node(parent, index)


def entries(file: Path) -> Iterator[Entry | FileFault]:
    """Yield the records of a file and the faults of those that are none. Raises: FeedError, then nothing is usable."""
    for place, value in _values(file):
        if isinstance(value, FileFault):
            yield value
            continue
        kind = _kind(value)
        if kind is None:
            yield FileFault(file.name, place, "既不是事项，也不是一件事、部门或服务网点")
            continue
        try:
            yield Entry(file.name, place, msgspec.convert(value, kind))
        except msgspec.ValidationError as fault:
            reason, _, path = str(fault).partition(" - at ")
            inside = path.strip("`").removeprefix("$")
            yield FileFault(file.name, f"{place}{inside}", f"内容不符合要求：{reason}")


def size_bytes(files: list[Path]) -> int:
    """Return the size of files together, for a progress bar; 0 for one that is not there."""
    return sum(file.stat().st_size for file in files if file.is_file())


def _values(file: Path) -> Iterator[tuple[str, Any]]:
    suffix = file.suffix.lower()
    try:
        if suffix in _LINES:
            yield from _lines(file)
            return
        if file.stat().st_size > LARGEST_WHOLE_BYTES:
            raise FeedError(FileFault(file.name, "$", "文件过大，请改用逐行的 NDJSON 格式"))
        if suffix in _YAML:
            documents = list(yaml.load_all(file.read_bytes(), _NoAliases))  # a safe loader of our own
        elif suffix == ".json":
            documents = [msgspec.json.decode(file.read_bytes())]
        else:
            raise FeedError(FileFault(file.name, "$", "只支持 .json、.yaml、.ndjson 文件"))
    except OSError as error:
        raise FeedError(FileFault(file.name, "$", "文件不存在或不可读")) from error
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as fault:
        raise FeedError(FileFault(file.name, "$", f"内容无法解析：{fault}")) from fault
    for number, document in enumerate(documents):
        yield from _parts(f"$[{number}]" if len(documents) > 1 else "$", document)


def _lines(file: Path) -> Iterator[tuple[str, Any]]:
    with file.open("rb") as source:
        for number, line in enumerate(source, 1):
            if not line.strip():
                continue
            place = f"第{number}行"
            try:
                yield place, msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
                yield place, FileFault(file.name, place, f"不是有效的JSON：{fault}")


def _parts(place: str, document: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(document, list):
        for position, part in enumerate(document):
            yield f"{place}[{position}]", part
    elif isinstance(document, dict) and document.keys() <= set(_LISTS) and document:
        # Departments and places first: items name them.
        for name in reversed(_LISTS):
            listed = document.get(name, [])
            for position, part in enumerate(listed if isinstance(listed, list) else [listed]):
                yield f"{place}.{name}[{position}]", part
    else:
        yield place, document


def _kind(value: Any) -> type[Record] | None:
    if not isinstance(value, dict):
        return None
    if "package_code" in value:
        return PackageRecord
    if "item_code" in value:
        return ItemRecord
    if "windows" in value:
        return ServicePoint
    return Department if "short_name" in value else None
