"""Events of a parcel: the track query, playing events, and the encrypted pushes to the customer.

Called by the gateway and the control API.
"""

import base64
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from simulators.callbacks import Delivery, Message
from simulators.clock import BEIJING
from simulators.config import EMSCustomer
from simulators.core import World
from simulators.ems.envelope import Refusal
from simulators.ems.nodes import Node
from simulators.ems.orders import Call, Order, of_waybill
from simulators.ems.sealing import MARK, seal

PUSH = "040002"
PUSH_SCHEDULE = (60, 300, 600, 1800, 3600)
_TIME = "%Y-%m-%d %H:%M:%S"


def add_node(world: World, order: Order, node: Node) -> dict[str, Any]:
    """Append one event to the parcel's road, a second or more after the one before, and return it as it is pushed."""
    moment = world.clock.beijing().replace(microsecond=0)
    if order["routes"]:
        last = datetime.strptime(order["routes"][-1]["opTime"], _TIME).replace(tzinfo=BEIJING)
        moment = max(moment, last + timedelta(seconds=1))
    city = "太原市" if len(order["routes"]) < 2 else "大同市"
    event = {
        "waybillNo": order["waybill_no"],
        "opTime": moment.strftime(_TIME),
        "opCode": node.op_code,
        "opName": node.name,
        "opDesc": node.description,
        "opOrgProvName": "山西省",
        "opOrgCity": city,
        "opOrgCode": "03000100",
        "opOrgName": f"{city}营业部",
        "operatorNo": "03001",
        "operatorName": "",
        "deliverCode": node.deliver_code,
        "attemptDeliveryCode": node.attempt_code,
        "productName": "特快专递",
    }
    order["routes"].append(event)
    world.state.touch()
    return event


def _accepted(status: int, text: str) -> bool:
    try:
        return status == 200 and json.loads(text).get("code") == "00000"
    except (ValueError, AttributeError):
        return False


def push(world: World, customer: EMSCustomer, events: list[dict[str, Any]]) -> list[Delivery]:
    """Send events in one call, repeated until the customer answers code 00000.

    A fault armed for the call 040002 makes it lie: wrong_signature (another key), unsigned (plain), wrong_merchant.
    Source: 协议客户开放平台 轨迹推送 040002; the waits between repeats are unconfirmed.
    """
    if not customer.push_url or not events:
        return []
    message = Message(customer.push_url, _body(world, customer, events), {"Content-Type": "application/json"})
    return [world.callbacks.send("ems", PUSH, lambda: message, accepted=_accepted, schedule=PUSH_SCHEDULE)]


def _body(world: World, customer: EMSCustomer, events: list[dict[str, Any]]) -> bytes:
    text = json.dumps(events, ensure_ascii=False)
    fault = world.faults.take("ems", PUSH)
    kind = fault.kind if fault else ""
    key = base64.b64encode(secrets.token_bytes(16)).decode() if kind == "wrong_signature" else customer.sign_key
    pushed = {
        "logitcsInterface": MARK + base64.b64encode(text.encode()).decode() if kind == "unsigned" else seal(text, key),
        "method": PUSH,
        "msgType": "0",
        "senderNo": "1100999999999" if kind == "wrong_merchant" else customer.sender_no,
        "serialNo": f"{secrets.randbits(128):032X}",
        "timeStamp": world.clock.beijing().strftime(_TIME),
        "version": "V1.0.0",
    }
    return json.dumps(pushed, ensure_ascii=False).encode()


def search(call: Call) -> dict[str, Any]:
    """Report the events of a waybill; an unknown one has none.

    Source: 协议客户开放平台 运单轨迹查询 040001. Raises: Refusal.
    """
    waybill_no = call.fields.get("waybillNo")
    if not isinstance(waybill_no, str) or not waybill_no:
        raise Refusal("B00002", "运单号不能为空")
    order = of_waybill(call, waybill_no)
    return {"responseItems": order["routes"] if order else []}
