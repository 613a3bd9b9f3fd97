"""Route nodes of a parcel: the query service, playing nodes, and the RoutePushService calls to the partner.

Called by the gateway and the control API.
"""

import json
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import quoteattr

from simulators.callbacks import Delivery, Message
from simulators.clock import BEIJING
from simulators.config import SFPartner
from simulators.core import World
from simulators.sf.envelope import ServiceRefusal
from simulators.sf.nodes import NEW_NUMBER, STATES, Node
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
    if node.op_code in ("648", NEW_NUMBER):
        order["return_waybill_no"] = order["return_waybill_no"] or new_waybill_no()
        world.state.table("sf", "waybills")[order["return_waybill_no"]] = order["order_id"]
        remark = f"{remark}{order['return_waybill_no']}"
    is_back = node.op_code == NEW_NUMBER or any(route["opCode"] == NEW_NUMBER for route in order["routes"])
    route = {
        "id": str(secrets.randbelow(10**15)),
        "mailno": order["return_waybill_no"] if is_back else order["waybill_no"],
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
        if text.startswith("<"):
            return status == 200 and "<Head>OK</Head>" in text
        said = json.loads(text)
        return status == 200 and (said.get("return_code") == "0000" or said.get("code") == "0")
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
    write = _as_xml if partner.push_form == "xml" else _as_json
    batches = [routes[start : start + PUSH_SIZE] for start in range(0, len(routes), PUSH_SIZE)]
    return [_send(world, write(partner.route_push_url, batch)) for batch in batches]


def push_state(world: World, partner: SFPartner, order: Order, target: str) -> list[Delivery]:
    """Send a state of the order, with the phone of whoever comes for the parcel.

    Source: 丰桥 订单状态推送接口; its outer form is unconfirmed.
    """
    if not partner.route_push_url:
        return []
    code, description = STATES[target]
    state = {
        "orderNo": order["order_id"],
        "waybillNo": order["waybill_no"],
        "orderStateCode": code,
        "orderStateDesc": description,
        "empCode": "10009",
        "empPhone": "13900000009",
        "lastTime": _next_time(order, world),
        "carrierCode": "SF",
    }
    body = json.dumps({"requestId": secrets.token_hex(8), "orderState": [state]}, ensure_ascii=False).encode()
    return [_send(world, Message(partner.route_push_url, body, {"Content-Type": "application/json"}))]


def _as_json(url: str, routes: list[dict[str, Any]]) -> Message:
    body = json.dumps({"Body": {"WaybillRoute": routes}}, ensure_ascii=False).encode()
    return Message(url, body, {"Content-Type": "application/json;charset=UTF-8"})


def _as_xml(url: str, routes: list[dict[str, Any]]) -> Message:
    nodes = "".join(
        f"<WaybillRoute {' '.join(f'{name}={quoteattr(value)}' for name, value in route.items())}/>" for route in routes
    )
    text = f'<Request service="RoutePushService" lang="zh-CN"><Body>{nodes}</Body></Request>'
    return Message(url, urlencode({"content": text}).encode(), {"Content-Type": "application/x-www-form-urlencoded"})


def register_route(call: Call) -> dict[str, Any]:
    """Have a waybill that was ordered elsewhere pushed to the partner who knows the tail of a phone on it.

    Source: 丰桥 路由注册接口 EXP_RECE_REGISTER_ROUTE. Raises: ServiceRefusal.
    """
    number = str(call.data.get("attributeNo", ""))
    order = orders(call.world).get(call.world.state.table("sf", "waybills").get(number, ""))
    if order is None or not _may_read(call, order):
        raise ServiceRefusal("8024", "未查到该运单")
    followers = order.setdefault("followers", [order["partner_id"]])
    if call.partner.partner_id not in followers:
        followers.append(call.partner.partner_id)
    call.world.state.touch()
    return {}


def _may_read(call: Call, order: Order) -> bool:
    return order["partner_id"] == call.partner.partner_id or call.data.get("checkPhoneNo") in order["phone_tails"]


def _routes_of(call: Call, number: str, by_order: bool) -> list[dict[str, Any]]:
    """Return the nodes by waybill: an order may travel under two."""
    order_id = number if by_order else call.world.state.table("sf", "waybills").get(number, "")
    order = orders(call.world).get(order_id)
    if order is None or not _may_read(call, order):
        return [{"mailNo": "" if by_order else number, "routes": []}]
    since = (call.world.clock.beijing() - timedelta(days=_KEPT_DAYS)).strftime(_TIME)
    shown = ("acceptTime", "acceptAddress", "remark", "opCode")
    numbers = list(dict.fromkeys((order["waybill_no"], *(route["mailno"] for route in order["routes"]))))
    return [
        {
            "mailNo": each,
            "routes": [
                {name: route[name] for name in shown}
                for route in order["routes"]
                if route["mailno"] == each and route["acceptTime"] >= since
            ],
        }
        for each in numbers
        if by_order or each == number
    ]


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
    return {"routeResps": [found for number in numbers for found in _routes_of(call, str(number), by_order)]}
