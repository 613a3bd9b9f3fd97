"""Reads single values out of verified Alipay answers and callbacks: yuan texts as fen, Beijing times as aware UTC.

The method and notification modules call it. Every unreadable value is a ValueError here; callers choose the family.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app import clock, money


def text(fields: Mapping[str, Any], name: str) -> str:
    """Return a text value; empty when absent."""
    value = fields.get(name)
    return "" if value is None else str(value)


def fen(fields: Mapping[str, Any], name: str) -> int | None:
    """Return a yuan text ("68.5" or "68.50") as fen; None when absent or empty. Raises ValueError."""
    value = text(fields, name)
    return money.parse_yuan(value) if value else None


def moment(fields: Mapping[str, Any], name: str) -> datetime | None:
    """Return a Beijing time, with or without milliseconds, as aware UTC; None when absent. Raises ValueError."""
    value = text(fields, name)
    if not value:
        return None
    return clock.from_beijing(value, "%Y-%m-%d %H:%M:%S.%f" if "." in value else "%Y-%m-%d %H:%M:%S")


def beijing_text(at: datetime) -> str:
    """Print an aware moment as Alipay's parameters want it: Beijing time without zone."""
    return clock.to_beijing(at).strftime("%Y-%m-%d %H:%M:%S")
