"""Reads single values of 快递100's JSON: texts that a database can keep, money, weights, Beijing times. Pure.

The answer and push readers call it. Odd values become "" or None; what must be there raises ValueError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from app import clock
from app.money import parse_yuan

_MOST_FEN = 10_000_000
_MOST_GRAMS = 1_000_000
_NUMBER = re.compile(r"[0-9A-Za-z_-]{4,40}")
_CARRIER = re.compile(r"[0-9a-z_]{2,24}")
_PHONE = re.compile(r"[0-9+*\- ]{5,20}")
_MOMENTS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H")


def parse_json(raw: bytes | str) -> Any:
    """Read JSON; numbers with a point stay texts, so that no float touches money. Raises ValueError."""
    try:
        return json.loads(raw, parse_float=str, parse_constant=str)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def text(fields: Mapping[str, Any], *names: str) -> str:
    """Return the first of these that is a text or number, cleaned of what no database keeps; "" where none is."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value).replace("\x00", "").encode("utf-8", "replace").decode()
    return ""


def objects(fields: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects of a list, or the one object that stands in its place."""
    found = fields.get(name)
    listed = found if isinstance(found, list) else [found]
    return [each for each in listed if isinstance(each, dict)]


def waybill_no(fields: Mapping[str, Any], *names: str) -> str:
    """Return a waybill number, "" where there is none. Raises ValueError for what can be none."""
    found = text(fields, *names).strip()
    if found and not _NUMBER.fullmatch(found):
        raise ValueError("not a waybill number")
    return found


def carrier(fields: Mapping[str, Any], *names: str) -> str:
    """Return a company code (lower case), "" where there is none or an odd one."""
    found = text(fields, *names).strip().lower()
    return found if _CARRIER.fullmatch(found) else ""


def phone(fields: Mapping[str, Any], name: str) -> str:
    """Return a phone number, "" where there is none or an odd one."""
    found = text(fields, name).strip()
    return found if _PHONE.fullmatch(found) else ""


def fen(fields: Mapping[str, Any], *names: str) -> int | None:
    """Return an amount of yuan in fen; None where there is none, or one that no parcel costs."""
    try:
        amount_fen = parse_yuan(text(fields, *names))
    except ValueError:
        return None
    return amount_fen if abs(amount_fen) <= _MOST_FEN else None


def grams(fields: Mapping[str, Any], name: str) -> int | None:
    """Return a weight of kilograms in grams; None where there is none, or one that no parcel has."""
    try:
        weight = Decimal(text(fields, name)) * 1000
    except InvalidOperation:
        return None
    return int(weight) if weight.is_finite() and 0 < weight <= _MOST_GRAMS else None


def moment(fields: Mapping[str, Any], *names: str) -> datetime | None:
    """Return the first Beijing time among these that can be read, as aware UTC."""
    for name in names:
        found = text(fields, name).strip()
        for pattern in _MOMENTS:
            try:
                return clock.from_beijing(found, pattern)
            except ValueError:
                continue
    return None
