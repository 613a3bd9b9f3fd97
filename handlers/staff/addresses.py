"""Addresses of lists: a path with what was chosen, without what was not. Used by the console's list pages."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from handlers.parsing import make_cursor


def address_of(path: str, **given: Any) -> str:
    """Return a path with the given choices as its query; empty ones are left out."""
    chosen = {name: value for name, value in given.items() if value not in (None, "")}
    return f"{path}?{urlencode(chosen)}" if chosen else path


def turns(path: str, cursor: str, following: uuid.UUID | None, **given: Any) -> dict[str, Any]:
    """Return the addresses of a list's next and first page as its pager takes them, empty where there is none."""
    return {
        "next_address": address_of(path, **given, cursor=make_cursor(following)) if following else "",
        "first_address": address_of(path, **given) if cursor else "",
    }
