"""The relevance set: what people type, and what must come first (queries.json): one thing, or one of equals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app import db
from services.catalogue.intake import importer, loader
from services.catalogue.search.types import SearchQuery
from services.catalogue.service import CatalogueService
from services.catalogue.types import ItemQuery
from tests.conftest import cloned_database

pytestmark = pytest.mark.anyio
HERE = Path(__file__).parent
QUERIES = json.loads((HERE / "queries.json").read_text(encoding="utf-8"))
XIAODIAN = "140105"
_NAMES = {"items": "plain_name", "packages": "name", "questions": "question", "materials": "name"}


@pytest.fixture(scope="module")
async def catalogue() -> AsyncIterator[CatalogueService]:
    """The shipped catalogue, imported once for all queries."""
    async with cloned_database() as url:
        await db.start(url)
        await importer.import_files(loader.load_catalogue(HERE.parents[1] / "data"))
        yield CatalogueService()
        await db.stop()


async def _first(catalogue: CatalogueService, query: dict[str, Any]) -> Any:
    if query["group"] == "items":
        found = json.loads((await catalogue.items(ItemQuery(q=query["q"], division=XIAODIAN))).body)["data"]
    else:
        answer = await catalogue.search.everywhere(SearchQuery(q=query["q"], division=XIAODIAN))
        found = json.loads(answer.body)[query["group"]]
    return found[0][_NAMES[query["group"]]] if found else None


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query['kind']}-{query['q']}")
async def test_first_hit_is_what_people_mean(catalogue: CatalogueService, query: dict[str, Any]) -> None:
    assert await _first(catalogue, query) in query["first"]


def test_set_covers_every_way_of_asking() -> None:
    assert len(QUERIES) >= 60
    assert len({query["q"] for query in QUERIES}) == len(QUERIES)
    assert {query["group"] for query in QUERIES} == set(_NAMES)
    ways = {query["kind"].partition(":")[0] for query in QUERIES}
    assert ways >= {"words", "colloquial", "pinyin", "initials", "slip", "synonym", "life event", "package"}
