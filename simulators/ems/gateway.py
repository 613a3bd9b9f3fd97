"""POST …/amp/api/open: checks a call, decrypts it, runs its service, and answers. Mounted on the EMS port."""

import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from simulators.config import EMSCustomer
from simulators.core import World
from simulators.ems import labels, nodes, orders, tracking
from simulators.ems.envelope import Refusal, answer
from simulators.ems.orders import Call
from simulators.ems.sealing import unseal
from simulators.exchange import Exchange, serve

UNKNOWN, BUSY = "S00099", "S00005"
_WORDS = {UNKNOWN: "系统异常", BUSY: "访问频繁，请稍后再试"}
_REQUIRED = ("apiCode", "senderNo", "authorization", "timeStamp", "logitcsInterface")


def cancel(call: Call) -> dict[str, Any]:
    """Withdraw an order and tell of it (801). Raises: Refusal."""
    order = orders.cancel(call)
    tracking.push(call.world, call.customer, [tracking.add_node(call.world, order, nodes.CANCELLED)])
    return {"logisticsOrderNo": order["order_id"], "waybillNo": order["waybill_no"]}


SERVICES: Mapping[str, Callable[[Call], Any]] = {
    "020003": orders.create,
    "020006": cancel,
    "010004": labels.label,
    "040001": tracking.search,
    "050001": orders.freight,
    "050005": orders.estimate,
    "060001": orders.parse,
    "060002": orders.reach,
}


def authenticate(world: World, form: Mapping[str, str]) -> EMSCustomer:
    """Check customer, authorisation, time and call. Source: 公共请求参数. Raises: Refusal."""
    for name in _REQUIRED:
        if not form.get(name):
            raise Refusal("A00001", f"{name} 不能为空")
    customer = next((each for each in world.config.ems.customers if each.sender_no == form["senderNo"]), None)
    if customer is None or not hmac.compare_digest(customer.authorization.encode(), form["authorization"].encode()):
        raise Refusal("A00002", "客户号或授权码不正确")
    try:
        datetime.fromisoformat(form["timeStamp"])
    except ValueError:
        raise Refusal("A00003", "timeStamp 格式不正确") from None
    if form["apiCode"] not in SERVICES:
        raise Refusal("A00004", "无此接口或无权限")
    return customer


def _content(form: Mapping[str, str], customer: EMSCustomer) -> Any:
    text = unseal(form["logitcsInterface"], customer.sign_key)
    if text is None:
        raise Refusal("A00005", "报文解密失败")
    try:
        parsed = json.loads(text)
        json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise Refusal("B00001", "报文格式不正确") from None
    return parsed


def _run(world: World, form: Mapping[str, str], exchange: Exchange) -> str:
    try:
        customer = authenticate(world, form)
        if exchange.fault is not None and exchange.fault.kind == "error":
            code = exchange.fault.code or UNKNOWN
            raise Refusal(code, exchange.fault.message or _WORDS.get(code, "参数不正确"))
        data = _content(form, customer)
        exchange.note(sender_no=customer.sender_no)
        return answer(world.clock, SERVICES[form["apiCode"]](Call(world, customer, data)))
    except Refusal as refusal:
        exchange.note(refusal.code)
        return answer(world.clock, "", refusal)
    except (ValueError, TypeError):
        exchange.note("B00001")
        return answer(world.clock, "", Refusal("B00001", "报文格式不正确"))


async def handle(world: World, request: web.Request) -> web.Response:
    """Serve one call; its name in journal and faults is the apiCode."""
    raw = await request.read()
    pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    form = dict(pairs) if request.content_type == "application/x-www-form-urlencoded" else {}
    name = form.get("apiCode", "")

    async def run(exchange: Exchange) -> web.Response:
        return web.Response(text=_run(world, form, exchange), content_type="application/json", charset="utf-8")

    return await serve(world, "ems", name if name in SERVICES else "unknown", request, run)


async def show_label(world: World, request: web.Request) -> web.Response:
    """Serve the label whose address was given."""
    waybill_no = request.match_info["waybill_no"]
    if waybill_no not in world.state.table("ems", "waybills"):
        return web.Response(status=404)
    return web.Response(body=labels.draw(waybill_no), content_type="application/pdf")
