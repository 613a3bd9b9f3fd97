"""Doors of originals that go to the window by post: what is asked for, pick-up at the door, one's own parcel."""

from __future__ import annotations

import uuid
from typing import Annotated

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.delivery.mailing.types import MailingDetail
from services.delivery.types import Payer

_TAG = "寄送材料"
_ONE = "/api/v1/applications/<application_no:str>/mailing"
_TYPED_RATE = "10/day"
"""So many numbers one person may type: whoever follows parcels for others is not served."""
Moment = Annotated[str, msgspec.Meta(min_length=16, max_length=35)]


class PickupWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and when a courier shall come; the address is of the own book, times as the mailing lists them."""

    address_id: uuid.UUID
    pickup_from: Moment
    pickup_until: Moment
    payer: Payer | None = None


class OwnNumber(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The number of a parcel sent by oneself; without a carrier it is told from the number, or asked for."""

    waybill_no: Annotated[str, msgspec.Meta(min_length=6, max_length=40)]
    carrier: Annotated[str, msgspec.Meta(max_length=24, pattern=r"^[a-z]*\Z")] = ""


async def get_mailing(call: Call[None]) -> Reply:
    """Show what is asked for and how it may be sent."""
    return Reply(await call.house.applications.originals.detail(call.caller, call.path["application_no"]))


async def order_pickup(call: Call[PickupWish]) -> Reply:
    """Have a courier come."""
    body, number = call.body, call.path["application_no"]
    made = await call.house.applications.originals.order_pickup(
        call.caller, number, body.address_id, body.pickup_from, body.pickup_until, body.payer or ""
    )
    return Reply(made, status=201)


async def follow_own(call: Call[OwnNumber]) -> Reply:
    """Take the number of one's own parcel."""
    await call.house.limits.hit(_TYPED_RATE, "typed-waybill", call.caller.citizen_id.hex)
    body, number = call.body, call.path["application_no"]
    made = await call.house.applications.originals.follow_own(call.caller, number, body.waybill_no, body.carrier)
    return Reply(made, status=201)


async def cancel_shipment(call: Call[None]) -> Reply:
    """Withdraw the parcel before it is picked up."""
    return Reply(await call.house.applications.originals.cancel(call.caller, call.path["application_no"]))


ROUTES = (
    Route("GET", _ONE, get_mailing, auth=Auth.CITIZEN, answer=MailingDetail, summary="待寄送的材料原件", tag=_TAG),
    Route(
        "POST",
        f"{_ONE}/pickup",
        order_pickup,
        auth=Auth.CITIZEN,
        body=PickupWish,
        answer=MailingDetail,
        status=201,
        summary="预约上门取件",
        tag=_TAG,
        example={
            "address_id": "01939c5e-0000-7000-8000-000000000002",
            "pickup_from": "2026-11-23T09:00:00+08:00",
            "pickup_until": "2026-11-23T11:00:00+08:00",
        },
        limit_bytes=4096,
    ),
    Route(
        "POST",
        f"{_ONE}/own",
        follow_own,
        auth=Auth.CITIZEN,
        body=OwnNumber,
        answer=MailingDetail,
        status=201,
        summary="登记自行寄出的运单号",
        tag=_TAG,
        example={"waybill_no": "YT1234567890123", "carrier": "yuantong"},
        limit_bytes=4096,
    ),
    Route(
        "DELETE",
        f"{_ONE}/shipment",
        cancel_shipment,
        auth=Auth.CITIZEN,
        answer=MailingDetail,
        summary="取消寄送材料",
        tag=_TAG,
    ),
)
