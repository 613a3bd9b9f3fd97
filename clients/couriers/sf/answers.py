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
_MAIN, _CHILD, _SIGN_BACK = "1", "2", "3"


def msg_data(raw: bytes, service_code: str) -> dict[str, Any]:
    """Return the inner msgData of a success.

    Raises: ProviderRejected, ProviderUnavailable (by the code table), ProviderProtocolError.
    Source: 丰桥 API 对接规范, 公共响应参数 (apiResultCode, then success and errorCode).
    """
    inner = _inner(raw, service_code)
    if inner.get("success") is not True or _text(inner, "errorCode") != _SERVICE_FINE:
        _require_code(inner, "errorCode", service_code)
        raise failure(service_code, _text(inner, "errorCode"), _text(inner, "errorMsg"))
    found = inner.get("msgData")
    # Version 1.0 of the pick-up time service answers with a bare yes or no.
    return {"status": found} if isinstance(found, bool) else _object(found or {}, service_code)


def inner_data(raw: bytes, service_code: str) -> dict[str, Any]:
    """Return the inner layer of a success where the service puts its answer beside `success` (cloud printing).

    Raises: as `msg_data`.
    Source: 丰桥 云打印面单 2.0 接口 COM_RECE_CLOUD_PRINT_WAYBILLS, 响应参数.
    """
    inner = _inner(raw, service_code)
    if inner.get("success") is not True:
        _require_code(inner, "errorCode", service_code)
        raise failure(service_code, _text(inner, "errorCode"), _text(inner, "errorMessage") or _text(inner, "errorMsg"))
    return inner


def _inner(raw: bytes, service_code: str) -> dict[str, Any]:
    outer = _object(raw, service_code)
    if _text(outer, "apiResultCode") != _TRANSPORT_FINE:
        _require_code(outer, "apiResultCode", service_code)
        raise failure(service_code, _text(outer, "apiResultCode"), _text(outer, "apiErrorMsg"))
    return _object(outer.get("apiResultData"), service_code)


def access_token(raw: bytes, call: str) -> tuple[str, int]:
    """Read a token and the seconds that it lives. Raises: as `msg_data`.

    Source: 丰桥 API 对接规范, OAuth2 认证, 响应参数.
    """
    answer = _object(raw, call)
    if _text(answer, "apiResultCode") != _TRANSPORT_FINE:
        _require_code(answer, "apiResultCode", call)
        raise failure(call, _text(answer, "apiResultCode"), _text(answer, "apiErrorMsg"))
    token, seconds = _text(answer, "accessToken"), _text(answer, "expiresIn")
    if not token or not seconds.isdecimal():
        raise ProviderProtocolError(provider="sf", call=call, reason="no_token")
    return token, int(seconds)


def printed_file(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Return address and token of the first file that was printed. Raises ValueError where there is none."""
    printed = answer.get("obj")
    files = _objects(printed, "files") if isinstance(printed, dict) else []
    if not files or not _text(files[0], "url"):
        raise ValueError("no file was printed")
    return _text(files[0], "url"), _text(files[0], "token")


def placed_order(data: Mapping[str, Any]) -> SfPlacedOrder:
    """Read the answer to a create or search call. Raises ValueError."""
    listed = [(_text(each, "waybillType"), _text(each, "waybillNo")) for each in _objects(data, "waybillNoInfoList")]
    waybills = dict(listed)
    # A search for the way back (searchType 2) carries no filter result; with a waybill the answer is "served".
    result = data.get("filterResult") or (FilterResult.SERVED if _MAIN in waybills else FilterResult.MANUAL_CHECK)
    return SfPlacedOrder(
        order_id=_text(data, "orderId"),
        waybill_no=waybills.get(_MAIN, ""),
        sign_back_waybill_no=waybills.get(_SIGN_BACK, ""),
        child_waybill_nos=tuple(number for kind, number in listed if kind == _CHILD and number),
        route_code=_route_code(data),
        filter_result=FilterResult(int(result)),
        remark=_text(data, "remark"),
    )


def _route_code(data: Mapping[str, Any]) -> str:
    """Return the route code (路由码) that is printed large, where SF gave label data."""
    labels = _objects(data, "routeLabelInfo")
    label = labels[0].get("routeLabelData") if labels else None
    return _text(label, "destRouteLabel") if isinstance(label, dict) else ""


def queried_routes(data: Mapping[str, Any]) -> tuple[SfRouteEvent, ...]:
    """Read the answer to a routes query. Raises ValueError."""
    return tuple(
        SfRouteEvent(
            event_id="",
            order_id="",
            waybill_no=_text(parcel, "mailNo"),
            op_code=_text(node, "opCode") or _text(node, "opcode"),  # the two published pages spell it differently
            happened_at=clock.from_beijing(_text(node, "acceptTime")),
            place=_text(node, "acceptAddress"),
            remark=_text(node, "remark"),
            reason_code=_text(node, "reasonCode"),
            reason_name=_text(node, "reasonName"),
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
