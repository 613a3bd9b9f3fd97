"""What crosses the archive's door: what a form may be filled with, and where each of it comes from; frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from services.catalogue.types import Item

OfferKind = Literal["profile", "enterprise", "earlier", "licence"]


class OfferSource(Struct, frozen=True, kw_only=True):
    """Where a value comes from, in words for its owner; `reference` is the case or the licence."""

    kind: OfferKind
    text: str
    at: str | None = None
    reference: str = ""


class FieldOffer(Struct, frozen=True, kw_only=True):
    """A value that a field may be filled with; the applicant looks at it and may change it."""

    field: str
    title: str
    value: Any
    is_sensitive: bool
    source: OfferSource


class MaterialWay(Struct, frozen=True, kw_only=True):
    """One way to provide a material, as it is named when a draft is saved; `text` says it to the applicant."""

    source: Literal["upload", "licence", "shared", "earlier", "promise", "later"]
    text: str
    licence_no: str = ""
    application_no: str = ""


class MaterialOffer(Struct, frozen=True, kw_only=True):
    """A material with every way to provide it, the least trouble first; a file always does."""

    material_code: str
    material_name: str
    necessity: str
    ways: list[MaterialWay]


class Prefill(Struct, frozen=True, kw_only=True):
    """What the archive offers for a form of an item (一人一档、一企一档)."""

    item_code: str
    item_version: int
    fields: list[FieldOffer]
    materials: list[MaterialOffer]


@dataclass(frozen=True, slots=True)
class EarlierCase:
    """An accepted case with its answers, and the version of the item whose form they answer.

    `is_whole`: whether the sensitive answers are in it; else they are masked and must not be offered.
    """

    application_no: str
    item: Item
    accepted_at: datetime
    is_whole: bool
    answers: dict[str, Any] = field(repr=False)
