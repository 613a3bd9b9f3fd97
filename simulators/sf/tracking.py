"""Route nodes of a parcel: the query service, playing nodes, and the RoutePushService calls to the partner.

Called by the gateway and the control API.
"""

import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from simulators.callbacks import Delivery, Message
from simulators.clock import BEIJING
from simulators.config import SFPartner
from simulators.core import World
from simulators.sf.envelope import ServiceRefusal
from simulators.sf.nodes import Node
from simulators.sf.orders import Call, Order, new_waybill_no, orders

PUSH_SIZE = 10
PUSH_SCHEDULE = (60, 300, 600, 1800, 3600)
_KEPT_DAYS = 90
_TIME = "%Y-%m-%d %H:%M:%S"
_PLACES = {"picked_up": "太原市", "later": "大同市"}


def _next_time(order: Order, world: World) -> str:
    """Choose a node's time: now, but at least a second after the node before."""
    moment = world.clock.beijing().replace(microsecond=0)
    if order["routes"]:
        last = datetime.strptime(order["routes"][-1]["acceptTime"], _TIME).replace(tzinfo=BEIJING)
        moment = max(moment, last + timedelta(seconds=1))
    return moment.strftime(_TIME)


def add_node(world: World, order: Order, node: Node) -> dict[str, Any]:
    """Append one node to the parcel's road and return it as it is pushed."""
    remark = node.remark
    if node.op_code in ("648", "631"):
        order["return_waybill_no"] = order["return_waybill_no"] or new_waybill_no()
        remark = f"{remark}{order['return_waybill_no']}"
    route = {
        "id": str(secrets.randbelow(10**15)),
        "mailno": order["waybill_no"],
        "orderid": order["order_id"],
        "acceptTime": _next_time(order, world),
        "acceptAddress": _PLACES["picked_up" if len(order["routes"]) < 2 else "later"],
        "remark": remark,
        "opCode": node.op_code,
    }
    if node.reason_code:
        route |= {"reasonCode": node.reason_code, "reasonName": node.reason_name}
    order["routes"].append(route)
    world.state.touch()
    return route


def _accepted(status: int, text: str) -> bool:
    try:
        return status == 200 and json.loads(text).get("return_code") == "0000"
    except (ValueError, AttributeError):
        return False


def _send(world: World, message: Message) -> Delivery:
    return world.callbacks.send("sf", "RoutePushService", lambda: message, accepted=_accepted, schedule=PUSH_SCHEDULE)


def push(world: World, partner: SFPartner, routes: list[dict[str, Any]]) -> list[Delivery]:
    """Send nodes, at most ten per call, repeated until the partner answers return_code 0000.

    Source: 丰桥 路由推送接口 RoutePushService (JSON); the waits between repeats are unconfirmed.
    """
    if not partner.route_push_url:
        return []
    deliveries = []
    for start in range(0, len(routes), PUSH_SIZE):
        batch = {"Body": {"WaybillRoute": routes[start : start + PUSH_SIZE]}}
        body = json.dumps(batch, ensure_ascii=False).encode()
        message = Message(partner.route_push_url, body, {"Content-Type": "application/json;charset=UTF-8"})
        deliveries.append(_send(world, message))
    return deliveries


def _may_read(call: Call, order: Order) -> bool:
    return order["partner_id"] == call.partner.partner_id or call.data.get("checkPhoneNo") in order["phone_tails"]


def _routes_of(call: Call, number: str, by_order: bool) -> dict[str, Any]:
    order_id = number if by_order else call.world.state.table("sf", "waybills").get(number, "")
    order = orders(call.world).get(order_id)
    if order and not _may_read(call, order):
        order = None
    since = (call.world.clock.beijing() - timedelta(days=_KEPT_DAYS)).strftime(_TIME)
    routes = [r for r in order["routes"] if r["acceptTime"] >= since] if order else []
    shown = ("acceptTime", "acceptAddress", "remark", "opCode")
    mail_no = order["waybill_no"] if order else ("" if by_order else number)
    return {"mailNo": mail_no, "routes": [{name: route[name] for name in shown} for route in routes]}


def search_routes(call: Call) -> dict[str, Any]:
    """Report the nodes of up to ten waybills or orders; unknown numbers have none.

    Source: 丰桥 路由查询接口 EXP_RECE_SEARCH_ROUTES. Raises: ServiceRefusal.
    """
    numbers = call.data.get("trackingNumber")
    if isinstance(numbers, str):
        numbers = [number for number in numbers.split(",") if number]
    if not isinstance(numbers, list) or not numbers:
        raise ServiceRefusal("8013", "未传入查询单号")
    if len(numbers) > PUSH_SIZE:
        raise ServiceRefusal("8003", "查询单号超过最大限制")
    by_order = str(call.data.get("trackingType", "1")) == "2"
    return {"routeResps": [_routes_of(call, str(number), by_order) for number in numbers]}
