"""What of an item or a package can be found: itself, its questions and its materials, as documents of the index; pure.

Called by the importer. Documents are known by their content, so the same item of a hundred counties is one document.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from services.catalogue.intake import lexemes
from services.catalogue.intake.loader import CatalogueFiles
from services.catalogue.records import ItemRecord, PackageRecord
from services.catalogue.search.slips import variants
from services.catalogue.search.types import Kind

_NAME, _PLAIN, _KEYWORD, _SYNONYM, _EVENT, _TOPIC, _BODY, _CODE = 1.0, 1.2, 1.1, 1.0, 0.5, 0.4, 0.3, 3.0
_QUESTION, _ANSWER, _OF_ITEM, _MATERIAL = 1.0, 0.2, 0.5, 1.0
_UNIT = 100
_WHOLE_SHARE = 0.8
_SHORTEST_SLIP = {True: 3, False: 5}
_LONGEST_SLIP = 20
_PLACE_END = re.compile("(?:省|市|区|县)$")
_TOO_COMMON = frozenset({"城", "矿", "郊", "城区", "矿区", "郊区", "市辖区"})
_LATIN = re.compile("[a-z]+")
Weighted = Sequence[tuple[str, float]]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document: its words with weights, and the phrases that are suggested for it with their keys and ranks."""

    digest: str
    kind: Kind
    title: str
    words: dict[str, int]
    phrases: tuple[tuple[str, str, int], ...] = ()
    whole: frozenset[str] = frozenset()
    """The words that are not mere pieces of words; only these are recognised in spite of a slip."""

    def variants(self) -> set[tuple[str, str]]:
        """Return (variant, word) of the words long enough to be recognised in spite of a slip."""
        found: set[tuple[str, str]] = set()
        for word in self.whole:
            least = _SHORTEST_SLIP[not _LATIN.fullmatch(word)]
            if least <= len(word) <= (8 if least == _SHORTEST_SLIP[True] else _LONGEST_SLIP):
                found.update((variant, word) for variant in variants(word))
        return found


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """Where a document stands in an item or package: the question's or material's place, 0 for itself."""

    digest: str
    kind: Kind
    position: int


class Found(msgspec.Struct, frozen=True):
    """Everything that makes one item or package findable; `entries` and `events` are kept beside its record."""

    entries: tuple[Entry, ...]
    events: tuple[str, ...]
    documents: tuple[Document, ...] = ()

    def stored(self) -> msgspec.Raw:
        """Return the part that is kept beside the record."""
        return msgspec.Raw(msgspec.json.encode({"entries": self.entries, "events": self.events}))


class Lexicon:
    """What is known of words beyond the records: synonyms, life events, and names of places."""

    def __init__(self, files: CatalogueFiles) -> None:
        self._synonyms = files.synonyms
        self._events = files.life_events
        names = {division.name for division in files.divisions if division.kind == "current"}
        short = {_PLACE_END.sub("", name) for name in names}
        listed = sorted((names | short) - _TOO_COMMON, key=len, reverse=True)
        self._places = re.compile("|".join(map(re.escape, listed)) or "(?!)")
        self.digest = hashlib.sha256(msgspec.json.encode([files.synonyms, files.life_events])).digest()

    def item(self, record: ItemRecord) -> Found:
        """Return the documents of an item."""
        events = [event for event in self._events if record.basic_code in event.basic_codes]
        own = (record.name, record.plain_name, *record.keywords)
        about: list[tuple[str, float]] = [
            (record.name, _NAME),
            (record.plain_name, _PLAIN),
            *((word, _KEYWORD) for word in record.keywords),
            *((word, _SYNONYM) for word in self._also(own)),
            *((word, _EVENT) for event in events for word in (event.name, *event.words)),
            *((topic, _TOPIC) for topic in record.topics),
            (self._places.sub(" ", record.body.name), _BODY),
            (record.basic_code, _CODE),
        ]
        phrases = [(record.plain_name, 3), (record.name, 2), *((word, 4) for word in record.keywords)]
        documents = [_document(Kind.ITEM, record.plain_name, about, phrases)]
        entries = [Entry(documents[0].digest, Kind.ITEM, 0)]
        for at, asked in enumerate(record.questions):
            words = [(asked.question, _QUESTION), (asked.answer, _ANSWER), (record.plain_name, _OF_ITEM)]
            documents.append(_document(Kind.QUESTION, asked.question, words))
            entries.append(Entry(documents[-1].digest, Kind.QUESTION, at))
        for at, material in enumerate(record.materials):
            documents.append(_document(Kind.MATERIAL, material.name, [(material.name, _MATERIAL)]))
            entries.append(Entry(documents[-1].digest, Kind.MATERIAL, at))
        return Found(tuple(entries), tuple(event.name for event in events), tuple(documents))

    def package(self, record: PackageRecord) -> Found:
        """Return the document of a package, with its questions."""
        events = [event for event in self._events if record.scene in event.scenes]
        about: list[tuple[str, float]] = [
            (record.name, _PLAIN),
            *((word, _KEYWORD) for word in record.keywords),
            *((word, _SYNONYM) for word in self._also((record.name, *record.keywords))),
            *((word, _EVENT) for event in events for word in (event.name, *event.words)),
            (record.scene, _EVENT),
            *((topic, _TOPIC) for topic in record.topics),
        ]
        documents = [_document(Kind.PACKAGE, record.name, about, [(record.name, 3)])]
        entries = [Entry(documents[0].digest, Kind.PACKAGE, 0)]
        for at, asked in enumerate(record.questions):
            words = [(asked.question, _QUESTION), (asked.answer, _ANSWER), (record.name, _OF_ITEM)]
            documents.append(_document(Kind.QUESTION, asked.question, words))
            entries.append(Entry(documents[-1].digest, Kind.QUESTION, at))
        return Found(tuple(entries), tuple(event.name for event in events), tuple(documents))

    def _also(self, texts: Iterable[str]) -> list[str]:
        joined = "\n".join(texts)
        return [other for synonym in self._synonyms if synonym.word in joined for other in synonym.also]


def _document(kind: Kind, title: str, about: Weighted, phrases: Sequence[tuple[str, int]] = ()) -> Document:
    words = _weighted(about, _UNIT if kind in (Kind.ITEM, Kind.PACKAGE) else round(_UNIT * 2 / (1 + len(title) / 8)))
    suggested = {(key, phrase, rank) for phrase, rank in phrases for key in lexemes.keys(phrase)}
    content = msgspec.json.encode([kind, title, sorted(words.items()), sorted(suggested)])
    digest = hashlib.sha256(content).hexdigest()[:32]
    whole = frozenset(word for text, _ in about for word, share in lexemes.cut(text).items() if share >= _WHOLE_SHARE)
    return Document(digest=digest, kind=kind, title=title, words=words, phrases=tuple(sorted(suggested)), whole=whole)


def _weighted(about: Weighted, unit: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for text, weight in about:
        shares: Mapping[str, float] = lexemes.cut(text)
        for word, share in shares.items():
            found[word] = max(found.get(word, 0), round(weight * share * unit))
    return found
