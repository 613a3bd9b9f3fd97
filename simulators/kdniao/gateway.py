"""The three addresses of 快递鸟: checks a call, runs its request type, answers in its words. Mounted on its port."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from aiohttp import web

from simulators.config import KdniaoAccount
from simulators.core import World
from simulators.exchange import Exchange, serve
from simulators.json_input import parse_object
from simulators.kdniao import parcels, signing
from simulators.kdniao.parcels import Parcel

_SPOKEN = {"busy": "系统繁忙，请稍后再试", "unknown": "系统异常"}
_NEEDS_PHONE = ("SF", "ZTO")
_PAY_TYPES = (1, 2, 3, 4)


class Refusal(Exception):
    """A refusal in 快递鸟's words."""

    def __init__(self, code: str, reason: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.reason, self.more = code, reason, more


@dataclass(frozen=True)
class Call:
    """One verified call: who asks, and the parsed RequestData."""

    world: World
    account: KdniaoAccount
    data: dict[str, Any]


def _order_answer(parcel: Parcel) -> dict[str, Any]:
    return {
        "Order": {
            "OrderCode": parcel["order_id"],
            "ShipperCode": parcel["carrier"],
            "LogisticCode": parcel["waybill_no"],
            "KDNOrderCode": parcel["kdn_order_code"],
            "MarkDestination": "晋-大同-05",
        }
    }


def _place(call: Call) -> dict[str, Any]:
    """Take an order; a repeated OrderCode is answered 106 with the first one.

    Source: 快递鸟 预约取件接口 1001, 上门取件接口 1801. Raises: Refusal.
    """
    code = str(call.data.get("OrderCode") or "")
    known = parcels.parcels(call.world).get(code)
    if known is not None:
        raise Refusal("106", "该订单号已下单成功", **_order_answer(known))
    if not 0 < len(code) <= 30 or call.data.get("ShipperCode") not in parcels.CARRIERS:
        raise Refusal("101", "缺少必要参数：OrderCode、ShipperCode")
    tails = []
    for side in ("Sender", "Receiver"):
        contact = call.data.get(side)
        needed = ("Name", "Mobile", "ProvinceName", "CityName", "Address")
        if not isinstance(contact, dict) or not all(contact.get(name) for name in needed):
            raise Refusal("101", f"缺少必要参数：{side}")
        tails.append(str(contact["Mobile"])[-4:])
    if not call.data.get("Commodity") or call.data.get("PayType") not in _PAY_TYPES:
        raise Refusal("102", "Commodity、PayType 校验不通过")
    parcel = parcels.add(call.world, code, call.data["ShipperCode"], tails, call.account.business_id)
    return _order_answer(parcel)


def _cancel(call: Call) -> dict[str, Any]:
    """Withdraw an order before pick-up. Source: 快递鸟 取消预约接口 1004. Raises: Refusal."""
    parcel = parcels.parcels(call.world).get(str(call.data.get("OrderCode") or ""))
    if parcel is None:
        raise Refusal("105", "订单不存在")
    if parcel["status"] == "CANCELLED":
        raise Refusal("105", "订单已取消，请勿重复操作")
    if parcels.is_collected(parcel):
        raise Refusal("105", "快件已揽收，无法撤销")
    parcel["status"] = "CANCELLED"
    call.world.state.touch()
    return {}


def _known(call: Call) -> Parcel:
    number = str(call.data.get("LogisticCode") or "")
    code = str(call.data.get("OrderCode") or "")
    parcel = parcels.of_number(call.world, number) if number else parcels.parcels(call.world).get(code)
    if parcel is None or parcel["carrier"] != call.data.get("ShipperCode"):
        raise Refusal("105", "没有查询到此运单的物流信息")
    hidden = parcel["carrier"] in _NEEDS_PHONE and call.data.get("CustomerName") not in parcel["phone_tails"]
    if hidden and parcel["business_id"] != call.account.business_id:
        raise Refusal("105", "没有查询到此运单的物流信息")
    return parcel


def _query(call: Call) -> dict[str, Any]:
    """Report a road. Source: 快递鸟 即时查询 1002 (plain: no Action) and 8001. Raises: Refusal."""
    return parcels.road(_known(call))


def _subscribe(call: Call) -> dict[str, Any]:
    """Follow a waybill. Source: 快递鸟 物流跟踪 1008, 8008. Raises: Refusal."""
    parcel = _known(call)
    parcel["followers"][call.account.business_id] = str(call.data.get("Callback") or "")
    call.world.state.touch()
    return {"EstimatedDeliveryTime": ""}


Services: TypeAlias = Mapping[str, Callable[[Call], dict[str, Any]]]
PATHS: Mapping[str, Services] = {
    "/Ebusiness/EbusinessOrderHandle.aspx": {"1002": _query, "8001": _query},
    "/api/dist": {"1008": _subscribe, "8008": _subscribe},
    "/api/oorderservice": {"1001": _place, "1801": _place, "1004": _cancel},
}


def _authenticate(world: World, form: Mapping[str, str], services: Services) -> KdniaoAccount:
    """Check account, digest and request type. Source: 快递鸟 接口技术文档, 系统级参数. Raises: Refusal."""
    accounts = {account.business_id: account for account in world.config.kdniao.accounts}
    account = accounts.get(form.get("EBusinessID", ""))
    if account is None:
        raise Refusal("104", "用户ID不存在")
    if not signing.matches(form.get("DataSign", ""), form.get("RequestData", ""), account.app_key):
        raise Refusal("104", "数据签名不正确")
    if form.get("RequestType") not in services or form.get("DataType") != "2":
        raise Refusal("102", "请求指令不正确")
    return account


def _strike(exchange: Exchange) -> None:
    """Raise what an armed error fault asks for; "105-busy" and "105-unknown" choose the words."""
    fault = exchange.fault
    if fault is not None and fault.kind == "error":
        code, _, spoken = fault.code.partition("-")
        raise Refusal(code or "105", fault.message or _SPOKEN.get(spoken, "业务异常"))


def _run(world: World, services: Services, form: Mapping[str, str], exchange: Exchange) -> dict[str, Any]:
    own = {"EBusinessID": form.get("EBusinessID", "")}
    try:
        account = _authenticate(world, form, services)
        _strike(exchange)
        data = parse_object(form.get("RequestData", ""))
        if data is None:
            raise Refusal("103", "RequestData 格式不正确")
        exchange.note(order_id=str(data.get("OrderCode", ""))[:64])
        return (
            own
            | {"Success": True, "ResultCode": "100", "Reason": "成功"}
            | services[form["RequestType"]](Call(world, account, data))
        )
    except Refusal as refusal:
        exchange.note(refusal.code)
        return own | {"Success": False, "ResultCode": refusal.code, "Reason": refusal.reason, **refusal.more}


async def handle(world: World, services: Services, request: web.Request) -> web.Response:
    """Serve one call; its name in journal and faults is the request type."""
    raw = await request.read()
    pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    form = dict(pairs) if request.content_type == "application/x-www-form-urlencoded" else {}
    name = form.get("RequestType", "")

    async def run(exchange: Exchange) -> web.Response:
        body = json.dumps(_run(world, services, form, exchange), ensure_ascii=False)
        return web.Response(text=body, content_type="application/json", charset="utf-8")

    return await serve(world, "kdniao", name if name in services else "unknown", request, run)
