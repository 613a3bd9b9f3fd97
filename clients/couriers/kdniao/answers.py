"""Reads 快递鸟's answers and the roads in answers and pushes. Client and push reader call it; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app import clock
from app.errors import ProviderProtocolError
from clients.couriers.kdniao.codes import DONE_BEFORE, FINE, failure
from clients.couriers.kdniao.types import KdniaoPlacedOrder, KdniaoTrace, KdniaoTrack

_MOST_TRACES = 500


def success(raw: bytes, call: str, business_id: str) -> dict[str, Any]:
    """Return the fields of a success; an order that was placed before is one.

    Raises: ProviderRejected, ProviderUnavailable (by the table of codes), ProviderProtocolError.
    Source: 快递鸟 接口技术文档, 返回参数 (Success, ResultCode, Reason).
    """
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("Success"), bool):
        raise ProviderProtocolError(provider="kdniao", call=call, reason="unreadable")
    if text(answer, "EBusinessID") not in ("", business_id):
        raise ProviderProtocolError(provider="kdniao", call=call, reason="another_account")
    code = text(answer, "ResultCode")
    if code != DONE_BEFORE and (not answer["Success"] or code not in ("", FINE)):
        raise failure(call, code, text(answer, "Reason"))
    return answer


def placed_order(answer: Mapping[str, Any], call: str, order_code: str) -> KdniaoPlacedOrder:
    """Read the answer to an order. Raises: ProviderProtocolError when it is about another one."""
    order = answer.get("Order")
    if not isinstance(order, dict) or text(order, "OrderCode") != order_code:
        raise ProviderProtocolError(provider="kdniao", call=call, reason="another_order")
    return KdniaoPlacedOrder(
        order_code=order_code,
        shipper_code=text(order, "ShipperCode"),
        waybill_no=text(order, "LogisticCode"),
        kdn_order_code=text(order, "KDNOrderCode"),
        mark_destination=text(order, "MarkDestination"),
    )


def track(fields: Mapping[str, Any]) -> KdniaoTrack:
    """Read a road, oldest event first. Raises ValueError, KeyError, TypeError."""
    listed = fields.get("Traces") or []
    if not isinstance(listed, list) or len(listed) > _MOST_TRACES:
        raise ValueError("Traces is no list of a possible length")
    return KdniaoTrack(
        order_code=text(fields, "OrderCode"),
        callback=text(fields, "Callback") or text(fields, "CallBack"),
        shipper_code=text(fields, "ShipperCode"),
        waybill_no=text(fields, "LogisticCode"),
        state=text(fields, "StateEx") or text(fields, "State"),
        traces=tuple(sorted((_trace(each) for each in listed), key=lambda each: each.accepted_at)),
        courier_phone=text(fields, "DeliveryManTel"),
    )


def _trace(row: Mapping[str, Any]) -> KdniaoTrace:
    return KdniaoTrace(
        accepted_at=clock.from_beijing(text(row, "AcceptTime")),
        station=text(row, "AcceptStation"),
        location=text(row, "Location"),
        action=text(row, "Action"),
    )


def text(fields: Mapping[str, Any], name: str) -> str:
    """Return a field as text. Raises ValueError for what no database keeps."""
    value = fields.get(name)
    found = "" if value is None else str(value)
    if "\x00" in found or found != found.encode("utf-8", "ignore").decode():
        raise ValueError("NUL or half a character in a text")
    return found
