"""Moving parcels: the control API of the 快递鸟 simulator, mounted under /control/kdniao/."""

import secrets
from typing import Any

from aiohttp import web

from simulators.callbacks import Delivery
from simulators.control import ControlError, answer, need_text, read_json
from simulators.core import World
from simulators.kdniao import parcels, pushes, roads
from simulators.kdniao.parcels import Parcel
from simulators.kdniao.roads import Step


def _parcel(world: World, request: web.Request) -> Parcel:
    parcel = parcels.parcels(world).get(request.match_info["order_id"])
    if parcel is None:
        raise ControlError("no such order", 404)
    return parcel


def _wanted(parcel: Parcel, body: dict[str, Any]) -> list[Step]:
    """Choose the steps: one by op_code, or all that lead to a state. Raises: ControlError."""
    code, target, remark = body.get("op_code"), body.get("to"), str(body.get("remark") or "")
    if code:
        return [Step(str(code), remark or "快件状态更新")]
    try:
        steps = roads.steps_to(str(target), frozenset(trace["Action"] for trace in parcel["traces"]))
    except KeyError:
        raise ControlError(f"to: one of {', '.join(roads.TARGETS)}, or op_code") from None
    if remark and steps:
        steps[-1] = Step(steps[-1].action, remark)
    return steps


async def _results(deliveries: list[Delivery]) -> list[dict[str, Any] | None]:
    attempts = [await delivery.first() for delivery in deliveries]
    return [attempt.as_json() if attempt else None for attempt in attempts]


def control(world: World) -> list[web.RouteDef]:
    """Return the routes, relative to /control/kdniao."""

    async def list_orders(_: web.Request) -> web.Response:
        return answer(list(parcels.parcels(world).values()))

    async def show_order(request: web.Request) -> web.Response:
        return answer(_parcel(world, request))

    async def add_parcel(request: web.Request) -> web.Response:
        """Have a parcel that somebody gave to a carrier elsewhere."""
        body = await read_json(request)
        shipper = str(body.get("carrier") or "SF")
        if shipper not in parcels.CARRIERS:
            raise ControlError("carrier: unknown company")
        tails = [need_text(body, "phone")[-4:]]
        parcel = parcels.add(world, f"ELSE{secrets.randbelow(10**10):010d}", shipper, tails, "")
        return answer({"order_id": parcel["order_id"], "waybill_no": parcel["waybill_no"]})

    async def move(request: web.Request) -> web.Response:
        """Play steps one after the other, each pushed before the next is made."""
        parcel, body = _parcel(world, request), await read_json(request)
        if parcel["status"] == "CANCELLED":
            raise ControlError("this order has no parcel to move")
        made, callbacks = [], []
        for step in _wanted(parcel, body):
            made.append(parcels.add_step(world, parcel, step))
            for _ in range(2 if body.get("duplicate") else 1):
                if body.get("push", True):
                    callbacks += await _results(pushes.push(world, parcel))
        return answer({"waybill_no": parcel["waybill_no"], "routes": made, "callbacks": callbacks})

    async def push_again(request: web.Request) -> web.Response:
        """Send the whole road again, oldest or newest first."""
        parcel, body = _parcel(world, request), await read_json(request)
        direction = body.get("order", "normal")
        if direction not in ("normal", "reversed"):
            raise ControlError("order: normal or reversed")
        sent = pushes.push(world, parcel, newest_first=direction == "reversed")
        return answer({"callbacks": await _results(sent)})

    return [
        web.post("/parcels", add_parcel),
        web.get("/orders", list_orders),
        web.get("/orders/{order_id}", show_order),
        web.post("/orders/{order_id}/move", move),
        web.post("/orders/{order_id}/push", push_again),
    ]
