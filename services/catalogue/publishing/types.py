"""What crosses the door of versions: differences, lists, findings; frozen."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from services.catalogue.publishing.states import STATUS_TEXT, VersionAct

__all__ = ["STATUS_TEXT", "VersionAct"]


class ChangeKind(StrEnum):
    """What became of an element."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Change(Struct, frozen=True, kw_only=True):
    """One difference between two versions: where, in which element (要素), what it was and what it is."""

    path: str
    element: str
    kind: ChangeKind
    before: Any = None
    after: Any = None
    before_text: str = ""
    after_text: str = ""


class ChangeList(Struct, frozen=True, kw_only=True):
    """Every difference between two versions of an item."""

    item_code: str
    from_version: int
    to_version: int
    data: tuple[Change, ...]


class VersionView(Struct, frozen=True, kw_only=True):
    """One version of an item as staff see it."""

    item_code: str
    version: int
    name: str
    division_code: str
    department_code: str
    status: str
    status_text: str
    effective_on: str
    feed: str
    published_at: str | None
    published_by: str
    withdrawn_at: str | None
    acts: tuple[str, ...]


class ElementLine(Struct, frozen=True, kw_only=True):
    """One element in words; `groups` where it has parts, each with its own lines."""

    title: str
    text: str = ""
    groups: tuple[tuple[ElementLine, ...], ...] = ()


class VersionDetail(Struct, frozen=True, kw_only=True):
    """One version with every element in words, and the version that it would follow, 0 where there is none."""

    version: VersionView
    elements: tuple[ElementLine, ...]
    follows: int


class VersionList(Struct, frozen=True, kw_only=True):
    """The versions of an item, newest first; there is never a next page."""

    data: tuple[VersionView, ...]
    next_cursor: None = None


class VersionPage(Struct, frozen=True, kw_only=True):
    """A page of versions that wait or are published, by item code."""

    data: tuple[VersionView, ...]
    next_cursor: str | None


class ItemFinding(Struct, frozen=True, kw_only=True):
    """One breach of the consistency rules: in which version, at which path, in words."""

    item_code: str
    version: int
    path: str
    message: str


class ItemReport(Struct, frozen=True, kw_only=True):
    """What the consistency rules say of the versions that wait or are published."""

    looked_at: int
    findings: tuple[ItemFinding, ...]
