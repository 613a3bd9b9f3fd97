"""Reads JSON that callers send; anything odd becomes None, so that a provider refuses it in its own words."""

import json
from typing import Any


def parse_object(text: str | bytes) -> dict[str, Any] | None:
    """Return the JSON object, or None when it is none, is nested too deeply or holds half a character."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
