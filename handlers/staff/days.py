"""Days as browsers' forms send them. Used by the console's pages that look at some days."""

from __future__ import annotations

from datetime import date

from app.errors import FieldFault, InvalidRequest


def day_of(name: str, text: str) -> date:
    """Read a day. Raises: InvalidRequest at the field `name`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(faults=(FieldFault(name, "请填写日期，如 2026-11-21"),)) from None


def day_or_none(name: str, text: str) -> date | None:
    """Read a day that may be left out. Raises: InvalidRequest at the field `name`."""
    return day_of(name, text) if text else None
