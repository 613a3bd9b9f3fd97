"""The door of the search: lists of items, search everywhere, suggestions, life events, and what is hot.

Called by the catalogue's service and by handlers through it. It reads only; the sweep alone counts popularity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from app.db import Row
from services.catalogue import guide, paging
from services.catalogue.areas.divisions import Area, DivisionTable
from services.catalogue.search import question as reading
from services.catalogue.search import repository
from services.catalogue.search.question import Known, Question, Terms
from services.catalogue.search.repository import Filter
from services.catalogue.search.types import (
    FoundGroups,
    FoundMaterial,
    FoundPackage,
    FoundQuestion,
    Kind,
    LifeEventPage,
    LifeEventView,
    SearchQuery,
    Suggestion,
    SuggestionPage,
    SuggestionQuery,
)
from services.catalogue.shelf import Shelf
from services.catalogue.types import ItemPage, ItemQuery, ItemSummary, ListedItem, Rendered

_EACH = 5
_ITEM, _PACKAGE = "/api/v1/items", "/api/v1/packages"


class SearchDoor:
    """Use cases of the search; answers are kept in this process for some seconds (shelf.py)."""

    def __init__(self, divisions: DivisionTable, kept_seconds: float) -> None:
        self._divisions = divisions
        self._answers: Shelf[Rendered] = Shelf(kept_seconds, most=1_000)

    async def items(self, query: ItemQuery) -> Rendered:
        """Return one page of items that answer the query, best first. Raises InvalidRequest (division, cursor)."""
        return self._answers.fresh(query) or await self._answers.get(query, lambda: self._items(query))

    async def everywhere(self, query: SearchQuery) -> Rendered:
        """Return the best items, packages, questions and materials. Raises InvalidRequest (division)."""
        return self._answers.fresh(query) or await self._answers.get(query, lambda: self._everywhere(query))

    async def suggestions(self, query: SuggestionQuery) -> Rendered:
        """Return phrases that continue what was typed."""
        return self._answers.fresh(query) or await self._answers.get(query, lambda: _suggestions(query))

    async def life_events(self) -> Rendered:
        """Return the life events with their counts."""
        return await self._answers.get("life events", _life_events)

    def forget(self) -> None:
        """Drop what is kept, after an import in this process."""
        self._answers.clear()

    async def _items(self, query: ItemQuery) -> Rendered:
        area = await self._divisions.area(query.division)
        start = paging.read_cursor(query.cursor)
        terms = Terms()
        if query.q.strip():
            words, named = await self._divisions.without_places(query.q)
            area = named if named is not None and named.code not in area.chain else area
            terms = await _terms(words if words.strip() else query.q)
            if not terms.leading and not (named is not None and not words.strip()):
                return rendered(ItemPage((), None))
        wanted = _filter(area, query)
        rows = await repository.list_items(terms, wanted, query.limit + 1, start.offset)
        listed = tuple(_summary(row) for row in rows[: query.limit])
        end = paging.make_cursor(paging.Start(start.offset + query.limit))
        return rendered(ItemPage(listed, end if len(rows) > query.limit else None))

    async def _everywhere(self, query: SearchQuery) -> Rendered:
        area = await self._divisions.area(query.division)
        words, named = await self._divisions.without_places(query.q)
        area = named if named is not None and named.code not in area.chain else area
        terms = await _terms(words if words.strip() else query.q)
        if not terms.leading:
            return rendered(FoundGroups())
        rows = await repository.list_groups(terms, Filter(area.chain, area.below, area.city), _EACH)
        return rendered(_grouped(rows))


async def _terms(text: str) -> Terms:
    """Return the weighted words of a question; asks for slips and sounds only where no word explains it."""
    question = reading.read_question(text)
    if not question.runs:
        return Terms()
    held = await repository.known_words(question.candidates())
    doubts = reading.doubts(question, Known(held))
    slips = await _slips(doubts) if doubts else {}
    heard = await _heard(question, held) if doubts and question.characters() else {}
    return reading.terms(question, Known(held), slips, heard)


async def _slips(doubts: Sequence[reading.Doubt]) -> dict[str, dict[str, int]]:
    similar = await repository.similar_words({variant for doubt in doubts for variant in doubt.variants})
    found: dict[str, dict[str, int]] = {}
    for doubt in doubts:
        words = {word: held for variant in doubt.variants for word, held in similar.get(variant, {}).items()}
        if words:
            found[doubt.said] = words
    return found


async def _heard(question: Question, held: Mapping[str, int]) -> dict[str, int]:
    ways = await repository.heard(question.characters())
    spelt = reading.sounds(question, Known(held, ways))
    found = await repository.known_words(spelt)
    most = max((spelt[word] for word in found), default=0)
    length = max(len(run.units) for run in question.runs if run.chinese)
    enough = min(reading.HEARD_ENOUGH, reading.HEARD_PART * length)
    return {word: held for word, held in found.items() if spelt[word] == most >= enough}


def _filter(area: Area, query: ItemQuery) -> Filter:
    return Filter(
        area.chain,
        area.below,
        area.city,
        query.topic,
        query.event,
        query.audience,
        query.department,
        query.sort == "hot",
    )


def _summary(row: Row) -> ItemSummary:
    listed = msgspec.json.decode(row["listed"], type=ListedItem)
    return guide.summarise(listed, elsewhere=bool(row["elsewhere"]))


def _grouped(rows: Sequence[Row]) -> FoundGroups:
    groups: dict[int, list[Row]] = {kind: [row for row in rows if row["kind"] == kind] for kind in Kind}
    return FoundGroups(
        items=tuple(_summary(row) for row in groups[Kind.ITEM]),
        packages=tuple(
            FoundPackage(row["code"], row["name"], row["summary"] or "", _path(row)) for row in groups[Kind.PACKAGE]
        ),
        questions=tuple(
            FoundQuestion(row["title"], row["answer"] or "", row["code"], row["name"] or "", _path(row))
            for row in groups[Kind.QUESTION]
        ),
        materials=tuple(
            FoundMaterial(row["title"], row["code"], row["name"] or "", _path(row)) for row in groups[Kind.MATERIAL]
        ),
    )


def _path(row: Row) -> str:
    return f"{_PACKAGE if row['listed'] is None else _ITEM}/{row['code']}"


async def _suggestions(query: SuggestionQuery) -> Rendered:
    prefix = "".join(query.q.lower().split()).replace("\x00", "")
    rows = await repository.suggest(prefix, query.limit) if prefix else ()
    return rendered(SuggestionPage(tuple(Suggestion(row["phrase"], _suggested(row)) for row in rows)))


def _suggested(row: Row) -> str:
    if row["kind"] == Kind.PACKAGE:
        return "package"
    return "item" if row["rank"] < 4 else "word"


async def _life_events() -> Rendered:
    views = (
        LifeEventView(name=r["name"], description=r["description"], icon=r["icon"], item_count=r["item_count"])
        for r in await repository.list_life_events()
    )
    return rendered(LifeEventPage(tuple(views)))


def rendered(page: msgspec.Struct) -> Rendered:
    """Encode an answer with its tag."""
    body = msgspec.json.encode(page)
    return Rendered(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
