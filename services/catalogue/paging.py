"""Opaque cursors of the catalogue's ranked lists: a place in the order, which no row id could name; pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from app.errors import FieldFault, InvalidRequest

_FARTHEST = 10_000


@dataclass(frozen=True, slots=True)
class Start:
    """Where a page begins."""

    offset: int = 0


def make_cursor(start: Start) -> str:
    """Write a place as an opaque text."""
    return base64.urlsafe_b64encode(f"a{start.offset}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> Start:
    """Read a place back; an empty cursor is the beginning. Raises InvalidRequest."""
    if not cursor:
        return Start()
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        mode, offset = text[:1], int(text[1:])
    except (binascii.Error, ValueError) as fault:
        raise InvalidRequest(faults=(FieldFault("cursor", "游标无效"),)) from fault
    if mode != "a" or not 0 <= offset <= _FARTHEST:
        raise InvalidRequest(faults=(FieldFault("cursor", "游标无效"),))
    return Start(offset)
