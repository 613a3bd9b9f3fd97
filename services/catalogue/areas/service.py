"""The door of the areas: departments, service points near somebody, and how far an item reaches (通办).

Called by the catalogue's service and by handlers and other rooms through it; it reads only.
"""

from __future__ import annotations

import hashlib

import msgspec

from app import clock
from app.db import Row
from app.errors import FieldFault, InvalidRequest, NotFound
from services.catalogue import paging
from services.catalogue.areas import opening, reach, repository
from services.catalogue.areas.divisions import DivisionTable
from services.catalogue.areas.types import (
    DepartmentPage,
    DepartmentQuery,
    DepartmentView,
    OwnOffer,
    PointPage,
    PointQuery,
    PointView,
    ReachView,
    Way,
    WindowView,
)
from services.catalogue.places import ServicePoint
from services.catalogue.records import ItemRecord
from services.catalogue.shelf import Shelf
from services.catalogue.types import Rendered

_METRES_FROM = 1.0


class AreasDoor:
    """Use cases of places and reach; departments are kept in this process for some seconds (shelf.py)."""

    def __init__(self, divisions: DivisionTable, kept_seconds: float) -> None:
        self._divisions = divisions
        self._answers: Shelf[Rendered] = Shelf(kept_seconds, most=300)
        self._days: Shelf[bool] = Shelf(300.0, most=4)

    async def departments(self, query: DepartmentQuery) -> Rendered:
        """Return departments, those of the area itself first. Raises InvalidRequest (division, cursor)."""
        return await self._answers.get(query, lambda: self._load_departments(query))

    async def points(self, query: PointQuery) -> PointPage:
        """Return service points, the nearest first. Raises InvalidRequest (division, position, cursor)."""
        if (query.longitude is None) != (query.latitude is None):
            missing = "longitude" if query.longitude is None else "latitude"
            raise InvalidRequest(faults=(FieldFault(missing, "经度和纬度应同时提供"),))
        place = None if query.longitude is None or query.latitude is None else (query.longitude, query.latitude)
        area = await self._divisions.area(query.division)
        start = paging.read_cursor(query.cursor)
        wanted = ((area.chain, area.below), query.topic, query.item_code)
        rows = await repository.list_points(place, *wanted, query.limit + 1, start.offset)
        working = await self._works_today()
        views = tuple(_point(row["record"], row["kilometres"], working) for row in rows[: query.limit])
        end = paging.make_cursor(paging.Start(start.offset + query.limit))
        return PointPage(views, end if len(rows) > query.limit else None)

    async def point(self, code: str) -> PointView:
        """Return one service point. Raises NotFound."""
        if (row := await repository.find_point(code)) is None:
            raise NotFound("未找到该办事地点")
        return _point(row["record"], None, await self._works_today())

    async def reach(self, item_code: str, division: str) -> ReachView:
        """Tell whether an item may be filed from a division, and where it is decided.

        Raises NotFound (item), InvalidRequest (division; retired codes count as their successors).
        """
        area = await self._divisions.area(division)
        if (row := await repository.find_reach(item_code)) is None:
            raise NotFound("未找到该事项")
        record = msgspec.json.decode(row["record"], type=ItemRecord)
        filed = reach.may_be_filed(record.reach, record.division_code, area)
        own = reach.is_own(record.division_code, area)
        offer = None if own else await repository.find_own(record.basic_code, area.chain, item_code)
        way = reach.way_of(record, area) if filed else Way.NONE
        return ReachView(
            item_code=item_code,
            division_code=area.code,
            may_be_filed=filed,
            reach=record.reach.value,
            reach_text=record.reach.word,
            way=way.value,
            way_text=way.word,
            decided_by_department_code=record.department_code,
            decided_by_department_name=record.body.name,
            decided_in_division_code=record.division_code,
            decided_in_division_name=row["division_name"] or "",
            handled_elsewhere=not own,
            note=_note(record, way),
            own=None if offer is None else OwnOffer(offer["item_code"], offer["name"], offer["division_code"]),
        )

    def forget(self) -> None:
        """Drop what is kept, after an import in this process."""
        self._answers.clear()

    async def _load_departments(self, query: DepartmentQuery) -> Rendered:
        area = await self._divisions.area(query.division)
        start = paging.read_cursor(query.cursor)
        rows = await repository.list_departments(area.chain, area.below, query.limit + 1, start.offset)
        end = paging.make_cursor(paging.Start(start.offset + query.limit))
        page = DepartmentPage(tuple(map(_department, rows[: query.limit])), end if len(rows) > query.limit else None)
        body = msgspec.json.encode(page)
        return Rendered(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    async def _works_today(self) -> bool:
        day = clock.beijing_date()

        async def load() -> bool:
            told = await repository.is_working_day(day)
            return opening.is_working_day(day) if told is None else told

        return await self._days.get(day, load)


def _department(row: Row) -> DepartmentView:
    return DepartmentView(
        code=row["code"],
        name=row["name"],
        short_name=row["short_name"],
        division_code=row["division_code"],
        phone=row["phone"],
        address=row["address"],
        item_count=row["item_count"],
    )


def _point(stored: str, kilometres: float | None, working: bool) -> PointView:
    point = msgspec.json.decode(stored, type=ServicePoint)
    return PointView(
        code=point.code,
        name=point.name,
        kind=point.kind.value,
        kind_text=point.kind.word,
        division_code=point.division_code,
        address=point.address,
        phone=point.phone,
        longitude=point.longitude,
        latitude=point.latitude,
        hours=point.hours,
        open_now=opening.open_at(point.opening, clock.now(), working),
        distance_km=kilometres,
        distance_text=_distance(kilometres),
        windows=tuple(WindowView(window.no, window.name, window.topics) for window in point.windows),
    )


def _distance(kilometres: float | None) -> str:
    if kilometres is None:
        return ""
    return f"{kilometres * 1000:.0f}米" if kilometres < _METRES_FROM else f"{kilometres:.1f}公里"


def _note(record: ItemRecord, way: Way) -> str:
    if way is Way.NONE:
        return f"本事项为{record.reach.word}，请到{record.body.name}所在地办理"
    said = {
        Way.LOCAL: f"由{record.body.name}办理",
        Way.ONLINE: f"网上提交，由{record.body.name}审查决定，不用到现场",
        Way.FORWARDED: f"就近窗口代收材料，转交{record.body.name}审查决定",
        Way.JOINT: f"网上提交、就近窗口核验，由{record.body.name}审查决定；承诺时限自其受理之日起算",
    }[way]
    return f"{said}。{record.reach_note}" if record.reach_note else said
