"""What crosses the catalogue's door: questions, list lines, pages, rendered answers, and the item itself; frozen.

Made by the service for handlers and other rooms; the record with its elements stands in records.py.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from services.catalogue.codes import HandlingForm, HandlingKind, ItemStatus, ItemType, Reach
from services.catalogue.packages import PackageTerms, UnitedMaterial
from services.catalogue.records import (
    Delivery,
    FeeItem,
    Fees,
    ImplementingBody,
    ItemRecord,
    Material,
    PackageItem,
    TimeLimit,
)
from services.catalogue.terms import Item

Limit = Annotated[int, Meta(ge=1, le=100)]
WideLimit = Annotated[int, Meta(ge=1, le=500)]
Cursor = Annotated[str, Meta(max_length=64)]
Code = Annotated[str, Meta(max_length=64)]


class Rendered(Struct, frozen=True):
    """An answer that is ready to send: JSON bytes and its ETag."""

    body: bytes
    etag: str


class ListedItem(Struct, frozen=True):
    """The part of a stored record that lists need; the rest is skipped while decoding."""

    item_code: str
    version: int
    name: str
    plain_name: str
    summary: str
    item_type: ItemType
    topics: tuple[str, ...]
    division_code: str
    body: ImplementingBody
    handling_kind: HandlingKind
    handling_forms: tuple[HandlingForm, ...]
    promised_time: TimeLimit
    visits: int
    delivery: Delivery
    fees: Fees
    reach: Reach
    status: ItemStatus = ItemStatus.OPEN


class ItemSummary(Struct, frozen=True, kw_only=True):
    """One line of the list of items."""

    item_code: str
    version: int
    status: ItemStatus
    status_text: str
    name: str
    plain_name: str
    summary: str
    item_type_text: str
    topics: tuple[str, ...]
    division_code: str
    department_name: str
    handling_kind_text: str
    promised_text: str
    visits_text: str
    online: bool
    courier: bool
    fee_text: str
    reach_text: str
    handled_elsewhere: bool


class ItemQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a citizen looks for: words, area, topic, life event, audience, department, each optional.

    `audience` is PERSON or ENTERPRISE. Without words the most popular come first; `sort=hot` says so by name and
    puts popularity first also among hits.
    """

    q: Annotated[str, Meta(max_length=64)] = ""
    division: Annotated[str, Meta(max_length=12)] = ""
    topic: Annotated[str, Meta(max_length=32)] = ""
    event: Annotated[str, Meta(max_length=32)] = ""
    audience: Literal["", "PERSON", "ENTERPRISE"] = ""
    department: Annotated[str, Meta(max_length=18)] = ""
    sort: Literal["", "hot"] = ""
    limit: Limit = 20
    cursor: Cursor = ""


class ItemPage(Struct, frozen=True):
    """One page of items."""

    data: tuple[ItemSummary, ...]
    next_cursor: str | None


class DivisionQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Divisions below a parent, or all of them."""

    parent: Annotated[str, Meta(max_length=12)] = ""
    limit: WideLimit = 500
    cursor: Cursor = ""


class DivisionView(Struct, frozen=True, kw_only=True):
    """A division as the area picker shows it."""

    code: str
    name: str
    level: str
    parent_code: str
    kind: str


class DivisionPage(Struct, frozen=True):
    """One page of divisions."""

    data: tuple[DivisionView, ...]
    next_cursor: str | None


class TopicView(Struct, frozen=True, kw_only=True):
    """A topic with the number of items that are open to read."""

    name: str
    description: str
    icon: str
    item_count: int


class TopicPage(Struct, frozen=True):
    """All topics in their order."""

    data: tuple[TopicView, ...]
    next_cursor: str | None = None


class PackageView(Struct, frozen=True, kw_only=True):
    """One line of the list of packages (一件事)."""

    package_code: str
    version: int
    name: str
    scene: str
    summary: str
    division_code: str
    topics: tuple[str, ...]
    item_count: int


class PackagePage(Struct, frozen=True):
    """All packages of an area."""

    data: tuple[PackageView, ...]
    next_cursor: str | None = None


class ImportSummary(Struct, frozen=True, kw_only=True):
    """What an import did: items and packages that are new, changed or as they were."""

    added: int
    changed: int
    unchanged: int
    published: int


__all__ = [
    "DivisionPage",
    "DivisionQuery",
    "DivisionView",
    "FeeItem",
    "ImportSummary",
    "Item",
    "ItemPage",
    "ItemQuery",
    "ItemRecord",
    "ItemSummary",
    "ListedItem",
    "Material",
    "PackageItem",
    "PackagePage",
    "PackageTerms",
    "PackageView",
    "Rendered",
    "TimeLimit",
    "TopicPage",
    "TopicView",
    "UnitedMaterial",
]
