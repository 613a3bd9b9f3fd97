"""Doors of a citizen whose parcel came back: which ways are open, and choosing one."""

from __future__ import annotations

import uuid

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.applications.remedies.types import RemedyMethod, RemedyView

_TAG = "送达"
_ONE = "/api/v1/shipments/<shipment_no:str>/remedy"


class RemedyWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall become of it; an address of the own book with REDELIVER, none keeps the former one."""

    method: RemedyMethod
    address_id: uuid.UUID | None = None


async def get_remedy(call: Call[None]) -> Reply:
    """Show which ways are open."""
    return Reply(await call.house.applications.remedies.options(call.caller, call.path["shipment_no"]))


async def choose_remedy(call: Call[RemedyWish]) -> Reply:
    """Choose a way."""
    body, number = call.body, call.path["shipment_no"]
    return Reply(await call.house.applications.remedies.choose(call.caller, number, body.method, body.address_id))


ROUTES = (
    Route("GET", _ONE, get_remedy, auth=Auth.CITIZEN, answer=RemedyView, summary="退回快件的处理方式", tag=_TAG),
    Route(
        "POST",
        _ONE,
        choose_remedy,
        auth=Auth.CITIZEN,
        body=RemedyWish,
        answer=RemedyView,
        summary="选择退回快件的处理方式",
        tag=_TAG,
        example={"method": "REDELIVER", "address_id": "01939c5e-0000-7000-8000-000000000002"},
        limit_bytes=4096,
    ),
)
