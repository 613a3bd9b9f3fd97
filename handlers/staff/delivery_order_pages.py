"""The page of a parcel's order before pick-up: withdraw it, or send it with another courier.

The same use cases as the JSON doors in handlers/staff/delivery_orders.py.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from services.delivery.rules.types import Carriage
from services.staff.types import Role

_ONE = "/staff/deliveries/<shipment_no:str>"
Text = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Code = Annotated[str, msgspec.Meta(max_length=24, pattern=r"^[A-Za-z0-9_]*\Z")]
_LEAST_LETTERS = 2


class CancelForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Why a parcel is not to be sent."""

    reason: Text = ""


class CourierForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Who shall carry instead, and why."""

    courier: Annotated[str, msgspec.Meta(max_length=16, pattern=r"^[A-Z0-9]*\Z")] = ""
    carrier: Code = ""
    reason: Text = ""


async def order(call: Call[None]) -> Reply:
    """Show what may be done about the order."""
    return await _order(call)


async def cancel(call: Call[CancelForm]) -> Reply:
    """Withdraw it; a refusal shows the page with it."""
    number, care = call.path["shipment_no"], call.house.applications.aftercare
    try:
        _require_reason(call.body.reason)
        await care.cancel(call.staff, number, call.body.reason, call.address)
    except (Conflict, InvalidRequest) as refusal:
        return await _order(call, refusal)
    return see_other(f"/staff/deliveries/{number}")


async def change_courier(call: Call[CourierForm]) -> Reply:
    """Send it with another courier; a refusal shows the page with it."""
    number, body = call.path["shipment_no"], call.body
    carriage = Carriage(courier=body.courier, carrier=body.carrier)
    care = call.house.applications.aftercare
    try:
        _require_reason(body.reason)
        if body.courier not in call.house.delivery.rules.couriers:
            raise InvalidRequest(faults=(FieldFault("courier", "请选择快递公司"),))
        change = await care.change_courier(call.staff, number, carriage, body.reason, call.address)
    except (Conflict, InvalidRequest) as refusal:
        return await _order(call, refusal)
    return see_other(f"/staff/deliveries/{change.shipment_no}")


def _require_reason(reason: str) -> None:
    if len(reason.strip()) < _LEAST_LETTERS:
        raise InvalidRequest(faults=(FieldFault("reason", "请填写原因"),))


async def _order(call: Call[Any], problem: SanjinError | None = None) -> Reply:
    call.staff.require_role(Role.WINDOW, Role.DISPATCHER)
    number = call.path["shipment_no"]
    parcel = await call.house.applications.aftercare.shipment(call.staff, number)
    if parcel.is_own:
        raise NotFound("申请人自行寄出的快递不能在此更改")
    return page(
        call,
        "staff/delivery_order.html",
        status=problem.status if problem else 200,
        here="deliveries",
        parcel=parcel,
        problem=problem,
        couriers={each.code: each.name for each in call.house.delivery.rules.couriers},
    )


ROUTES = (
    page_route(f"{_ONE}/order", order, "快递订单"),
    form_route(f"{_ONE}/cancel", cancel, "取消快递订单", CancelForm),
    form_route(f"{_ONE}/courier", change_courier, "更换快递公司", CourierForm),
)
