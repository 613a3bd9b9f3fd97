"""Doors of places: departments, service points near somebody, where an item may be filed; open to everybody."""

from __future__ import annotations

from functools import partial

from handlers.doors import Call, Reply, public_route
from services.catalogue.areas.types import (
    DepartmentPage,
    DepartmentQuery,
    PointPage,
    PointQuery,
    PointView,
    ReachQuery,
    ReachView,
)

_TAG = "办事地点"


async def list_departments(call: Call[None]) -> Reply:
    """List departments."""
    answer = await call.house.catalogue.areas.departments(call.query)
    return Reply(answer.body, etag=answer.etag, headers={"Cache-Control": "public, max-age=10"})


async def list_points(call: Call[None]) -> Reply:
    """List service points, the nearest first."""
    return Reply(await call.house.catalogue.areas.points(call.query))


async def show_point(call: Call[None]) -> Reply:
    """Show one service point."""
    return Reply(await call.house.catalogue.areas.point(call.path["code"]))


async def show_reach(call: Call[None]) -> Reply:
    """Tell whether an item may be filed from a division, and where it is decided."""
    return Reply(await call.house.catalogue.areas.reach(call.path["item_code"], call.query.division))


_route = partial(public_route, tag=_TAG)
ROUTES = (
    _route("/api/v1/departments", list_departments, "实施部门", DepartmentPage, DepartmentQuery),
    _route("/api/v1/service-points", list_points, "办事地点（由近及远）", PointPage, PointQuery),
    _route("/api/v1/service-points/<code:str>", show_point, "办事地点", PointView),
    _route("/api/v1/items/<item_code:str>/reach", show_reach, "事项通办范围", ReachView, ReachQuery),
)
