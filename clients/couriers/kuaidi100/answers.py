"""Reads 快递100's answers. The client and the push reader call it; nothing here talks to 快递100."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.errors import ProviderProtocolError
from clients.couriers.kuaidi100 import values
from clients.couriers.kuaidi100.codes import Family, failure
from clients.couriers.kuaidi100.types import OrderState, PlacedOrder, Quote

_FINE = "200"


def answer(raw: bytes, family: Family, call: str, *, fine: tuple[str, ...] = (_FINE,)) -> dict[str, Any]:
    """Return the answer of a call that succeeded.

    Raises: ProviderRejected, ProviderUnavailable (by the code tables), ProviderProtocolError.
    Source: 快递100, 返回结果 (result, returnCode, message); a track names the code status.
    """
    try:
        fields = values.parse_json(raw)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise ProviderProtocolError(provider="kuaidi100", call=call, reason="unreadable")
    code = values.text(fields, "returnCode", "status")
    refused = fields.get("result") is False
    if code in fine and (not refused or code != _FINE):
        return fields
    if not code or code == _FINE:
        raise ProviderProtocolError(provider="kuaidi100", call=call, reason="no_result_code")
    raise failure(family, call, code, values.text(fields, "message"))


def placed_order(fields: Mapping[str, Any]) -> PlacedOrder:
    """Read the answer to an order. Raises ValueError."""
    data = _data(fields)
    return PlacedOrder(
        task_id=_needed(data, "taskId"),
        order_id=_needed(data, "orderId"),
        waybill_no=values.waybill_no(data, "kuaidinum", "kuaidiNum"),
    )


def order_state(data: Mapping[str, Any], around: Mapping[str, Any]) -> OrderState:
    """Read what 快递100 knows of an order; number and company stand in `data` or around it. Raises ValueError."""
    both = {**around, **data}
    return OrderState(
        task_id=values.text(data, "taskId"),
        order_id=_needed(data, "orderId"),
        carrier=values.carrier(both, "kuaidicom", "kuaidiCom"),
        waybill_no=values.waybill_no(both, "kuaidinum", "kuaidiNum"),
        status=_needed(data, "status"),
        courier_mobile=values.phone(data, "courierMobile"),
        freight_fen=values.fen(data, "freight"),
        weight_grams=values.grams(data, "weight"),
    )


def order_detail(fields: Mapping[str, Any]) -> OrderState:
    """Read the answer to a question about an order. Raises ValueError."""
    return order_state(_data(fields), {})


def quotes(fields: Mapping[str, Any]) -> tuple[Quote, ...]:
    """Read prices, one for each service; the discounted one counts. Raises ValueError."""
    found = []
    for row in values.objects(fields, "data"):
        price_fen = values.fen(row, "price", "defPrice")
        if price_fen is not None and price_fen >= 0:
            found.append(Quote(values.text(row, "serviceType", "expressType"), price_fen))
    return tuple(found)


def label_source(fields: Mapping[str, Any]) -> str:
    """Return where a label is to be fetched, or the label itself in Base64. Raises ValueError."""
    return _needed(_data(fields), "label")


def guesses(raw: bytes) -> tuple[str, ...]:
    """Read the companies that a number may belong to, likeliest first. Raises ValueError."""
    listed = values.parse_json(raw)
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else None
    if rows is None:
        raise ValueError("not a list")
    found = [values.carrier(row, "comCode", "com") for row in rows]
    return tuple(code for code in dict.fromkeys(found) if code)


def _data(fields: Mapping[str, Any]) -> dict[str, Any]:
    found = fields.get("data")
    if not isinstance(found, dict):
        raise ValueError("no data")
    return found


def _needed(fields: Mapping[str, Any], name: str) -> str:
    found = values.text(fields, name)
    if not found:
        raise ValueError(f"{name} is missing")
    return found
