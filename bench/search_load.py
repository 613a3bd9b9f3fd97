"""Twenty thousand items made from the real ones, and how long the search takes to answer over them.

Called by `python -m bench.search_load` and by the bench; every question is asked once, so no kept answer helps.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, product
from pathlib import Path

import msgspec
from rich.console import Console

from app import db
from app.embedded import EmbeddedPostgres
from app.migrate import migrate
from services.catalogue.intake import importer, loader
from services.catalogue.intake.loader import CatalogueFiles
from services.catalogue.records import ItemRecord
from services.catalogue.search.types import SearchQuery, SuggestionQuery
from services.catalogue.service import CatalogueService
from services.catalogue.types import ItemQuery, Rendered

ITEMS = 20_000
console = Console()
_KINDS = (
    "变更 延续 注销 首次 补办 换发 撤销 备案 年审 核验 查询 更正 转移 合并 分立 登记 挂失 解除 恢复 预约"
    " 学生 老人 军人 企业 个体 农户 职工 儿童 教师 医师 司机 船员 渔民 外籍 港澳 归侨 孤儿 烈属 低保 残疾"
).split()
_ROOT = Path(__file__).resolve().parents[1]
_ASKED = _ROOT / "tests/relevance/queries.json"


@dataclass(frozen=True, slots=True)
class Times:
    """How long answers took, in milliseconds."""

    what: str
    taken_ms: tuple[float, ...]

    def at(self, part: float) -> float:
        """Return the time within which this part of the answers came."""
        ordered = sorted(self.taken_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def many(files: CatalogueFiles, count: int, *, distinct: bool = False) -> CatalogueFiles:
    """Return files with `count` items: the real ones for each county and kind of people, or each with its own name."""
    counties = [division.code for division in files.divisions if division.kind == "current"]
    made = (
        _variant(record, county, f"{kind}{number if distinct else ''}", number)
        for number, (kind, county, record) in enumerate(islice(product(_KINDS, counties, files.items), 0, None, 13))
    )
    return replace(files, items=tuple(islice(made, count)))


def _variant(record: ItemRecord, county: str, kind: str, number: int) -> ItemRecord:
    return msgspec.structs.replace(
        record,
        item_code=f"{record.item_code[:20]}{number:011d}",
        basic_code=f"{record.basic_code[:9]}{_KINDS.index(kind.rstrip('0123456789')):03d}",
        name=f"{record.name}（{kind}）",
        plain_name=f"{record.plain_name}（{kind}）",
        division_code=county,
    )


def questions() -> list[str]:
    """Return distinct questions: the relevance set's, and each with something before or after it."""
    asked = [query["q"] for query in json.loads(_ASKED.read_text(encoding="utf-8"))]
    return (
        asked + [f"{kind}{words}" for kind, words in zip(_KINDS * 4, asked, strict=False)] + [w + "变更" for w in asked]
    )


async def measured(catalogue: CatalogueService) -> list[Times]:
    """Ask everything once, one question after another."""
    divisions = ("140105", "140213", "140728", "", "140100")
    asked = [(words, divisions[at % len(divisions)]) for at, words in enumerate(questions())]
    typed = sorted({words[:length] for words, _ in asked for length in (1, 2, 3, 5) if words[:length].strip()})
    await catalogue.search.items(ItemQuery(q="热身"))
    found = [partial(catalogue.items, ItemQuery(q=words, division=division)) for words, division in asked]
    search = catalogue.search
    everywhere = [partial(search.everywhere, SearchQuery(q=words, division=division)) for words, division in asked]
    suggested = [partial(search.suggestions, SuggestionQuery(q=words)) for words in typed]
    return [
        await _timed("items", found),
        await _timed("everywhere", everywhere),
        await _timed("suggestions", suggested),
    ]


async def _timed(what: str, calls: Sequence[Callable[[], Awaitable[Rendered]]]) -> Times:
    taken = []
    for call in calls:
        started = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - started) * 1000)
    return Times(what, tuple(taken))


async def run(url: str, count: int, *, distinct: bool) -> list[Times]:
    """Import so many items into a database of the bench and measure."""
    await db.start(url, pool_max=2)
    try:
        files = await asyncio.to_thread(loader.load_catalogue, _ROOT / "data")
        started = time.perf_counter()
        await importer.import_files(many(files, count, distinct=distinct))
        console.print(f"imported in {time.perf_counter() - started:.0f} s")
        async with db.connection() as link:
            await link.execute("VACUUM ANALYZE")
        return await measured(CatalogueService())
    finally:
        await db.stop()


def _lines(times: Sequence[Times]) -> Iterator[str]:
    for each in times:
        yield f"{each.what:<12} n={len(each.taken_ms)} p50={each.at(0.5):.1f} p95={each.at(0.95):.1f} ms"


def main(distinct: bool) -> None:
    """Measure in private engines and print."""
    with tempfile.TemporaryDirectory(prefix="sjt-bench-", ignore_cleanup_errors=True) as folder:
        engine = EmbeddedPostgres(Path(folder))
        url = engine.start()
        try:
            asyncio.run(migrate(url))
            for line in _lines(asyncio.run(run(url, ITEMS, distinct=distinct))):
                console.print(line)
        finally:
            engine.stop()


if __name__ == "__main__":
    main("--distinct" in sys.argv)
