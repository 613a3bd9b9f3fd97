"""Doors of delivery: choose how the result comes, follow one's parcel."""

from __future__ import annotations

import uuid

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.applications.types import ShipmentList
from services.delivery.types import ChoiceView, DeliveryMethod, ShipmentView

_TAG = "送达"
_CHOICE = "/api/v1/applications/<application_no:str>/delivery"


class DeliveryWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the result shall come; an address of the own book with COURIER."""

    method: DeliveryMethod
    address_id: uuid.UUID | None = None


async def choose_delivery(call: Call[DeliveryWish]) -> Reply:
    """Choose, or choose anew."""
    view = await call.house.applications.choose_delivery(
        call.caller, call.path["application_no"], call.body.method, call.body.address_id
    )
    return Reply(view)


async def get_delivery(call: Call[None]) -> Reply:
    """Show the choice."""
    return Reply(await call.house.applications.delivery_choice(call.caller, call.path["application_no"]))


async def list_shipments(call: Call[None]) -> Reply:
    """List the parcels of a case."""
    return Reply(ShipmentList(data=await call.house.applications.shipments(call.caller, call.path["application_no"])))


async def get_shipment(call: Call[None]) -> Reply:
    """Show a parcel with its road."""
    return Reply(await call.house.delivery.shipment(call.caller.citizen_id, call.path["shipment_no"]))


async def refresh_shipment(call: Call[None]) -> Reply:
    """Have the courier asked about a parcel, and show it."""
    return Reply(await call.house.delivery.refresh(call.caller.citizen_id, call.path["shipment_no"]))


ROUTES = (
    Route(
        "PUT",
        _CHOICE,
        choose_delivery,
        auth=Auth.CITIZEN,
        body=DeliveryWish,
        answer=ChoiceView,
        summary="选择送达方式",
        tag=_TAG,
        example={"method": "COURIER", "address_id": "01939c5e-0000-7000-8000-000000000002"},
        limit_bytes=4096,
    ),
    Route("GET", _CHOICE, get_delivery, auth=Auth.CITIZEN, answer=ChoiceView, summary="查看送达方式", tag=_TAG),
    Route(
        "GET",
        "/api/v1/applications/<application_no:str>/shipments",
        list_shipments,
        auth=Auth.CITIZEN,
        answer=ShipmentList,
        summary="办件的快递",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/v1/shipments/<shipment_no:str>",
        get_shipment,
        auth=Auth.CITIZEN,
        answer=ShipmentView,
        summary="快递进度",
        tag=_TAG,
    ),
    Route(
        "POST",
        "/api/v1/shipments/<shipment_no:str>/refresh",
        refresh_shipment,
        auth=Auth.CITIZEN,
        answer=ShipmentView,
        summary="刷新快递进度",
        tag=_TAG,
    ),
)
