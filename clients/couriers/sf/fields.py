"""What goes into 丰桥's calls: orders, contacts, addresses, times. SfClient uses it; it prints nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app import clock
from clients.couriers.sf.types import SfContact, SfOrder


def beijing(moment: datetime) -> str:
    """Print a moment as SF reads it."""
    return clock.to_beijing(moment).strftime("%Y-%m-%d %H:%M:%S")


def order_fields(order: SfOrder, monthly_card: str) -> dict[str, Any]:
    """Write an order. Source: 丰桥 下订单接口 EXP_RECE_CREATE_ORDER, 请求参数."""
    fields: dict[str, Any] = {
        "language": "zh-CN",
        "orderId": order.order_id,
        "cargoDetails": [{"name": order.cargo_name, "count": 1, "unit": "份"}],
        "contactInfoList": [contact_fields(1, order.sender), contact_fields(2, order.receiver)],
        "payMethod": int(order.pay_method),
        "expressTypeId": order.express_type_id,
        "parcelQty": 1,
        "isDocall": int(order.send_courier),
        "isSignBack": 0,
        "isReturnRoutelabel": 1,
        "remark": order.remark,
    }
    if order.on_account:
        fields["monthlyCard"] = monthly_card
    if order.weight_kg:
        fields["totalWeight"] = order.weight_kg
    if order.pick_up_at is not None:
        fields["sendStartTm"] = beijing(order.pick_up_at)
    if order.id_number_tail:
        fields["specialDeliveryTypeCode"] = "1"
        fields["specialDeliveryValue"] = f"1:{order.id_number_tail}"
    return fields


def contact_fields(contact_type: int, contact: SfContact) -> dict[str, Any]:
    """Sender (1) or receiver (2)."""
    return {
        "contactType": contact_type,
        "contact": contact.name,
        "mobile": contact.mobile,
        "country": "CN",
        "province": contact.province,
        "city": contact.city,
        "county": contact.county,
        "address": contact.address,
    }


def place_fields(contact: SfContact) -> dict[str, str]:
    """An address where a price is asked for."""
    return {
        "province": contact.province,
        "city": contact.city,
        "district": contact.county,
        "address": f"{contact.province}{contact.city}{contact.county}{contact.address}",
    }
