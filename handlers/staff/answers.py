"""A case's form answers as lines for people: the schema's titles and order, Chinese yes and no, yuan for fen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.rendering import yuan

_LAST = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """One answer: its title and text; `groups` where the answer is a list of records."""

    title: str
    text: str = ""
    groups: list[list[Line]] = field(default_factory=list)


def lines(schema: Mapping[str, Any], form: Mapping[str, Any]) -> list[Line]:
    """Return the answers in the order of the form; answers that the schema does not know come last, by their name."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    ordered = sorted(form, key=lambda name: properties.get(name, {}).get("x-order", _LAST))
    return [_line(name, properties.get(name, {}), form[name]) for name in ordered]


def _line(name: str, schema: Mapping[str, Any], value: Any) -> Line:
    title = str(schema.get("title", name))
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        inner = schema.get("items", {})
        return Line(title, groups=[lines(inner, part) for part in value if isinstance(part, Mapping)])
    if isinstance(value, Mapping):
        return Line(title, groups=[lines(schema, value)])
    return Line(title, _text(name, value))


def _text(name: str, value: Any) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(str(part) for part in value) or "—"
    if isinstance(value, int) and name.endswith("_fen"):
        return yuan(value)
    return str(value)
