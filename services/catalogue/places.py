"""Where the catalogue's items are handled: divisions, departments, service points and topics; frozen.

Made by the loader, read by the importer, the search and the guide; must not hold rules.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from services.catalogue.codes import OpeningDays, PointKind
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


Time = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]


class Opening(Element, frozen=True, kw_only=True):
    """Hours of one kind of day, Beijing time, `closes` not included; with `booking` nobody comes unannounced."""

    days: OpeningDays
    opens: Time
    closes: Time
    booking: bool = False


class ServicePoint(Element, frozen=True, kw_only=True):
    """A place where people are served: address, position (degrees, WGS-84), hours in words and structured, windows."""

    code: str
    name: str
    kind: PointKind
    division_code: str
    address: str
    phone: str
    longitude: float
    latitude: float
    hours: str
    opening: tuple[Opening, ...] = ()
    windows: tuple[Window, ...]


class LifeEvent(Element, frozen=True, kw_only=True):
    """A life event (人生事件): the words people use for it, the items and the packages' scenes that serve it."""

    name: str
    description: str
    icon: str
    order: int
    words: tuple[str, ...] = ()
    basic_codes: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()


class Synonym(Element, frozen=True, kw_only=True):
    """A word of the records and what people say instead (同义词)."""

    word: str
    also: tuple[str, ...]


class Topic(Element, frozen=True, kw_only=True):
    """A topic (主题) under which citizens look for items, known by its Chinese name."""

    name: str
    description: str
    icon: str
    order: int
