"""Doors of staff about results that are fetched: what waits where, putting it there, handing it over."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.delivery.collecting.types import (
    CollectionPage,
    CollectionStatus,
    CollectionView,
    Collector,
    Deposit,
    Proof,
)

_TAG = "自取"
_ALL = "/api/staff/v1/collections"
_ONE = f"{_ALL}/<application_no:str>"
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
StateName = Literal["PREPARING", "READY", "COLLECTED"]
PlaceCode = Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[A-Za-z0-9-]*\Z")]


class CollectionsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which results, oldest first; with a place those that wait there."""

    state: StateName = "READY"
    place: PlaceCode = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class DepositWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the result was put; the place that was chosen where none is named, and a box where it is a locker."""

    place_code: PlaceCode = ""
    box: Annotated[str, msgspec.Meta(max_length=8)] = ""
    version: Version | None = None


class HandOver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that was shown; without one, whose identity was checked in person and why."""

    code: Annotated[str, msgspec.Meta(max_length=8, pattern=r"^([0-9]{8})?\Z")] = ""
    collector: Collector = Collector.SELF
    reason: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*\Z")] = ""
    version: Version | None = None


async def list_collections(call: Call[None]) -> Reply:
    """List results in scope that are to be fetched."""
    query: CollectionsQuery = call.query
    found, following = await call.house.delivery.collecting.page(
        call.staff, (CollectionStatus(query.state),), query.place, read_cursor(query.cursor), query.limit
    )
    return Reply(CollectionPage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_collection(call: Call[None]) -> Reply:
    """Show the collection of a case."""
    return Reply(await call.house.applications.collections.of_case(call.staff, call.path["application_no"]))


async def deposit(call: Call[DepositWish]) -> Reply:
    """Note that a result lies ready."""
    body, collections = call.body, call.house.applications.collections
    where = Deposit(body.place_code, body.box.strip())
    number = call.path["application_no"]
    return Reply(await collections.deposit(call.staff, number, where, call.address, version=body.version))


async def hand_over(call: Call[HandOver]) -> Reply:
    """Hand a result over."""
    body, collections = call.body, call.house.applications.collections
    proof = Proof(body.code, body.collector, body.reason)
    number = call.path["application_no"]
    return Reply(await collections.hand_over(call.staff, number, proof, call.address, version=body.version))


ROUTES = (
    Route(
        "GET",
        _ALL,
        list_collections,
        auth=Auth.STAFF,
        query=CollectionsQuery,
        answer=CollectionPage,
        summary="待领取的办理结果",
        tag=_TAG,
    ),
    Route("GET", _ONE, get_collection, auth=Auth.STAFF, answer=CollectionView, summary="办件的领取", tag=_TAG),
    Route(
        "POST",
        f"{_ONE}/deposit",
        deposit,
        auth=Auth.STAFF,
        body=DepositWish,
        answer=CollectionView,
        summary="放入自取窗口或自助柜",
        tag=_TAG,
        example={"place_code": "140105-police-box", "box": "7"},
        limit_bytes=1024,
    ),
    Route(
        "POST",
        f"{_ONE}/hand-over",
        hand_over,
        auth=Auth.STAFF,
        body=HandOver,
        answer=CollectionView,
        summary="凭取件码交付",
        tag=_TAG,
        example={"code": "27182818"},
        limit_bytes=1024,
        remembers=False,
    ),
)
