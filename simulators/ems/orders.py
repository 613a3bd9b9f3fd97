"""Orders as EMS keeps them, and the calls that make, cancel, price and check them.

Called by the gateway with decrypted content. Keeps no names or addresses.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Any, cast

from simulators.config import EMSCustomer
from simulators.core import World
from simulators.ems.envelope import Refusal

Order = dict[str, Any]
_BEYOND_REACH = "超范围"
_PRODUCTS = ("1", "2", "3", "9", "10", "11")
_LINE = re.compile(
    r"(.{2,8}?(?:省|自治区)|(?:北京|天津|上海|重庆)市)?(.{2,8}?(?:市|自治州|地区|盟))?(.{1,9}?(?:县|区|市|旗))?(.*)"
)
_BASE_FEN, _STEP_FEN, _STEP_GRAMS = 2000, 600, 500


@dataclass(frozen=True)
class Call:
    """One verified call: who asks, and the parsed content."""

    world: World
    customer: EMSCustomer
    data: Any

    @property
    def fields(self) -> dict[str, Any]:
        """The content as an object. Raises: Refusal."""
        if not isinstance(self.data, dict):
            raise Refusal("B00001", "报文格式不正确")
        return self.data


def orders(world: World) -> dict[str, Order]:
    """Return all orders by logisticsOrderNo; call `world.state.touch` after a change."""
    return cast(dict[str, Order], world.state.table("ems", "orders"))


def of_waybill(call: Call, waybill_no: Any) -> Order | None:
    """Return the customer's order with a waybill number."""
    number = call.world.state.table("ems", "waybills").get(str(waybill_no), "")
    order = orders(call.world).get(number)
    return order if order and order["sender_no"] == call.customer.sender_no else None


def _own(call: Call) -> Order:
    order = orders(call.world).get(str(call.fields.get("logisticsOrderNo", "")))
    if order is None or order["sender_no"] != call.customer.sender_no:
        raise Refusal("B00010", "订单不存在")
    if call.fields.get("waybillNo") not in (None, "", order["waybill_no"]):
        raise Refusal("B00011", "订单号与运单号不匹配")
    return order


def _check_contact(contact: Any, side: str) -> None:
    row = contact if isinstance(contact, dict) else {}
    for field, chinese in (("name", "姓名"), ("prov", "省"), ("city", "市"), ("address", "详细地址")):
        if not isinstance(row.get(field), str) or not row[field].strip():
            raise Refusal("B00002", f"{side}{chinese}不能为空")
    if not (row.get("mobile") or row.get("phone")):
        raise Refusal("B00002", f"{side}电话不能为空")
    if len(row["name"]) > 50 or len(row["address"]) > 200:
        raise Refusal("B00003", f"{side}字段超长")
    if _BEYOND_REACH in row["address"]:
        raise Refusal("B00004", f"{side}地址超出服务范围")


def _new(call: Call) -> dict[str, Any]:
    listed = call.data
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], dict):
        raise Refusal("B00001", "报文格式不正确")
    row: dict[str, Any] = listed[0]
    number, user = row.get("logisticsOrderNo"), row.get("ecommerceUserId")
    if not isinstance(number, str) or not 0 < len(number) <= 50 or not isinstance(user, str) or not 0 < len(user) < 50:
        raise Refusal("B00002", "物流订单号或电商客户标识不正确")
    if str(row.get("bizProductNo")) not in _PRODUCTS or str(row.get("contentsAttribute")) not in ("1", "3"):
        raise Refusal("B00005", "业务产品或内件性质不正确")
    cargos = row.get("cargos")
    if not isinstance(cargos, list) or not all(isinstance(each, dict) and each.get("cargoName") for each in cargos):
        raise Refusal("B00002", "内件名称不能为空")
    _check_contact(row.get("sender"), "寄件人")
    _check_contact(row.get("receiver"), "收件人")
    return row


def create(call: Call) -> dict[str, Any]:
    """Take an order; one logisticsOrderNo is one order, so a repeat gives the first waybill again (unconfirmed).

    Source: 协议客户开放平台 订单接入 020003. Raises: Refusal.
    """
    row = _new(call)
    number = row["logisticsOrderNo"]
    found = orders(call.world).get(number)
    if found is None:
        found = {
            "order_id": number,
            "sender_no": call.customer.sender_no,
            "waybill_no": f"11{secrets.randbelow(10**11):011d}",
            "status": "CREATED",
            "product": str(row["bizProductNo"]),
            "content": str(row["contentsAttribute"]),
            "payment_mode": str(row.get("paymentMode", "")),
            "weight_grams": int(row.get("weight") or 0),
            "created_at": call.world.clock.timestamp(),
            "routes": [],
        }
        orders(call.world)[number] = found
        call.world.state.table("ems", "waybills")[found["waybill_no"]] = number
        call.world.state.touch()
    elif found["sender_no"] != call.customer.sender_no:
        raise Refusal("B00006", "物流订单号已被使用")
    return {"logisticsOrderNo": number, "waybillNo": found["waybill_no"]}


def cancel(call: Call) -> Order:
    """Withdraw an order; a collected or withdrawn one is refused.

    Source: 协议客户开放平台 订单取消 020006. Raises: Refusal.
    """
    order = _own(call)
    if order["status"] == "CANCELLED":
        raise Refusal("B00012", "订单已取消")
    if order["routes"]:
        raise Refusal("B00013", "邮件已收寄，不能取消")
    order["status"] = "CANCELLED"
    call.world.state.touch()
    return order


def freight(call: Call) -> dict[str, Any]:
    """Report waybill and, once collected, charge and weight. Source: public clients' 050001. Raises: Refusal."""
    order = _own(call)
    answer = {"logisticsOrderNo": order["order_id"], "waybillNo": order["waybill_no"]}
    if order["routes"]:
        weight = order["weight_grams"] or 200
        answer |= {"postageTotal": _yuan(weight), "realWeight": str(weight)}
    return answer


def estimate(call: Call) -> dict[str, Any]:
    """Price a parcel. Source: 协议客户开放平台 预估邮费 050005. Raises: Refusal."""
    weight = str(call.fields.get("weight", ""))
    if not weight.isdecimal() or len(weight) > 7 or not call.fields.get("senderInfo"):
        raise Refusal("B00002", "重量或寄件地址不正确")
    if not call.fields.get("receiveInfo"):
        raise Refusal("B00002", "收件地址不能为空")
    return {"totalFee": _yuan(int(weight)), "realFee": _yuan(int(weight)), "standardFee": _yuan(int(weight))}


def parse(call: Call) -> list[dict[str, Any]]:
    """Take lines apart. Source: 协议客户开放平台 地址解析 060001. Raises: Refusal."""
    rows = call.data if isinstance(call.data, list) else []
    lines = [str(row.get("wholeAddress") or "") for row in rows if isinstance(row, dict)]
    if not all(lines) or not lines:
        raise Refusal("B00002", "wholeAddress 不能为空")
    parsed = []
    for line in lines:
        found = _LINE.match(line)
        prov, city, county, street = found.groups("") if found else ("", "", "", line)
        if not prov and "太原" in city:
            prov = "山西省"
        parsed.append({"wholeAddress": line, "prov": prov, "city": city, "county": county, "address": street})
    return parsed


def reach(call: Call) -> dict[str, Any]:
    """Say whether an address is served. Source: 可达校验 060002 (fields unconfirmed). Raises: Refusal."""
    line = call.fields.get("wholeAddress")
    if not isinstance(line, str) or not line:
        raise Refusal("B00002", "地址不能为空")
    return {"status": "1" if _BEYOND_REACH in line else "0"}


def _yuan(weight_grams: int) -> str:
    steps = max(0, -(-(weight_grams - _STEP_GRAMS) // _STEP_GRAMS))
    fen = _BASE_FEN + _STEP_FEN * steps
    return f"{fen // 100}.{fen % 100:02d}"
