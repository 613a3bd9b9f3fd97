"""Where the catalogue's items are handled: divisions, departments, service points and topics; frozen.

Made by the loader, read by the importer, the search and the guide; must not hold rules.
"""

from __future__ import annotations

from services.catalogue.codes import PointKind
from services.catalogue.records import Element


class Division(Element, frozen=True, kw_only=True):
    """行政区划 of GB/T 2260: `kind` is current, retired, placeholder or statistical; years are 0 when unknown."""

    code: str
    name: str
    level: str
    parent: str
    kind: str
    from_year: int
    to_year: int
    successor: str


class Department(Element, frozen=True, kw_only=True):
    """A department (部门) of one division; `code` is its credit code, with which its item codes begin."""

    code: str
    name: str
    short_name: str
    division_code: str
    phone: str
    address: str


class Window(Element, frozen=True, kw_only=True):
    """A window (窗口) of a service point and the topics it takes."""

    no: str
    name: str
    topics: tuple[str, ...]


class ServicePoint(Element, frozen=True, kw_only=True):
    """A place where people are served: address, position (degrees, WGS-84), hours, windows."""

    code: str
    name: str
    kind: PointKind
    division_code: str
    address: str
    phone: str
    longitude: float
    latitude: float
    hours: str
    windows: tuple[Window, ...]


class Topic(Element, frozen=True, kw_only=True):
    """A topic (主题) under which citizens look for items, known by its Chinese name."""

    name: str
    description: str
    icon: str
    order: int
