"""Doors of the staff about a parcel's order before pick-up: withdraw it, send it with another courier; the rules."""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.errors import FieldFault, InvalidRequest
from handlers.doors import Auth, Call, Reply, Route
from services.delivery.booking.types import ShipmentChange
from services.delivery.rules.types import Carriage, CourierLine, DeliveryRules, PostageLine
from services.delivery.types import ShipmentView

_TAG = "寄送"
_ONE = "/api/staff/v1/shipments/<shipment_no:str>"
_RULES = "/api/staff/v1/delivery-rules"
Reason = Annotated[str, msgspec.Meta(min_length=2, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Code = Annotated[str, msgspec.Meta(max_length=24, pattern=r"^[A-Za-z0-9_]*\Z")]


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a parcel is not to be sent; the courier is told it."""

    reason: Reason


class OtherCourier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who shall carry instead, and why."""

    courier: Annotated[str, msgspec.Meta(max_length=16, pattern=r"^[A-Z0-9]+\Z")]
    carrier: Code = ""
    product: Annotated[str, msgspec.Meta(max_length=16, pattern=r"^[A-Za-z0-9_]*\Z")] = ""
    reason: Reason


async def cancel_shipment(call: Call[Withdrawal]) -> Reply:
    """Withdraw a parcel before pick-up."""
    care = call.house.applications.aftercare
    return Reply(await care.cancel(call.staff, call.path["shipment_no"], call.body.reason, call.address))


async def change_courier(call: Call[OtherCourier]) -> Reply:
    """Send a parcel with another courier before pick-up."""
    body, care = call.body, call.house.applications.aftercare
    carriage = Carriage(courier=body.courier, carrier=body.carrier, product=body.product)
    return Reply(await care.change_courier(call.staff, call.path["shipment_no"], carriage, body.reason, call.address))


async def list_rules(call: Call[None]) -> Reply:
    """List the rules of couriers and postage."""
    return Reply(await call.house.delivery.rules.listed(call.staff))


async def save_courier_rule(call: Call[CourierLine]) -> Reply:
    """Write a line of the choice of courier."""
    _require_code(call.path["rule_code"], call.body.rule_code)
    await call.house.delivery.rules.save_courier_rule(call.staff, call.body, call.address)
    return Reply(call.body)


async def save_postage_rule(call: Call[PostageLine]) -> Reply:
    """Write a line of who pays."""
    _require_code(call.path["rule_code"], call.body.rule_code)
    await call.house.delivery.rules.save_postage_rule(call.staff, call.body, call.address)
    return Reply(call.body)


def _require_code(path: str, body: str) -> None:
    if path != body:
        raise InvalidRequest(faults=(FieldFault("rule_code", "规则编号与地址不一致"),))


ROUTES = (
    Route(
        "POST",
        f"{_ONE}/cancel",
        cancel_shipment,
        auth=Auth.STAFF,
        body=Withdrawal,
        answer=ShipmentView,
        summary="取消快递订单",
        tag=_TAG,
        example={"reason": "申请人改为窗口自取"},
    ),
    Route(
        "POST",
        f"{_ONE}/courier",
        change_courier,
        auth=Auth.STAFF,
        body=OtherCourier,
        answer=ShipmentChange,
        summary="更换快递公司",
        tag=_TAG,
        example={"courier": "EMS", "carrier": "ems", "reason": "顺丰当日不上门取件"},
    ),
    Route("GET", _RULES, list_rules, auth=Auth.STAFF, answer=DeliveryRules, summary="寄送规则", tag=_TAG),
    Route(
        "PUT",
        f"{_RULES}/couriers/<rule_code:str>",
        save_courier_rule,
        auth=Auth.STAFF,
        body=CourierLine,
        answer=CourierLine,
        summary="保存选择快递公司的规则",
        tag=_TAG,
        example={"rule_code": "TAIYUAN", "position": 20, "division_code": "140100", "courier": "EMS", "cost_fen": 1400},
    ),
    Route(
        "PUT",
        f"{_RULES}/postage/<rule_code:str>",
        save_postage_rule,
        auth=Auth.STAFF,
        body=PostageLine,
        answer=PostageLine,
        summary="保存邮费规则",
        tag=_TAG,
        example={"rule_code": "STANDARD", "position": 90, "payers": ["ON_DELIVERY", "ONLINE"], "postage_fen": 1200},
    ),
)
