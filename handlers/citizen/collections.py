"""Doors of self-collection: places, the result that waits, and its one-time code."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.delivery.collecting.types import CodeView, CollectionView, PlaceList

_TAG = "自取"
_ONE = "/api/v1/applications/<application_no:str>"


class PlacesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The places of a division and of those in it; the whole province where none is named."""

    division: Annotated[str, msgspec.Meta(pattern=r"^14[0-9]{4}\Z")] = "140000"


async def list_places(call: Call[None]) -> Reply:
    """List places."""
    query: PlacesQuery = call.query
    return Reply(PlaceList(data=await call.house.delivery.collecting.places(query.division)))


async def get_collection(call: Call[None]) -> Reply:
    """Show where the result waits."""
    return Reply(await call.house.applications.collections.view(call.caller, call.path["application_no"]))


async def make_code(call: Call[None]) -> Reply:
    """Make a code; an earlier one holds no more."""
    made = await call.house.applications.collections.code(call.caller, call.path["application_no"])
    return Reply(made, status=201, headers={"Cache-Control": "no-store"})


ROUTES = (
    Route(
        "GET",
        "/api/v1/collection-points",
        list_places,
        auth=Auth.CITIZEN,
        query=PlacesQuery,
        answer=PlaceList,
        summary="自取窗口与自助柜",
        tag=_TAG,
    ),
    Route(
        "GET",
        f"{_ONE}/collection",
        get_collection,
        auth=Auth.CITIZEN,
        answer=CollectionView,
        summary="待领取的办理结果",
        tag=_TAG,
    ),
    Route(
        "POST",
        f"{_ONE}/collection-code",
        make_code,
        auth=Auth.CITIZEN,
        answer=CodeView,
        status=201,
        summary="获取取件码",
        tag=_TAG,
        remembers=False,
    ),
)
