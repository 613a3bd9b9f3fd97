"""The door of the catalogue room: divisions, lists and search, guides, and the terms of an item for other rooms.

Handlers and other rooms call it; it reads only. Answers are kept in this process for some seconds (shelf.py).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from app import clock
from app.db import Row
from app.errors import Conflict, NotFound
from services.catalogue import guide, paging, repository
from services.catalogue.areas.divisions import DivisionTable
from services.catalogue.areas.service import AreasDoor
from services.catalogue.areas.types import ReachView
from services.catalogue.packages import PackageTerms, make_package
from services.catalogue.places import ServicePoint
from services.catalogue.records import ItemRecord, Material, PackageRecord, Template
from services.catalogue.search.service import SearchDoor
from services.catalogue.shelf import Shelf
from services.catalogue.terms import Item, make_item
from services.catalogue.types import (
    DivisionPage,
    DivisionQuery,
    ItemQuery,
    PackagePage,
    PackageView,
    Rendered,
    TopicPage,
    TopicView,
)

_SLOW_SECONDS = 300.0
_WORDS_SECONDS = 60.0


class ItemClosed(Conflict):
    """The item exists but takes no applications now."""

    code, message = "item_closed", "该事项暂不受理"


class ItemVersionWithdrawn(Conflict):
    """A draft was made under a version that may no longer be used; `current` names the one to move to."""

    code, message = "item_version_withdrawn", "事项已更新，请先将草稿转到新版再提交"


class CatalogueService:
    """Use cases of the catalogue.

    Args:
        kept_seconds: how long guides and lists may lag behind an import made by another process.
    """

    def __init__(self, kept_seconds: float = 10.0) -> None:
        self._answers: Shelf[Rendered] = Shelf(kept_seconds, most=2_000)
        self._current: Shelf[Item] = Shelf(kept_seconds, most=2_000)
        self._packages: Shelf[PackageTerms] = Shelf(kept_seconds, most=200)
        self._versions: Shelf[Item] = Shelf(_SLOW_SECONDS, most=500)
        self._papers: Shelf[Rendered] = Shelf(_SLOW_SECONDS, most=100)
        self._divisions = DivisionTable()
        self.search = SearchDoor(self._divisions, kept_seconds)
        self.areas = AreasDoor(self._divisions, kept_seconds)
        self._departments: Shelf[Mapping[str, str]] = Shelf(_WORDS_SECONDS, most=1)

    async def guide(self, item_code: str) -> Rendered:
        """Return the citizen's guide of the published version. Raises NotFound."""
        key = ("guide", item_code)
        return self._answers.fresh(key) or await self._answers.get(key, lambda: self._load_guide(item_code))

    async def items(self, query: ItemQuery) -> Rendered:
        """Return one page of items that answer the query, best first. Raises InvalidRequest (division, cursor)."""
        return await self.search.items(query)

    async def divisions(self, query: DivisionQuery) -> Rendered:
        """Return the areas that a citizen can choose: current divisions and development zones."""
        return self._answers.fresh(query) or await self._answers.get(query, lambda: self._load_divisions_page(query))

    async def topics(self) -> Rendered:
        """Return the topics in their order with the number of items of each."""
        return await self._answers.get("topics", _load_topics)

    async def packages(self) -> Rendered:
        """Return all packages (一件事)."""
        return await self._answers.get("packages", _load_packages)

    async def package(self, package_code: str) -> Rendered:
        """Return one package with the united materials of its items. Raises NotFound."""
        return await self._answers.get(("package", package_code), lambda: _load_package(package_code))

    async def paper(self, item_code: str, material_code: str, *, filled: bool) -> Rendered:
        """Return the blank (空表) or the sample (样表) of a material as PDF. Raises NotFound."""
        item = await self.current_item(item_code)
        material = item.material(material_code)
        template = None if material is None else material.sample if filled else material.blank
        if material is None or template is None:
            raise NotFound("该材料没有此文件")

        async def draw() -> Rendered:
            return _rendered(await asyncio.to_thread(_draw, item.record, material, template, filled))

        return await self._papers.get((item.content_hash, material_code, filled), draw)

    async def open_item(self, item_code: str) -> Item:
        """Return the published version if it takes applications. Raises NotFound, ItemClosed."""
        item = await self.current_item(item_code)
        if not item.is_open:
            raise ItemClosed(item.record.status_note or None)
        return item

    async def reach(self, item_code: str, division: str) -> ReachView:
        """Tell whether an item may be filed from a division, and who decides it. Raises NotFound, InvalidRequest."""
        return await self.areas.reach(item_code, division)

    async def usable_item(self, item_code: str, version: int) -> Item:
        """Return the version that a draft was made under, while it may still be handed in.

        Raises: NotFound, ItemClosed, ItemVersionWithdrawn once drafts of former versions are no longer taken.
        """
        current = await self.open_item(item_code)
        if current.record.version == version:
            return current
        until = current.record.former_until
        if current.record.version < version or (until is not None and until < clock.beijing_date()):
            raise ItemVersionWithdrawn(current={"newer_item_version": current.record.version})
        return await self.item(item_code, version)

    async def current_item(self, item_code: str) -> Item:
        """Return the published version of an item, open or not. Raises NotFound."""
        return self._current.fresh(item_code) or await self._current.get(
            item_code, lambda: self._load_current(item_code)
        )

    async def item_of_body(self, basic_code: str, division_code: str, department_code: str) -> Item | None:
        """Return the published item of another body for the same matter (基本编码 equal); None without one."""
        row = await repository.find_of_body(basic_code, division_code, department_code)
        return None if row is None else await self.current_item(row["item_code"])

    async def item(self, item_code: str, version: int) -> Item:
        """Return the version that a case was made under, published or not. Raises NotFound."""
        key = (item_code, version)
        return self._versions.fresh(key) or await self._versions.get(key, lambda: self._load_version(*key))

    async def open_package(self, package_code: str) -> PackageTerms:
        """Return the published version of a package if it takes cases. Raises NotFound, ItemClosed."""
        terms = await self._terms(package_code, None)
        if not terms.is_open:
            raise ItemClosed("该一件事暂不受理")
        return terms

    async def package_terms(self, package_code: str, version: int) -> PackageTerms:
        """Return the version that a package case was made under, over the items as they are now. Raises NotFound."""
        return await self._terms(package_code, version)

    async def _terms(self, package_code: str, version: int | None) -> PackageTerms:
        key = (package_code, version)
        return self._packages.fresh(key) or await self._packages.get(key, lambda: self._load_terms(*key))

    async def _load_terms(self, package_code: str, version: int | None) -> PackageTerms:
        record = await repository.find_package_version(package_code, version)
        if record is None:
            raise NotFound("未找到该一件事")
        package = msgspec.json.decode(record, type=PackageRecord)
        items = {}
        for part in package.items:
            with suppress(NotFound):  # withdrawn meanwhile: the part cannot be filed, the others can be read
                items[part.item_code] = await self.current_item(part.item_code)
        return make_package(package, items, await self.division_codes())

    async def division_codes(self) -> frozenset[str]:
        """Return every code an ID number may begin with, retired ones too."""
        return (await self._divisions.table()).codes

    async def department_names(self) -> Mapping[str, str]:
        """Return code → name of the departments, for rooms that keep only codes."""

        async def load() -> Mapping[str, str]:
            return {row["code"]: row["name"] for row in await repository.list_department_names()}

        return await self._departments.get("names", load)

    def forget(self) -> None:
        """Drop what is kept, after an import in this process."""
        for shelf in (self._answers, self._current, self._packages, self._versions, self._papers, self._departments):
            shelf.clear()
        for door in (self.search, self.areas, self._divisions):
            door.forget()

    async def _load_guide(self, item_code: str) -> Rendered:
        if (row := await repository.find_published(item_code)) is None:
            raise NotFound("未找到该事项")
        record = msgspec.json.decode(row["record"], type=ItemRecord)
        points = msgspec.json.decode(row["points"], type=tuple[ServicePoint, ...])
        ranked = sorted(points, key=lambda point: record.service_points.index(point.code))
        return _rendered(msgspec.json.encode(guide.render_guide(record, ranked)))

    async def _load_current(self, item_code: str) -> Item:
        return await self._compiled(await repository.find_published(item_code))

    async def _load_version(self, item_code: str, version: int) -> Item:
        return await self._compiled(await repository.find_version(item_code, version))

    async def _compiled(self, row: Row | None) -> Item:
        if row is None:
            raise NotFound("未找到该事项")
        record = msgspec.json.decode(row["record"], type=ItemRecord)
        return make_item(record, row["content_hash"], await self.division_codes())

    async def _load_divisions_page(self, query: DivisionQuery) -> Rendered:
        areas = [
            area
            for area in (await self._divisions.table()).areas
            if not query.parent or area.parent_code == query.parent
        ]
        offset = paging.read_cursor(query.cursor).offset
        end = offset + query.limit
        cursor = paging.make_cursor(paging.Start(end)) if end < len(areas) else None
        return _rendered(msgspec.json.encode(DivisionPage(tuple(areas[offset:end]), cursor)))


async def _load_topics() -> Rendered:
    topics = tuple(
        TopicView(name=row["name"], description=row["description"], icon=row["icon"], item_count=row["item_count"])
        for row in await repository.list_topics()
    )
    return _rendered(msgspec.json.encode(TopicPage(topics)))


async def _load_packages() -> Rendered:
    records = [msgspec.json.decode(row["record"], type=PackageRecord) for row in await repository.list_packages()]
    views = tuple(
        PackageView(
            package_code=package.package_code,
            version=package.version,
            name=package.name,
            scene=package.scene,
            summary=package.summary,
            division_code=package.division_code,
            topics=package.topics,
            item_count=len(package.items),
        )
        for package in records
    )
    return _rendered(msgspec.json.encode(PackagePage(views)))


async def _load_package(package_code: str) -> Rendered:
    if (row := await repository.find_package(package_code)) is None:
        raise NotFound("未找到该一件事")
    package = msgspec.json.decode(row["record"], type=PackageRecord)
    items = {item.item_code: item for item in msgspec.json.decode(row["items"], type=tuple[ItemRecord, ...])}
    return _rendered(msgspec.json.encode(guide.render_package(package, items)))


def _rendered(body: bytes) -> Rendered:
    return Rendered(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _draw(record: ItemRecord, material: Material, template: Template, filled: bool) -> bytes:
    """Draw a paper, in a thread; what draws it is loaded with the first one, for it takes 8 MiB of every process."""
    from services.catalogue import papers

    return papers.draw(record, material, template, filled=filled)
