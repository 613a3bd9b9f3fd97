"""Moving parcels: the control API of the EMS simulator, mounted under /control/ems/."""

from typing import Any

from aiohttp import web

from simulators.callbacks import Delivery
from simulators.config import EMSCustomer
from simulators.control import ControlError, answer, read_json
from simulators.core import World
from simulators.ems import nodes, tracking
from simulators.ems.nodes import Node
from simulators.ems.orders import Order, orders


def _order(world: World, request: web.Request) -> Order:
    order = orders(world).get(request.match_info["order_id"])
    if order is None:
        raise ControlError("no such order", 404)
    return order


def _customer(world: World, order: Order) -> EMSCustomer:
    customer = next((each for each in world.config.ems.customers if each.sender_no == order["sender_no"]), None)
    if customer is None:
        raise ControlError("the customer of this order is no longer configured", 404)
    return customer


def _wanted_nodes(order: Order, body: dict[str, Any]) -> list[Node]:
    """Choose the events: one by op_code, or all that lead to a state. Raises: ControlError."""
    op_code, target, words = body.get("op_code"), body.get("to"), str(body.get("remark") or "")
    if op_code:
        reasons = (str(body.get("deliver_code") or ""), str(body.get("attempt_code") or ""))
        return [nodes.node_of(str(op_code), *reasons, words)]
    try:
        road = nodes.nodes_to(str(target), frozenset(event["opCode"] for event in order["routes"]))
    except KeyError:
        raise ControlError(f"to: one of {', '.join(nodes.TARGETS)}, or op_code") from None
    if words and road:
        last = road[-1]
        road[-1] = Node(last.op_code, last.name, words, last.deliver_code, last.attempt_code)
    return road


async def _results(deliveries: list[Delivery]) -> list[dict[str, Any] | None]:
    attempts = [await delivery.first() for delivery in deliveries]
    return [attempt.as_json() if attempt else None for attempt in attempts]


def control(world: World) -> list[web.RouteDef]:
    """Return the routes, relative to /control/ems."""

    async def list_orders(_: web.Request) -> web.Response:
        return answer(list(orders(world).values()))

    async def show_order(request: web.Request) -> web.Response:
        return answer(_order(world, request))

    async def move(request: web.Request) -> web.Response:
        """Play events one after the other, each pushed before the next is made."""
        order, body = _order(world, request), await read_json(request)
        if order["status"] == "CANCELLED":
            raise ControlError("this order has no parcel to move")
        customer, made, callbacks = _customer(world, order), [], []
        for node in _wanted_nodes(order, body):
            event = tracking.add_node(world, order, node)
            made.append(event)
            copies = (2 if body.get("duplicate") else 1) if body.get("push", True) else 0
            sent = [delivery for _ in range(copies) for delivery in tracking.push(world, customer, [event])]
            callbacks += await _results(sent)
        return answer({"waybill_no": order["waybill_no"], "routes": made, "callbacks": callbacks})

    async def push_again(request: web.Request) -> web.Response:
        """Send the whole history again in one call, oldest or newest first."""
        order, body = _order(world, request), await read_json(request)
        direction = body.get("order", "normal")
        if direction not in ("normal", "reversed"):
            raise ControlError("order: normal or reversed")
        history = order["routes"] if direction == "normal" else order["routes"][::-1]
        return answer({"callbacks": await _results(tracking.push(world, _customer(world, order), history))})

    return [
        web.get("/orders", list_orders),
        web.get("/orders/{order_id}", show_order),
        web.post("/orders/{order_id}/move", move),
        web.post("/orders/{order_id}/push", push_again),
    ]
