"""商家寄件 as 快递100 keeps it: orders, their cancelling, price and detail, and the callbacks about them.

Called by the gateway with verified content, and by the control API.
"""

import secrets
from typing import Any

from simulators.callbacks import Delivery
from simulators.core import World
from simulators.kuaidi100 import parcels, subscriptions
from simulators.kuaidi100.answers import Refusal, dumps, text
from simulators.kuaidi100.nodes import COURIER_PHONE
from simulators.kuaidi100.parcels import Parcel

_REMEMBERED_SECONDS = 48 * 3600
_BEYOND_REACH, _NUMBER_LATER = "超范围", "后补单号"
_PEOPLE = ("sendManName", "sendManMobile", "sendManPrintAddr", "recManName", "recManMobile", "recManPrintAddr")
_PRICES_YUAN = {"shunfeng": 18, "jd": 14, "ems": 20}
_COLLECTED = ("10", "101", "12", "13", "14")


def _check(data: dict[str, Any]) -> None:
    needed = ("kuaidicom", "callBackUrl", *_PEOPLE)
    missing = next((name for name in needed if not text(data, name)), "")
    if missing:
        raise Refusal("400", f"参数{missing}不能为空")
    carrier = text(data, "kuaidicom")
    if carrier not in parcels.CARRIERS or (carrier in ("jd", "yuantong") and not text(data, "cargo")):
        raise Refusal("400", "快递公司编码错误，或者物品名称不能为空")
    limits = {"sendManPrintAddr": 300, "recManPrintAddr": 300, "callBackUrl": 200, "salt": 100, "thirdOrderId": 32}
    long = next((name for name, most in limits.items() if len(text(data, name).encode("utf-8", "replace")) > most), "")
    if long:
        raise Refusal("400", f"参数{long}过长")
    if text(data, "payment") not in ("", "SHIPPER", "CONSIGNEE") or text(data, "dayType") not in (
        "",
        "今天",
        "明天",
        "后天",
    ):
        raise Refusal("400", "支付方式或者预约日期错误")
    if any(_BEYOND_REACH in text(data, name) for name in ("sendManPrintAddr", "recManPrintAddr")):
        raise Refusal("400", "该地址超出快递公司服务范围")


def place(world: World, data: dict[str, Any]) -> dict[str, Any]:
    """Take an order; the same thirdOrderId gives the first one back for 48 hours.

    Source: 快递100 商家寄件 bOrder. Raises: Refusal.
    """
    _check(data)
    third = text(data, "thirdOrderId")
    known = parcels.parcels(world).get(third)
    if known and known.get("task_id") and world.clock.timestamp() - known["created_at"] < _REMEMBERED_SECONDS:
        return _answer(known)
    carrier, task_id = text(data, "kuaidicom"), f"{secrets.randbits(128):032X}"
    number = "" if _NUMBER_LATER in text(data, "recManPrintAddr") else parcels.new_waybill_no(carrier)
    parcel = parcels.add(
        world,
        third or task_id,
        carrier,
        [text(data, name)[-4:] for name in ("sendManMobile", "recManMobile")],
        number,
        task_id=task_id,
        kd_order_id=f"2006{secrets.randbelow(10**8):08d}",
        status="0",
        weight=text(data, "weight") or "1",
        callback_url=text(data, "callBackUrl"),
        salt=data["salt"] if isinstance(data.get("salt"), str) else None,
        has_label=text(data, "returnType") == "20" and bool(text(data, "tempid")),
    )
    if text(data, "op") == "1" and number:
        track = {"callbackurl": text(data, "pollCallBackUrl"), "salt": data.get("salt")}
        subscriptions.follow(world, number, carrier, track)
    return _answer(parcel)


def _answer(parcel: Parcel) -> dict[str, Any]:
    return {"taskId": parcel["task_id"], "orderId": parcel["kd_order_id"], "kuaidinum": parcel["waybill_no"]}


def find(world: World, data: dict[str, Any]) -> Parcel:
    """Return the order named by taskId, or by thirdOrderId (unconfirmed). Raises: Refusal 400."""
    task_id, third = text(data, "taskId"), text(data, "thirdOrderId")
    known = [each for each in parcels.parcels(world).values() if each.get("task_id")]
    for parcel in known:
        if task_id == parcel["task_id"] or (not task_id and third == parcel["order_id"]):
            return parcel
    raise Refusal("400", "订单不存在")


def cancel(world: World, data: dict[str, Any]) -> None:
    """Withdraw an order before it is collected; the code of a refusal is unconfirmed. Raises: Refusal."""
    parcel = find(world, data)
    if text(data, "orderId") != parcel["kd_order_id"]:
        raise Refusal("400", "订单不存在")
    if parcel["status"] in _COLLECTED:
        raise Refusal("400", "快件已被揽收，不能取消")
    if parcel["status"] in ("9", "99"):
        raise Refusal("400", "订单已取消")
    tell(world, parcel, "9")


def price(world: World, data: dict[str, Any]) -> dict[str, Any]:
    """Price a parcel. Source: 快递100 商家寄件 price. Raises: Refusal."""
    carrier = text(data, "kuaidiCom")
    if carrier not in parcels.CARRIERS or not text(data, "sendManPrintAddr") or not text(data, "recManPrintAddr"):
        raise Refusal("400")
    try:
        kilograms = max(1.0, min(50.0, float(text(data, "weight") or 1)))
    except ValueError:
        raise Refusal("400", "重量格式错误") from None
    usual = _PRICES_YUAN.get(carrier, 10) + 3 * (kilograms - 1)
    return {
        "kuaidiCom": carrier,
        "serviceType": text(data, "serviceType") or "标准快递",
        "defPrice": f"{usual:.2f}",
        "price": f"{usual * 0.9:.2f}",
    }


def detail(world: World, data: dict[str, Any]) -> dict[str, Any]:
    """Report an order. Source: 快递100 商家寄件 detail; the names in the answer are unconfirmed. Raises: Refusal."""
    parcel = find(world, data)
    return {"taskId": parcel["task_id"], "kuaidicom": parcel["carrier"], **_state(parcel)}


def _state(parcel: Parcel) -> dict[str, Any]:
    called = parcel["status"] not in ("0", "9", "99", "610")
    courier = {"courierName": "王师傅", "courierMobile": COURIER_PHONE} if called else {}
    return {
        "orderId": parcel["kd_order_id"],
        "kuaidinum": parcel["waybill_no"],
        "status": int(parcel["status"]),
        "weight": parcel["weight"],
        **courier,
    }


def tell(world: World, parcel: Parcel, status: str, **more: str) -> list[Delivery]:
    """Set an order's status (15 and 155 only tell) and call back about it.

    Source: 快递100 商家寄件, 下单回调接口; taskId stands outside the signature.
    """
    if status not in ("15", "155"):
        parcel["status"] = status
    if not parcel["waybill_no"] and status in _COLLECTED:
        parcels.give_number(world, parcel, parcels.new_waybill_no(parcel["carrier"]))
    world.state.touch()
    content = {
        "kuaidicom": parcel["carrier"],
        "kuaidinum": parcel["waybill_no"],
        "status": "200",
        "message": "成功",
        "data": {**_state(parcel), "status": int(status), **more},
    }
    task = {"taskId": parcel["task_id"]}
    return [subscriptions.send(world, "callback", parcel["callback_url"], dumps(content), parcel["salt"], task)]
