"""Writes the catalogue as a feed that `items import` reads: NDJSON line by line, JSON and YAML whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec
import yaml

from services.catalogue.intake import feed_repository
from services.catalogue.publishing import repository

_STATUSES = ("PUBLISHED",)
_ALL = ("DRAFT", "PUBLISHED", "WITHDRAWN")


async def export(file: Path, *, every_version: bool, progress: Callable[[], None]) -> int:
    """Write departments, service points, items and packages; return how many entries. The suffix names the format.

    Raises: ValueError for a suffix that is none of .ndjson, .json, .yaml.
    """
    writer = _WRITERS.get(file.suffix.lower())
    if writer is None:
        raise ValueError("只支持 .ndjson、.json、.yaml 文件")
    listed: dict[str, list[Any]] = {
        "departments": [dict(row) for row in await feed_repository.list_departments()],
        "service_points": [msgspec.json.decode(record) for record in await feed_repository.list_points()],
    }
    with file.open("w", encoding="utf-8") as target:
        return await writer(target, listed, _ALL if every_version else _STATUSES, progress)


async def _lines(target: IO[str], listed: dict[str, list[Any]], statuses: Any, progress: Callable[[], None]) -> int:
    count = 0
    for entry in (entry for entries in listed.values() for entry in entries):
        target.write(msgspec.json.encode(entry).decode() + "\n")
        count += 1
    async for row in repository.records(statuses):
        target.write(_one_line(row["record"]))
        progress()
        count += 1
    for row in await repository.packages():
        target.write(_one_line(row["record"]))
        count += 1
    return count


def _one_line(record: str) -> str:
    return msgspec.json.encode(msgspec.json.decode(record)).decode() + "\n"


async def _gathered(listed: dict[str, list[Any]], statuses: Any, progress: Callable[[], None]) -> dict[str, list[Any]]:
    listed["items"] = []
    async for row in repository.records(statuses):
        listed["items"].append(msgspec.json.decode(row["record"]))
        progress()
    listed["packages"] = [msgspec.json.decode(row["record"]) for row in await repository.packages()]
    return listed


async def _json(target: IO[str], listed: dict[str, list[Any]], statuses: Any, progress: Callable[[], None]) -> int:
    gathered = await _gathered(listed, statuses, progress)
    target.write(msgspec.json.format(msgspec.json.encode(gathered)).decode() + "\n")
    return sum(map(len, gathered.values()))


async def _yaml(target: IO[str], listed: dict[str, list[Any]], statuses: Any, progress: Callable[[], None]) -> int:
    gathered = await _gathered(listed, statuses, progress)
    yaml.dump(gathered, target, _NoAliases, allow_unicode=True, sort_keys=False)
    return sum(map(len, gathered.values()))


class _NoAliases(yaml.CSafeDumper):  # type: ignore[misc]  # PyYAML ships no types
    """YAML without references, which the import refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_WRITERS = {".ndjson": _lines, ".json": _json, ".yaml": _yaml}
