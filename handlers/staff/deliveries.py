"""Doors of the staff about parcels: the board's columns, a page of one, one parcel; booking again is in cases.py."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.delivery.types import Board, BoardPage, Section, ShipmentView

_TAG = "寄送"
_ALL = "/api/staff/v1/shipments"
SectionName = Literal["TO_SEND", "UNDER_WAY", "EXCEPTION", "DONE"]


class BoardQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which column; or, with `q`, the parcels of one shipment, waybill or case number."""

    section: SectionName = "TO_SEND"
    q: Annotated[str, msgspec.Meta(max_length=64)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def list_shipments(call: Call[None]) -> Reply:
    """List parcels that bodies in the caller's scope send."""
    query: BoardQuery = call.query
    desk = call.house.delivery.board
    if query.q.strip():
        return Reply(BoardPage(data=await desk.search(call.staff, query.q.strip()), next_cursor=None))
    found, following = await desk.page(call.staff, Section(query.section), read_cursor(query.cursor), query.limit)
    return Reply(BoardPage(data=found, next_cursor=make_cursor(following) if following else None))


async def count_shipments(call: Call[None]) -> Reply:
    """Count the parcels of each column."""
    return Reply(Board(data=await call.house.delivery.board.counts(call.staff)))


async def get_shipment(call: Call[None]) -> Reply:
    """Show one parcel with its road."""
    return Reply(await call.house.applications.aftercare.shipment(call.staff, call.path["shipment_no"]))


ROUTES = (
    Route("GET", _ALL, list_shipments, auth=Auth.STAFF, query=BoardQuery, answer=BoardPage, summary="快递", tag=_TAG),
    Route(
        "GET",
        "/api/staff/v1/shipment-counts",
        count_shipments,
        auth=Auth.STAFF,
        answer=Board,
        summary="各状态快递数",
        tag=_TAG,
    ),
    Route(
        "GET",
        f"{_ALL}/<shipment_no:str>",
        get_shipment,
        auth=Auth.STAFF,
        answer=ShipmentView,
        summary="快递详情",
        tag=_TAG,
    ),
)
