"""Reads 丰桥's two-layer answers and the values in them. The client calls it; nothing here talks to SF."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app import clock
from app.errors import ProviderProtocolError
from app.money import parse_yuan
from clients.couriers.sf.codes import failure
from clients.couriers.sf.types import FilterResult, SfEstimate, SfPlacedOrder, SfRouteEvent

_TRANSPORT_FINE = "A1000"
_SERVICE_FINE = "S0000"
_MAIN, _SIGN_BACK = "1", "3"


def msg_data(raw: bytes, service_code: str) -> dict[str, Any]:
    """Return the inner msgData of a success.

    Raises: ProviderRejected, ProviderUnavailable (by the code table), ProviderProtocolError.
    Source: 丰桥 API 对接规范, 公共响应参数 (apiResultCode, then success and errorCode).
    """
    outer = _object(raw, service_code)
    if _text(outer, "apiResultCode") != _TRANSPORT_FINE:
        _require_code(outer, "apiResultCode", service_code)
        raise failure(service_code, _text(outer, "apiResultCode"), _text(outer, "apiErrorMsg"))
    inner = _object(outer.get("apiResultData"), service_code)
    if inner.get("success") is not True or _text(inner, "errorCode") != _SERVICE_FINE:
        _require_code(inner, "errorCode", service_code)
        raise failure(service_code, _text(inner, "errorCode"), _text(inner, "errorMsg"))
    return _object(inner.get("msgData") or {}, service_code)


def placed_order(data: Mapping[str, Any]) -> SfPlacedOrder:
    """Read the answer to a create or search call. Raises ValueError."""
    waybills = {_text(each, "waybillType"): _text(each, "waybillNo") for each in _objects(data, "waybillNoInfoList")}
    # A search for the way back (searchType 2) carries no filter result; with a waybill the answer is "served".
    result = data.get("filterResult") or (FilterResult.SERVED if _MAIN in waybills else FilterResult.MANUAL_CHECK)
    return SfPlacedOrder(
        order_id=_text(data, "orderId"),
        waybill_no=waybills.get(_MAIN, ""),
        sign_back_waybill_no=waybills.get(_SIGN_BACK, ""),
        filter_result=FilterResult(int(result)),
        remark=_text(data, "remark"),
    )


def queried_routes(data: Mapping[str, Any]) -> tuple[SfRouteEvent, ...]:
    """Read the answer to a routes query. Raises ValueError."""
    return tuple(
        SfRouteEvent(
            event_id="",
            order_id="",
            waybill_no=_text(parcel, "mailNo"),
            op_code=_text(node, "opCode"),
            happened_at=clock.from_beijing(_text(node, "acceptTime")),
            place=_text(node, "acceptAddress"),
            remark=_text(node, "remark"),
        )
        for parcel in _objects(data, "routeResps")
        for node in _objects(parcel, "routes")
    )


def estimates(data: Mapping[str, Any]) -> tuple[SfEstimate, ...]:
    """Read the answer to a time and price query. Raises ValueError."""
    return tuple(
        SfEstimate(
            business_type=_text(row, "businessType"),
            name=_text(row, "businessTypeDesc"),
            arrives_at=_latest(_text(row, "deliverTime")),
            fee_fen=parse_yuan(_text(row, "fee")) if _text(row, "fee") else None,
        )
        for row in _objects(data, "deliverTmDto")
    )


def _latest(span: str) -> datetime | None:
    # "earliest,latest": only the later end is a promise.
    last = span.rpartition(",")[2].strip()
    return clock.from_beijing(last) if last else None


def _object(source: Any, service_code: str) -> dict[str, Any]:
    """Return an object that may come as JSON text; prices stay texts so that no float touches money."""
    try:
        parsed = json.loads(source, parse_float=str) if isinstance(source, bytes | str) else source
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ProviderProtocolError(provider="sf", call=service_code, reason="unreadable")
    return parsed


def _require_code(layer: Mapping[str, Any], name: str, service_code: str) -> None:
    code = _text(layer, name)
    if not code or code == _SERVICE_FINE:
        raise ProviderProtocolError(provider="sf", call=service_code, reason="no_result_code")


def _objects(fields: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    listed = fields.get(name)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value)
