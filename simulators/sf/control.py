"""Moving parcels: the control API of the SF simulator, mounted under /control/sf/."""

from typing import Any

from aiohttp import web

from simulators.callbacks import Delivery
from simulators.config import SFPartner
from simulators.control import ControlError, answer, read_json
from simulators.core import World
from simulators.sf import nodes, tracking
from simulators.sf.nodes import Node
from simulators.sf.orders import Order, orders


def _order(world: World, request: web.Request) -> Order:
    order = orders(world).get(request.match_info["order_id"])
    if order is None:
        raise ControlError("no such order", 404)
    return order


def _partner(world: World, order: Order) -> SFPartner:
    partner = next((p for p in world.config.sf.partners if p.partner_id == order["partner_id"]), None)
    if partner is None:
        raise ControlError("the partner of this order is no longer configured", 404)
    return partner


def _wanted_nodes(order: Order, body: dict[str, Any]) -> list[Node]:
    """Choose the nodes: one by op_code, or all that lead to a state. Raises: ControlError."""
    op_code, target, remark = body.get("op_code"), body.get("to"), str(body.get("remark") or "")
    if op_code:
        reason = (str(body.get("reason_code", "")), str(body.get("reason_name", "")))
        return [Node(str(op_code), remark or nodes.default_remark(str(op_code)), *reason)]
    try:
        road = nodes.nodes_to(str(target), frozenset(route["opCode"] for route in order["routes"]))
    except KeyError:
        raise ControlError(f"to: one of {', '.join(nodes.TARGETS)}, or op_code") from None
    if remark and road:
        last = road[-1]
        road[-1] = Node(last.op_code, remark, last.reason_code, last.reason_name)
    return road


async def _results(deliveries: list[Delivery]) -> list[dict[str, Any] | None]:
    attempts = [await delivery.first() for delivery in deliveries]
    return [attempt.as_json() if attempt else None for attempt in attempts]


def control(world: World) -> list[web.RouteDef]:
    """Return the routes, relative to /control/sf."""

    async def list_orders(_: web.Request) -> web.Response:
        return answer(list(orders(world).values()))

    async def show_order(request: web.Request) -> web.Response:
        return answer(_order(world, request))

    async def move(request: web.Request) -> web.Response:
        """Play nodes one after the other, each pushed before the next is made."""
        order, body = _order(world, request), await read_json(request)
        if order["status"] == "CANCELLED" or not order["waybill_no"]:
            raise ControlError("this order has no parcel to move")
        partner, made, callbacks = _partner(world, order), [], []
        for node in _wanted_nodes(order, body):
            route = tracking.add_node(world, order, node)
            made.append(route)
            if body.get("push", True):
                copies = 2 if body.get("duplicate") else 1
                sent = [delivery for _ in range(copies) for delivery in tracking.push(world, partner, [route])]
                callbacks += await _results(sent)
        return answer({"waybill_no": order["waybill_no"], "routes": made, "callbacks": callbacks})

    async def push_again(request: web.Request) -> web.Response:
        """Send the whole history again, oldest or newest first."""
        order, body = _order(world, request), await read_json(request)
        direction = body.get("order", "normal")
        if direction not in ("normal", "reversed"):
            raise ControlError("order: normal or reversed")
        history = order["routes"] if direction == "normal" else order["routes"][::-1]
        return answer({"callbacks": await _results(tracking.push(world, _partner(world, order), history))})

    return [
        web.get("/orders", list_orders),
        web.get("/orders/{order_id}", show_order),
        web.post("/orders/{order_id}/move", move),
        web.post("/orders/{order_id}/push", push_again),
    ]
