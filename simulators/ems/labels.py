"""The labels (电子面单) of EMS: a page of text as PDF, or its address. Used by the EMS simulator only."""

import base64

from simulators.ems.envelope import Refusal
from simulators.ems.orders import Call, of_waybill
from simulators.fiscal.pdf import document

_TYPES = ("129", "149", "179")


def draw(waybill_no: str) -> bytes:
    """Draw the label of a waybill."""
    return document(["中国邮政 特快专递", waybill_no, "内件：文件"])


def label(call: Call) -> str:
    """Return the label: its address with getURL 1, else Base64 of the PDF.

    Source: 协议客户开放平台 面单查询 010004. Raises: Refusal.
    """
    order = of_waybill(call, call.fields.get("waybillNo", ""))
    if order is None or order["status"] == "CANCELLED":
        raise Refusal("B00010", "运单不存在")
    if str(call.fields.get("type")) not in _TYPES:
        raise Refusal("B00002", "面单类型不正确")
    if str(call.fields.get("getURL")) == "1":
        return f"{call.world.addresses['ems']}/labels/{order['waybill_no']}.pdf"
    return base64.b64encode(draw(order["waybill_no"])).decode()
