"""Moving parcels: the control API of the 快递100 simulator, mounted under /control/kuaidi100/."""

import secrets
from functools import partial
from typing import Any

from aiohttp import web

from simulators.callbacks import Delivery
from simulators.control import ControlError, answer, need_text, read_json
from simulators.core import World
from simulators.kuaidi100 import nodes, orders, parcels, subscriptions
from simulators.kuaidi100.nodes import Node
from simulators.kuaidi100.parcels import Parcel


def _by_order(world: World, request: web.Request) -> Parcel:
    parcel = parcels.parcels(world).get(request.match_info["order_id"])
    if parcel is None:
        raise ControlError("no such order", 404)
    return parcel


def _by_number(world: World, request: web.Request) -> Parcel:
    """Find the parcel of a followed number; a number nobody ordered here is the carrier's own parcel."""
    number = request.match_info["number"]
    wanted = subscriptions.subscriptions(world).get(number)
    if wanted is None:
        raise ControlError("nobody follows this number", 404)
    known = parcels.of_number(world, number)
    return known or parcels.add(world, f"F{secrets.token_hex(6)}", wanted["company"], [], number)


def _ordered(parcel: Parcel) -> Parcel:
    if not parcel.get("task_id"):
        raise ControlError("this parcel was not ordered here")
    return parcel


def _wanted(parcel: Parcel, body: dict[str, Any]) -> list[Node]:
    """Choose the nodes: one by op_code, or all that lead to a state. Raises: ControlError."""
    code, target, remark = body.get("op_code"), body.get("to"), str(body.get("remark") or "")
    if code:
        return [Node(str(code), remark or f"快件状态更新 {nodes.state_name(str(code))}")]
    try:
        road = nodes.nodes_to(str(target), frozenset(event["statusCode"] for event in parcel["events"]))
    except KeyError:
        raise ControlError(f"to: one of {', '.join(nodes.TARGETS)}, or op_code") from None
    if remark and road:
        road[-1] = Node(road[-1].code, remark, road[-1].order_status)
    return road


async def _results(deliveries: list[Delivery]) -> list[dict[str, Any] | None]:
    attempts = [await delivery.first() for delivery in deliveries]
    return [attempt.as_json() if attempt else None for attempt in attempts]


async def _play(world: World, parcel: Parcel, body: dict[str, Any]) -> dict[str, Any]:
    """Play nodes one after the other, each pushed before the next is made."""
    if parcel.get("status") in ("9", "99"):
        raise ControlError("this order has no parcel to move")
    made, callbacks = [], []
    loud, copies = body.get("push", True), 2 if body.get("duplicate") else 1
    for node in _wanted(parcel, body):
        if node.order_status and parcel.get("task_id"):
            told = orders.tell(world, parcel, node.order_status) if loud else _quietly(parcel, node)
            callbacks += await _results(told)
        made.append(parcels.add_event(world, parcel, node))
        for _ in range(copies if loud else 0):
            callbacks += await _results(subscriptions.push(world, parcel))
    if body.get("to") == "pickup_failed":
        callbacks += await _results(orders.tell(world, _ordered(parcel), "11"))
    return {"waybill_no": parcel["waybill_no"], "routes": made, "callbacks": callbacks}


def _quietly(parcel: Parcel, node: Node) -> list[Delivery]:
    parcel["status"] = node.order_status
    return []


async def _move_order(world: World, request: web.Request) -> web.Response:
    return answer(await _play(world, _by_order(world, request), await read_json(request)))


async def _move_number(world: World, request: web.Request) -> web.Response:
    return answer(await _play(world, _by_number(world, request), await read_json(request)))


async def _list_orders(world: World, _: web.Request) -> web.Response:
    return answer(list(parcels.parcels(world).values()))


async def _show_order(world: World, request: web.Request) -> web.Response:
    return answer(_by_order(world, request))


async def _list_subscriptions(world: World, _: web.Request) -> web.Response:
    hidden = ("salt", "callback_url")
    rows = subscriptions.subscriptions(world).values()
    return answer([{name: value for name, value in row.items() if name not in hidden} for row in rows])


async def _add_parcel(world: World, request: web.Request) -> web.Response:
    """Have a parcel that somebody gave to a carrier elsewhere."""
    body = await read_json(request)
    carrier = str(body.get("carrier") or "zhongtong")
    if carrier not in parcels.CARRIERS:
        raise ControlError("carrier: unknown company")
    number = str(body.get("waybill_no") or parcels.new_waybill_no(carrier))
    parcel = parcels.add(world, f"F{secrets.token_hex(6)}", carrier, [need_text(body, "phone")[-4:]], number)
    return answer({"order_id": parcel["order_id"], "waybill_no": number, "carrier": carrier})


async def _push_again(world: World, request: web.Request) -> web.Response:
    """Send the whole history again, newest or oldest first."""
    parcel, body = _by_order(world, request), await read_json(request)
    direction = body.get("order", "normal")
    if direction not in ("normal", "reversed"):
        raise ControlError("order: normal or reversed")
    sent = subscriptions.push(world, parcel, oldest_first=direction == "reversed", status="updateall")
    return answer({"callbacks": await _results(sent)})


async def _abort(world: World, request: web.Request) -> web.Response:
    """Give the subscription up, as after 3 days without a record or 60 without a change."""
    parcel, body = _by_order(world, request), await read_json(request)
    sent = subscriptions.push(world, parcel, status="abort", message=str(body.get("message") or "3天查询无记录"))
    return answer({"callbacks": await _results(sent)})


async def _correct(world: World, request: web.Request) -> web.Response:
    """Find out that another company carries the number."""
    parcel, carrier = _by_order(world, request), need_text(await read_json(request), "carrier")
    if carrier not in parcels.CARRIERS:
        raise ControlError("carrier: unknown company")
    former, parcel["carrier"] = parcel["carrier"], carrier
    subscription = subscriptions.subscriptions(world).get(parcel["waybill_no"])
    if subscription is not None:
        subscription["company"] = carrier
    return answer({"callbacks": await _results(subscriptions.push(world, parcel, corrected=(former, carrier)))})


async def _tell(world: World, request: web.Request) -> web.Response:
    """Call back about the order: any status, with more fields such as freight; `copies` 2 sends it twice."""
    parcel, body = _ordered(_by_order(world, request)), await read_json(request)
    status = need_text(body, "status")
    if not (status.isdecimal() and len(status) <= 6):
        raise ControlError("status: digits")
    more = {name: str(value) for name, value in body.items() if name not in ("status", "copies")}
    sent = [
        each for _ in range(2 if body.get("copies") == 2 else 1) for each in orders.tell(world, parcel, status, **more)
    ]
    return answer({"callbacks": await _results(sent)})


def control(world: World) -> list[web.RouteDef]:
    """Return the routes, relative to /control/kuaidi100."""
    return [
        web.get("/orders", partial(_list_orders, world)),
        web.get("/orders/{order_id}", partial(_show_order, world)),
        web.post("/orders/{order_id}/move", partial(_move_order, world)),
        web.post("/orders/{order_id}/push", partial(_push_again, world)),
        web.post("/orders/{order_id}/abort", partial(_abort, world)),
        web.post("/orders/{order_id}/company", partial(_correct, world)),
        web.post("/orders/{order_id}/callback", partial(_tell, world)),
        web.post("/parcels", partial(_add_parcel, world)),
        web.get("/subscriptions", partial(_list_subscriptions, world)),
        web.post("/subscriptions/{number}/move", partial(_move_number, world)),
    ]
