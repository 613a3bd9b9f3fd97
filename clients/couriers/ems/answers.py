"""Reads EMS's answers and the values in them. Client and push reader call it; nothing here talks to EMS."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from app import clock
from app.errors import ProviderProtocolError
from app.money import parse_yuan
from clients.couriers.ems.codes import FINE, failure
from clients.couriers.ems.types import EmsFreight, EmsParsedAddress, EmsPlacedOrder, EmsTrack

_PDF = b"%PDF-"
_REACHED = {"0": True, "1": False}


def ret_body(raw: bytes, api_code: str) -> Any:
    """Return the body of a success; JSON that came as text is read.

    Raises: ProviderRejected (`failure`), ProviderProtocolError.
    Source: 中国邮政协议客户开放平台 接口规范, 公共返回参数.
    """
    try:
        answer = _loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not text(answer, "retCode"):
        raise ProviderProtocolError(provider="ems", call=api_code, reason="unreadable")
    if text(answer, "retCode") != FINE:
        raise failure(api_code, text(answer, "retCode"), text(answer, "retMsg"))
    if answer.get("success") is False:
        raise ProviderProtocolError(provider="ems", call=api_code, reason="contradiction")
    return _unfolded(answer.get("retBody"))


def placed_order(body: Any, order_no: str) -> EmsPlacedOrder:
    """Read the answer to a new order. Raises ValueError where it is about another one or names no waybill."""
    found = _one(body)
    if text(found, "logisticsOrderNo") not in ("", order_no) or not text(found, "waybillNo"):
        raise ValueError("no waybill of this order")
    return EmsPlacedOrder(order_no, text(found, "waybillNo"))


def freight(body: Any) -> EmsFreight:
    """Read the answer to a question about the freight. Raises ValueError."""
    found = _one(body)
    charged, weight = text(found, "postageTotal"), text(found, "realWeight")
    return EmsFreight(
        waybill_no=text(found, "waybillNo"),
        charged_fen=parse_yuan(charged) if charged else None,
        weight_grams=round(float(weight)) if weight else None,
    )


def fee_fen(body: Any) -> int | None:
    """Read the estimate, in fen; None where EMS quotes none. Raises ValueError."""
    found = _one(body)
    fee = text(found, "realFee") or text(found, "totalFee") or text(found, "standardFee")
    return parse_yuan(fee) if fee else None


def reached(body: Any) -> bool | None:
    """Read whether an address is served; None where EMS does not know. Raises ValueError."""
    return _REACHED.get(text(_one(body), "status"))


def parsed_addresses(body: Any) -> tuple[EmsParsedAddress, ...]:
    """Read the candidates for a line, best first. Raises ValueError."""
    return tuple(
        EmsParsedAddress(text(row, "prov"), text(row, "city"), text(row, "county"), text(row, "address"))
        for row in _rows(body)
    )


def label(body: Any) -> bytes:
    """Read a label: Base64 of a PDF. Raises ValueError."""
    try:
        document = base64.b64decode("".join(str(body).split()), validate=True)
    except binascii.Error:
        document = b""
    if not document.startswith(_PDF):
        raise ValueError("no PDF")
    return document


def tracks(body: Any) -> tuple[EmsTrack, ...]:
    """Read events in the order given: a list, one alone, or under `responseItems`. Raises ValueError, KeyError."""
    return tuple(_track(row) for row in _rows(body))


def text(fields: Mapping[str, Any], name: str) -> str:
    """Return a field as text, "" where it is missing. Raises ValueError for what no database keeps."""
    value = fields.get(name)
    found = "" if value is None else str(value).strip()
    if "\x00" in found or found != found.encode("utf-8", "ignore").decode():
        raise ValueError("NUL or half a character in a text")
    return found


def _track(row: Mapping[str, Any]) -> EmsTrack:
    waybill_no, op_code = text(row, "waybillNo"), text(row, "opCode")
    if not waybill_no or not op_code:
        raise ValueError("an event without waybill or code")
    places = dict.fromkeys((text(row, "opOrgProvName"), text(row, "opOrgCity"), text(row, "opOrgName")))
    return EmsTrack(
        waybill_no=waybill_no,
        op_code=op_code,
        happened_at=clock.from_beijing(text(row, "opTime")),
        name=text(row, "opName"),
        description=text(row, "opDesc"),
        place=" ".join(place for place in places if place),
        deliver_code=text(row, "deliverCode"),
        attempt_code=text(row, "attemptDeliveryCode"),
    )


def _rows(body: Any) -> list[dict[str, Any]]:
    listed = body.get("responseItems", body) if isinstance(body, dict) else body
    if listed is None or listed == "":
        return []
    rows = listed if isinstance(listed, list) else [listed]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("no list of objects")
    return rows


def _one(body: Any) -> dict[str, Any]:
    rows = _rows(body)
    if len(rows) != 1:
        raise ValueError("not exactly one")
    return rows[0]


def _unfolded(body: Any) -> Any:
    if isinstance(body, str) and body.lstrip()[:1] in ("{", "["):
        try:
            return _loads(body)
        except (ValueError, RecursionError):
            return body
    return body


def _loads(source: bytes | str) -> Any:
    # Prices stay texts, so that no float touches money.
    return json.loads(source, parse_float=str)
