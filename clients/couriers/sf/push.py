"""Reads SF's pushes: nodes of roads as JSON or as XML in a form (路由推送), and states of orders (订单状态推送).

The callback door calls it after checking the address's secret token. SF signs nothing here: the caller must also check
that order and waybill are ours, and ask SF before closing a delivery.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from app import clock
from app.errors import CallbackRejected
from clients.couriers.sf.types import SfOrderState, SfPush, SfRouteEvent

_MOST_EVENTS = 100
_MOST_BYTES = 512 * 1024
_LONGEST_NUMBER = 40
_ANSWERS = {
    ("route", True): '{"return_code":"0000","return_msg":"成功"}',
    ("route", False): '{"return_code":"1000","return_msg":"失败"}',
    ("state", True): '{"success":"true","code":"0","msg":""}',
    ("state", False): '{"success":"false","code":"1","msg":"失败"}',
    ("xml", True): '<Response service="RoutePushService"><Head>OK</Head></Response>',
    ("xml", False): '<Response service="RoutePushService"><Head>ERR</Head><ERROR code="4001">失败</ERROR></Response>',
}


def acknowledgement(raw: bytes, *, accepted: bool) -> bytes:
    """Return the answer to a push in its own form; `accepted` stops SF from sending it again.

    Source: 丰桥 路由推送接口 RoutePushService and 订单状态推送接口, 响应参数 (the latter's form is unconfirmed).
    """
    is_state = b'"orderState"' in raw[:_MOST_BYTES]
    kind = "xml" if raw.startswith(b"content=") else "state" if is_state else "route"
    return _ANSWERS[kind, accepted].encode()


def read_push(raw: bytes) -> SfPush:
    """Read one push in the order given.

    Raises: CallbackRejected when the body is not of any of the three shapes.
    Source: 丰桥 路由推送接口 RoutePushService (JSON and XML), 订单状态推送接口.
    """
    try:
        if len(raw) > _MOST_BYTES:
            raise ValueError("larger than any push")
        if raw.startswith(b"content="):
            return SfPush(routes=tuple(_node(each) for each in _from_xml(raw)))
        body = json.loads(raw)
        if "orderState" in body:
            return SfPush(states=tuple(_state(each) for each in _listed(body["orderState"])))
        return SfPush(routes=tuple(_node(each) for each in _listed(body["Body"]["WaybillRoute"])))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ElementTree.ParseError):
        raise CallbackRejected(provider="sf", reason="shape") from None


def _from_xml(raw: bytes) -> list[Mapping[str, Any]]:
    text = dict(parse_qsl(raw.decode(), strict_parsing=True, max_num_fields=10))["content"]
    if "<!" in text:
        raise ValueError("a push declares no types or entities")
    return _listed([node.attrib for node in ElementTree.fromstring(text).iter("WaybillRoute")])


def _listed(found: Any) -> list[Any]:
    listed = [found] if isinstance(found, dict) else found
    if not isinstance(listed, list) or not 0 < len(listed) <= _MOST_EVENTS:
        raise ValueError("no list of at most 100 events")
    return listed


def _node(node: Mapping[str, Any]) -> SfRouteEvent:
    return SfRouteEvent(
        event_id=_text(node, "id"),
        order_id=_text(node, "orderid"),
        waybill_no=_number(node, "mailno"),
        op_code=_needed(node, "opCode"),
        happened_at=clock.from_beijing(_needed(node, "acceptTime")),
        place=_text(node, "acceptAddress"),
        remark=_text(node, "remark"),
        reason_code=_text(node, "reasonCode"),
        reason_name=_text(node, "reasonName"),
    )


def _state(state: Mapping[str, Any]) -> SfOrderState:
    return SfOrderState(
        order_id=_needed(state, "orderNo"),
        waybill_no=_text(state, "waybillNo"),
        state_code=_needed(state, "orderStateCode"),
        happened_at=clock.from_beijing(_needed(state, "lastTime")),
        description=_text(state, "orderStateDesc"),
        courier_phone=_text(state, "empPhone"),
    )


def _number(node: Mapping[str, Any], name: str) -> str:
    number = _needed(node, name)
    if not 0 < len(number) <= _LONGEST_NUMBER:
        raise ValueError("not a waybill number")
    return number


def _text(node: Mapping[str, Any], name: str) -> str:
    return "" if node.get(name) is None else _needed(node, name)


def _needed(node: Mapping[str, Any], name: str) -> str:
    text = str(node[name])
    if "\x00" in text or text != text.encode("utf-8", "ignore").decode():
        raise ValueError("NUL or half a character in a text")
    return text
