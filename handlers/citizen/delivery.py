"""Doors of delivery: choose how the result comes, follow one's parcel."""

from __future__ import annotations

import uuid
from typing import Annotated

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.applications.types import ShipmentList
from services.delivery.booking.types import DeliveryOptions, SendingWish, ShipmentChange
from services.delivery.types import ChoiceView, DeliveryMethod, Level, Payer, ShipmentView

_TAG = "送达"
_CHOICE = "/api/v1/applications/<application_no:str>/delivery"


class DeliveryWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the result shall come; an address of the own book with COURIER, where the rest is free to leave out.

    `in_person`: only to the applicant themself; the courier gets the end of their ID number for it.
    """

    method: DeliveryMethod
    address_id: uuid.UUID | None = None
    payer: Payer | None = None
    level: Level = Level.STANDARD
    in_person: bool = False
    place_code: Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[A-Za-z0-9_-]*\Z")] = ""

    @property
    def wish(self) -> SendingWish:
        """Return what goes beyond method and address."""
        return SendingWish(
            payer=self.payer or "", level=self.level, in_person=self.in_person, place_code=self.place_code
        )


class OptionsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With an own address the couriers that go there are named."""

    address_id: uuid.UUID | None = None


class AddressChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another address of the own book."""

    address_id: uuid.UUID


async def choose_delivery(call: Call[DeliveryWish]) -> Reply:
    """Choose, or choose anew."""
    view = await call.house.applications.choose_delivery(
        call.caller, call.path["application_no"], call.body.method, call.body.address_id, call.body.wish
    )
    return Reply(view)


async def list_options(call: Call[None]) -> Reply:
    """Show what may be chosen."""
    query: OptionsQuery = call.query
    number = call.path["application_no"]
    return Reply(await call.house.applications.delivery_options(call.caller, number, query.address_id))


async def change_address(call: Call[AddressChange]) -> Reply:
    """Send a parcel elsewhere, before it is picked up."""
    change = call.house.applications.result_choice.change_address
    return Reply(await change(call.caller, call.path["shipment_no"], call.body.address_id))


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
        example={"method": "COURIER", "address_id": "01939c5e-0000-7000-8000-000000000002", "payer": "ON_DELIVERY"},
        limit_bytes=4096,
    ),
    Route(
        "GET",
        f"{_CHOICE}/options",
        list_options,
        auth=Auth.CITIZEN,
        query=OptionsQuery,
        answer=DeliveryOptions,
        summary="可选的送达方式",
        tag=_TAG,
    ),
    Route(
        "PUT",
        "/api/v1/shipments/<shipment_no:str>/address",
        change_address,
        auth=Auth.CITIZEN,
        body=AddressChange,
        answer=ShipmentChange,
        summary="更改收件地址",
        tag=_TAG,
        example={"address_id": "01939c5e-0000-7000-8000-000000000002"},
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
