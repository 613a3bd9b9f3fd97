"""Feeds of the province's directory: all or nothing, every fault with its place, the same twice, out and in again."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import db
from services.catalogue.intake.export import export
from services.catalogue.intake.feed_import import import_feed
from services.catalogue.intake.importer import import_folder
from services.catalogue.intake.loader import FaultyFiles
from services.catalogue.types import ImportSummary
from tests.seeds import seeded

pytestmark = pytest.mark.anyio
DATA = Path(__file__).parents[3] / "data"
ITEM = json.loads((DATA / "items" / "id-card-reissue-xiaodian.json").read_text("utf-8"))
OTHER = json.loads((DATA / "items" / "passport-first-taiyuan.json").read_text("utf-8"))


def newer(item: dict[str, Any] = ITEM, **changes: Any) -> dict[str, Any]:
    return item | {"version": item["version"] + 1, "summary": "办理条件有所更改。"} | changes


def written(folder: Path, name: str, *values: Any) -> Path:
    file = folder / name
    if name.endswith(".ndjson"):
        file.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), "utf-8")
    elif name.endswith(".yaml"):
        file.write_text(yaml.safe_dump_all(values, allow_unicode=True), "utf-8")
    else:
        file.write_text(json.dumps(list(values), ensure_ascii=False), "utf-8")
    return file


async def fed(*files: Path, approved: bool = True) -> ImportSummary:
    return await import_feed(list(files), DATA, "省事项库", approved=approved, progress=lambda: None)


async def versions(code: str = ITEM["item_code"]) -> list[tuple[int, str, str]]:
    rows = await db.fetch_all("SELECT version, status, feed FROM service_item WHERE item_code = $1 ORDER BY 1", code)
    return [(row["version"], row["status"], row["feed"]) for row in rows]


@pytest.fixture
async def places(database: str) -> None:
    """The places and items of data/ are in the database."""
    await seeded("folder", database, partial(import_folder, DATA))


@pytest.mark.parametrize("name", ["feed.ndjson", "feed.json", "feed.yaml"])
async def test_a_newer_version_follows_the_older_one(places: None, tmp_path: Path, name: str) -> None:
    summary = await fed(written(tmp_path, name, newer()))
    assert (summary.added, summary.changed, summary.unchanged, summary.published) == (1, 0, 0, 1)
    assert await versions() == [(1, "WITHDRAWN", ""), (2, "PUBLISHED", "省事项库")]
    again = await fed(tmp_path / name)
    assert (again.added, again.changed, again.unchanged, again.published) == (0, 0, 1, 0)


async def test_a_draft_waits_for_staff_and_an_approved_feed_releases_it(places: None, tmp_path: Path) -> None:
    file = written(tmp_path, "feed.ndjson", newer())
    await fed(file, approved=False)
    assert await versions() == [(1, "PUBLISHED", ""), (2, "DRAFT", "省事项库")]
    changed = written(tmp_path, "feed.ndjson", newer(summary="再改一次。"))
    await fed(changed, approved=False)
    await fed(changed)
    assert await versions() == [(1, "WITHDRAWN", ""), (2, "PUBLISHED", "省事项库")]


async def test_a_version_of_the_future_waits_for_its_day(places: None, tmp_path: Path) -> None:
    await fed(written(tmp_path, "feed.json", newer(effective_on="2099-01-01")))
    assert [status for _, status, _ in await versions()] == ["PUBLISHED", "WITHDRAWN"]


async def test_every_fault_is_named_with_its_place_and_nothing_is_imported(places: None, tmp_path: Path) -> None:
    lines = written(tmp_path, "lines.ndjson", newer(OTHER), newer(visits=-1), {"what": 1}, {"item_code": 5})
    with lines.open("ab") as file:
        file.write(b"{not json\n\xff\n")
    listed = written(tmp_path, "listed.json", newer(department_code="nobody"))
    with pytest.raises(FaultyFiles) as faulty:
        await fed(lines, listed)
    said = [(fault.file, fault.path) for fault in faulty.value.faults]
    assert ("lines.ndjson", "第2行.visits") in said
    assert ("lines.ndjson", "第3行") in said
    assert any(file == "lines.ndjson" and path.startswith("第4行") for file, path in said)
    assert ("lines.ndjson", "第5行") in said
    assert ("lines.ndjson", "第6行") in said
    assert ("listed.json", "$[0].department_code") in said
    assert await versions() == [(1, "PUBLISHED", "")]
    assert await versions(OTHER["item_code"]) == [(1, "PUBLISHED", "")]


async def test_what_was_published_cannot_be_rewritten(places: None, tmp_path: Path) -> None:
    with pytest.raises(FaultyFiles, match="请提高版本号"):
        await fed(written(tmp_path, "feed.ndjson", ITEM | {"summary": "悄悄改动。"}))
    assert (await fed(written(tmp_path, "feed.ndjson", ITEM))).unchanged == 1


async def test_one_version_twice_is_a_fault(places: None, tmp_path: Path) -> None:
    with pytest.raises(FaultyFiles, match="重复"):
        await fed(written(tmp_path, "feed.ndjson", newer(), newer()))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"{}"),
        ("missing.json", None),
        ("a.json", b"[" * 100_000),
        ("a.yaml", b"a: &x [1]\nb: *x\n"),
        ("a.yaml", b"!!python/object/apply:os.system ['true']\n"),
        ("a.json", b"\xff\xfe"),
    ],
    ids=["suffix", "missing", "deep", "alias", "python", "bytes"],
)
async def test_files_that_cannot_be_read_are_faults(
    database: str, tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FaultyFiles) as faulty:
        await fed(tmp_path / name)
    assert [fault.file for fault in faulty.value.faults] == [name]


async def test_a_department_of_the_feed_may_be_named_by_its_items(places: None, tmp_path: Path) -> None:
    department = {
        "code": "11140105MB0001169L", "name": "新设局", "short_name": "新设局", "division_code": "140105",
        "phone": "0351-0000000", "address": "平阳路1号",
    }  # fmt: skip
    file = tmp_path / "feed.json"
    file.write_text(json.dumps({"items": [newer()], "departments": [department]}, ensure_ascii=False), "utf-8")
    assert (await fed(file)).added == 1
    row = await db.fetch_row("SELECT name FROM department WHERE code = $1", department["code"])
    assert row is not None
    assert row["name"] == "新设局"


@pytest.mark.parametrize("suffix", ["ndjson", "json", "yaml"])
async def test_what_goes_out_comes_in_unchanged(places: None, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"all.{suffix}"
    count = await export(file, every_version=False, progress=lambda: None)
    assert count > 60
    summary = await fed(file)
    assert (summary.added, summary.changed) == (0, 0)
    assert summary.unchanged >= 64


async def test_a_package_is_checked_against_its_items(places: None, tmp_path: Path) -> None:
    package = json.loads((DATA / "packages" / "newborn.json").read_text("utf-8")) | {"version": 2}
    package["items"][0]["item_code"] = "nothing"
    with pytest.raises(FaultyFiles, match="引用的事项不存在"):
        await fed(written(tmp_path, "feed.json", package))
