"""What crosses the search's door: kinds of documents, queries, suggestions and the groups of an answer; frozen."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from msgspec import Meta, Struct

from services.catalogue.types import ItemSummary

Words = Annotated[str, Meta(max_length=64)]
Area = Annotated[str, Meta(max_length=12)]


class Kind(IntEnum):
    """What a document of the index stands for."""

    ITEM = 0
    PACKAGE = 1
    QUESTION = 2
    MATERIAL = 3


class SuggestionQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What has been typed so far."""

    q: Words = ""
    limit: Annotated[int, Meta(ge=1, le=20)] = 8


class Suggestion(Struct, frozen=True):
    """A phrase that continues what was typed; `kind` says whether it is an item, a package or a word."""

    text: str
    kind: str


class SuggestionPage(Struct, frozen=True):
    """Suggestions, the likeliest first."""

    data: tuple[Suggestion, ...]


class SearchQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is looked for everywhere: among items, packages, questions and materials."""

    q: Words = ""
    division: Area = ""


class FoundPackage(Struct, frozen=True):
    """A package (一件事) that answers."""

    package_code: str
    name: str
    summary: str
    path: str


class FoundQuestion(Struct, frozen=True):
    """A question (常见问题) that answers, with the item or package it belongs to."""

    question: str
    answer: str
    item_code: str
    item_name: str
    path: str


class FoundMaterial(Struct, frozen=True):
    """A material and the nearest item that asks for it."""

    name: str
    item_code: str
    item_name: str
    path: str


class FoundGroups(Struct, frozen=True):
    """The answer to a search everywhere, the best of each group first."""

    items: tuple[ItemSummary, ...] = ()
    packages: tuple[FoundPackage, ...] = ()
    questions: tuple[FoundQuestion, ...] = ()
    materials: tuple[FoundMaterial, ...] = ()


class LifeEventView(Struct, frozen=True, kw_only=True):
    """A life event with the number of items and packages that serve it."""

    name: str
    description: str
    icon: str
    item_count: int


class LifeEventPage(Struct, frozen=True):
    """All life events in their order."""

    data: tuple[LifeEventView, ...]
    next_cursor: str | None = None
