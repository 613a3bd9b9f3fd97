"""Reads SF's route pushes (路由推送). The callback door calls it after checking the address's secret token.

SF signs nothing here: the caller must also check that order and waybill are ours, and ask SF before closing a delivery.
The console must be set to JSON pushes.
"""

from __future__ import annotations

import json
from typing import Any

from app import clock
from app.errors import CallbackRejected
from clients.couriers.sf.types import SfRouteEvent

_MOST_EVENTS = 100

ACCEPTED = '{"return_code":"0000","return_msg":"成功"}'.encode()
REFUSED = '{"return_code":"1000","return_msg":"失败"}'.encode()


def read_route_push(raw: bytes) -> tuple[SfRouteEvent, ...]:
    """Read the events of one push in the order given; `event_id` makes a repeated one recognisable.

    Raises: CallbackRejected when the body is not of this shape.
    Source: 丰桥 路由推送接口 RoutePushService (JSON).
    """
    try:
        listed = json.loads(raw)["Body"]["WaybillRoute"]
        if not isinstance(listed, list) or len(listed) > _MOST_EVENTS:
            raise ValueError("WaybillRoute is no list of at most 100 events")
        return tuple(_event(each) for each in listed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CallbackRejected(provider="sf", reason="shape") from None


def _event(node: dict[str, Any]) -> SfRouteEvent:
    return SfRouteEvent(
        event_id=_text(node, "id"),
        order_id=_text(node, "orderid"),
        waybill_no=_needed(node, "mailno"),
        op_code=_needed(node, "opCode"),
        happened_at=clock.from_beijing(_needed(node, "acceptTime")),
        place=_text(node, "acceptAddress"),
        remark=_text(node, "remark"),
        reason_code=_text(node, "reasonCode"),
        reason_name=_text(node, "reasonName"),
    )


def _text(node: dict[str, Any], name: str) -> str:
    return "" if node.get(name) is None else _needed(node, name)


def _needed(node: dict[str, Any], name: str) -> str:
    text = str(node[name])
    if "\x00" in text:
        raise ValueError("NUL in a text")
    return text
