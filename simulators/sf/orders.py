"""Orders as SF keeps them, and the services that make, find, cancel and price them.

Called by the gateway with verified content. Keeps no names or addresses, only the tails of phone numbers.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from simulators.clock import BEIJING
from simulators.config import SFPartner
from simulators.core import World
from simulators.sf.envelope import ServiceRefusal

Order = dict[str, Any]
_CONTACT_FIELDS = (("address", "地址"), ("contact", "联系人"), ("mobile", "电话"))
_CONTACT_KINDS = {1: (1010, "寄件"), 2: (1014, "到件")}
_BEYOND_REACH = "超范围"
_MANUAL_CHECK = "人工筛单"
_PRICES_YUAN = {1: ("顺丰特快", 23.0, 1), 2: ("顺丰标快", 18.0, 2)}


@dataclass(frozen=True)
class Call:
    """One verified call: who asks, and the parsed msgData."""

    world: World
    partner: SFPartner
    data: dict[str, Any]


def orders(world: World) -> dict[str, Order]:
    """Return all orders by orderId; call `world.state.touch` after a change."""
    return cast(dict[str, Order], world.state.table("sf", "orders"))


def new_waybill_no() -> str:
    """Make a waybill number: SF and 13 digits."""
    return f"SF{secrets.randbelow(10**13):013d}"


def find_order(call: Call) -> Order:
    """Return the partner's order named by orderId. Raises: ServiceRefusal 6150."""
    order = orders(call.world).get(str(call.data.get("orderId", "")))
    if not order or order["partner_id"] != call.partner.partner_id:
        raise ServiceRefusal("6150", "找不到该订单")
    return order


def filter_result(contacts: dict[int, dict[str, Any]]) -> tuple[int, str]:
    """Say whether both addresses are served: 2 yes, 1 manual check, 3 no; the remark is 1 sender, 2 receiver, 3 other.

    Marker words in an address choose the outcome, so that a test can ask for each.
    """
    for kind, contact in sorted(contacts.items()):
        if _BEYOND_REACH in str(contact["address"]):
            return 3, str(kind)
    needs_check = any(_MANUAL_CHECK in str(contact["address"]) for contact in contacts.values())
    return (1, "3") if needs_check else (2, "")


def _contacts(data: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return sender (1) and receiver (2). Raises: ServiceRefusal."""
    listed = data.get("contactInfoList") or data.get("contactInfos")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    contacts = {int(row["contactType"]): row for row in rows if str(row.get("contactType")) in ("1", "2")}
    for kind, (first_code, side) in _CONTACT_KINDS.items():
        row = contacts.get(kind, {})
        for offset, (field, chinese) in enumerate(_CONTACT_FIELDS):
            if not row.get(field) and not (field == "mobile" and row.get("tel")):
                raise ServiceRefusal(str(first_code + offset), f"{side}{chinese}不能为空")
    return contacts


def _check_goods(call: Call) -> None:
    cargo = call.data.get("cargoDetails")
    if not isinstance(cargo, list) or not cargo or not all(isinstance(c, dict) and c.get("name") for c in cargo):
        raise ServiceRefusal("1023", "托寄物品名不能为空")
    card = call.data.get("monthlyCard")
    if card and card != call.partner.monthly_card:
        raise ServiceRefusal("8119", "月结卡号不存在或已失效")
    if call.data.get("payMethod", 1) not in (1, 2, 3):
        raise ServiceRefusal("8057", "付款方式不正确")
    if call.data.get("expressTypeId", 1) not in _PRICES_YUAN:
        raise ServiceRefusal("20036", "不支持的快件产品类型")


def _waybills(order: Order) -> list[dict[str, Any]]:
    numbers = [{"waybillType": 1, "waybillNo": order["waybill_no"]}]
    numbers += [{"waybillType": 2, "waybillNo": number} for number in order["children"]]
    if order["sign_back_no"]:
        numbers.append({"waybillType": 3, "waybillNo": order["sign_back_no"]})
    return numbers


def _tail(contact: dict[str, Any]) -> str:
    return str(contact.get("mobile") or contact.get("tel"))[-4:]


def create(call: Call) -> dict[str, Any]:
    """Take an order. A repeated orderId is refused with 8016, whatever its content.

    Source: 丰桥 下订单接口 EXP_RECE_CREATE_ORDER. Raises: ServiceRefusal.
    """
    order_id = call.data.get("orderId")
    if not isinstance(order_id, str) or not 0 < len(order_id) <= 64:
        raise ServiceRefusal("8018", "客户订单号不正确")
    if order_id in orders(call.world):
        raise ServiceRefusal("8016", "重复下单")
    contacts = _contacts(call.data)
    _check_goods(call)
    if not _is_open(str(call.data.get("sendStartTm") or "")):
        raise ServiceRefusal("8096", "超过揽收服务时间")
    result, remark = filter_result(contacts)
    parcels = max(1, int(call.data.get("parcelQty") or 1))
    order: Order = {
        "order_id": order_id,
        "partner_id": call.partner.partner_id,
        "waybill_no": new_waybill_no() if result == 2 else "",
        "children": [new_waybill_no() for _ in range(min(parcels, 300) - 1)],
        "sign_back_no": new_waybill_no() if str(call.data.get("isSignBack")) == "1" else "",
        "return_waybill_no": "",
        "status": "CREATED",
        "filter_result": result,
        "phone_tails": [_tail(contacts[1]), _tail(contacts[2])],
        "created_at": call.world.clock.timestamp(),
        "routes": [],
        "followers": [call.partner.partner_id],
        "pay_method": call.data.get("payMethod", 1),
        "on_account": bool(call.data.get("monthlyCard")),
        "in_person": call.data.get("specialDeliveryTypeCode") == "1",
    }
    orders(call.world)[order_id] = order
    call.world.state.table("sf", "waybills")[order["waybill_no"]] = order_id
    call.world.state.touch()
    return _order_answer(order) | {"remark": remark}


def _order_answer(order: Order) -> dict[str, Any]:
    return {
        "orderId": order["order_id"],
        "originCode": "351",
        "destCode": "352",
        "filterResult": order["filter_result"],
        "waybillNoInfoList": _waybills(order) if order["waybill_no"] else [],
        "routeLabelInfo": [
            {
                "code": "1000",
                "routeLabelData": {"waybillNo": order["waybill_no"], "destRouteLabel": "352WB-A1"},
                "message": "SF",
            }
        ],
    }


def search(call: Call) -> dict[str, Any]:
    """Report an order; searchType 2 asks for the waybill of its way back.

    Source: 丰桥 订单结果查询接口 EXP_RECE_SEARCH_ORDER_RESP. Raises: ServiceRefusal.
    """
    order = find_order(call)
    if str(call.data.get("searchType", "1")) == "2":
        if not order["return_waybill_no"]:
            raise ServiceRefusal("6150", "找不到该订单")
        return {
            "orderId": order["order_id"],
            "waybillNoInfoList": [{"waybillType": 1, "waybillNo": order["return_waybill_no"]}],
        }
    return _order_answer(order)


def update(call: Call) -> dict[str, Any]:
    """Confirm (dealType 1) or cancel (2) an order; a collected parcel cannot be cancelled.

    Source: 丰桥 订单确认/取消接口 EXP_RECE_UPDATE_ORDER; the code for a collected parcel is unconfirmed.
    Raises: ServiceRefusal.
    """
    order, deal = find_order(call), str(call.data.get("dealType", "1"))
    if order["status"] == "CANCELLED":
        raise ServiceRefusal("8037", "已消单")
    if deal == "2":
        if order["routes"]:
            raise ServiceRefusal("8253", "快件已收取，不能消单")
        order["status"] = "CANCELLED"
    elif deal == "1":
        if order["status"] == "CONFIRMED":
            raise ServiceRefusal("8252", "订单已确认")
        order["status"] = "CONFIRMED"
    else:
        raise ServiceRefusal("S0007", "dealType 类型不正确")
    call.world.state.touch()
    return {"orderId": order["order_id"], "waybillNoInfoList": _waybills(order), "resStatus": 2, "extraInfoList": []}


def filter_order(call: Call) -> dict[str, Any]:
    """Say whether both addresses are served.

    Source: 丰桥 筛单接口 EXP_RECE_FILTER_ORDER_BSP. Raises: ServiceRefusal.
    """
    contacts = _contacts(call.data)
    result, remark = filter_result(contacts)
    return {"orderId": call.data.get("orderId", ""), "filterResult": result, "remark": remark}


def check_pickup_time(call: Call) -> dict[str, Any]:
    """Say whether somebody comes at a time: from eight in the morning to eight at night.

    Source: 丰桥 揽件服务时间校验接口 EXP_EXCE_CHECK_PICKUP_TIME (V1.1).
    """
    return {"status": _is_open(str(call.data.get("sendTime", ""))), "startTm": "08:00", "endTm": "20:00"}


def _is_open(wished: str) -> bool:
    if not wished:
        return True
    return 8 <= datetime.strptime(wished, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).hour < 20


def elsewhere(world: World, phone: str) -> Order:
    """Note a parcel that somebody else ordered; its order number is not ours."""
    order: Order = {
        "order_id": f"ELSE{secrets.randbelow(10**10):010d}",
        "partner_id": "",
        "waybill_no": new_waybill_no(),
        "children": [],
        "sign_back_no": "",
        "return_waybill_no": "",
        "status": "CREATED",
        "filter_result": 2,
        "phone_tails": [phone[-4:]],
        "created_at": world.clock.timestamp(),
        "routes": [],
        "followers": [],
    }
    orders(world)[order["order_id"]] = order
    world.state.table("sf", "waybills")[order["waybill_no"]] = order["order_id"]
    world.state.touch()
    return order


def delivery_time(call: Call) -> dict[str, Any]:
    """Predict arrival and price per product. Source: 丰桥 时效标准及价格查询接口 EXP_RECE_QUERY_DELIVERTM."""
    wanted = call.data.get("businessType")
    weight = max(1.0, float(call.data.get("weight") or 1))
    listed = []
    for product, (name, first_kilogram, days) in _PRICES_YUAN.items():
        if wanted and str(wanted) != str(product):
            continue
        arrival = (call.world.clock.beijing() + timedelta(days=days)).strftime("%Y-%m-%d 18:00:00")
        row = {"businessType": str(product), "businessTypeDesc": name, "deliverTime": f"{arrival},{arrival}"}
        if str(call.data.get("searchPrice", "0")) == "1":
            row["fee"] = f"{first_kilogram + 5 * (weight - 1):.1f}"
        listed.append(row)
    return {"deliverTmDto": listed}
