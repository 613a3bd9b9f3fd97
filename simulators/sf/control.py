"""Moving parcels: the control API of the SF simulator, mounted under /control/sf/."""

from typing import Any

from aiohttp import web

from simulators.callbacks import Delivery
from simulators.config import SFPartner
from simulators.control import ControlError, answer, need_text, read_json
from simulators.core import World
from simulators.sf import nodes, tracking
from simulators.sf.nodes import Node
from simulators.sf.orders import Order, elsewhere, orders


def _order(world: World, request: web.Request) -> Order:
    order = orders(world).get(request.match_info["order_id"])
    if order is None:
        raise ControlError("no such order", 404)
    return order


def _partners(world: World, order: Order) -> list[SFPartner]:
    """Return whoever gets this order's pushes: its partner, and those who registered its number."""
    followers = order.get("followers", [order["partner_id"]])
    return [partner for partner in world.config.sf.partners if partner.partner_id in followers]


def _push(world: World, order: Order, routes: list[dict[str, Any]], copies: int = 1) -> list[Delivery]:
    # A number that was ordered elsewhere is pushed without an order number of ours.
    shown = routes if order["partner_id"] else [route | {"orderid": ""} for route in routes]
    every = [partner for _ in range(copies) for partner in _partners(world, order)]
    return [delivery for partner in every for delivery in tracking.push(world, partner, shown)]


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
        if body.get("to") in nodes.STATES:
            told = [tracking.push_state(world, each, order, str(body["to"])) for each in _partners(world, order)]
            return answer({"routes": [], "callbacks": await _results([delivery for sent in told for delivery in sent])})
        made, callbacks = [], []
        for node in _wanted_nodes(order, body):
            route = tracking.add_node(world, order, node)
            made.append(route)
            if body.get("push", True):
                callbacks += await _results(_push(world, order, [route], 2 if body.get("duplicate") else 1))
        return answer({"waybill_no": order["waybill_no"], "routes": made, "callbacks": callbacks})

    async def push_again(request: web.Request) -> web.Response:
        """Send the whole history again, oldest or newest first."""
        order, body = _order(world, request), await read_json(request)
        direction = body.get("order", "normal")
        if direction not in ("normal", "reversed"):
            raise ControlError("order: normal or reversed")
        history = order["routes"] if direction == "normal" else order["routes"][::-1]
        return answer({"callbacks": await _results(_push(world, order, history))})

    async def post_elsewhere(request: web.Request) -> web.Response:
        """Note a parcel that somebody posted without the backend."""
        order = elsewhere(world, need_text(await read_json(request), "phone"))
        return answer({"order_id": order["order_id"], "waybill_no": order["waybill_no"]})

    return [
        web.post("/parcels", post_elsewhere),
        web.get("/orders", list_orders),
        web.get("/orders/{order_id}", show_order),
        web.post("/orders/{order_id}/move", move),
        web.post("/orders/{order_id}/push", push_again),
    ]
