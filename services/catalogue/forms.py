"""Forms of items: JSON Schema (draft 2020-12) compiled once, answers checked with Chinese sentences.

Called by the service for other rooms and by the consistency rules; pure, and no answer ever enters a message.
Own words in a schema: `x-sensitive` (stored encrypted), `x-prefill` (from the citizen's profile), `x-message`,
`x-order` (place on the screen).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema_rs

from app import clock, identifiers
from app.errors import FieldFault

Schema = Mapping[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SENSITIVE, PREFILL, ORDER = "x-sensitive", "x-prefill", "x-order"

_WORDS: Mapping[str, str] = {
    "type": "类型不正确",
    "pattern": "格式不正确",
    "format": "格式不正确",
    "enum": "不在可选范围内",
    "const": "不符合要求",
    "minLength": "内容太短",
    "maxLength": "内容太长",
    "minimum": "数值太小",
    "maximum": "数值太大",
    "exclusiveMinimum": "数值太小",
    "exclusiveMaximum": "数值太大",
    "multipleOf": "数值不符合要求",
    "minItems": "项数太少",
    "maxItems": "项数太多",
    "uniqueItems": "有重复项",
}


class FormChecker:
    """One compiled form; keep it with the item version it belongs to."""

    def __init__(self, schema: Schema, divisions: identifiers.DivisionTable = frozenset()) -> None:
        """Compile `schema`. Raises ValueError when it is not valid draft 2020-12."""
        self._titles = dict(_titles(schema))
        self._schema = schema
        self._validator = jsonschema_rs.Draft202012Validator(
            dict(schema), validate_formats=True, formats=_formats(divisions)
        )

    def faults(self, answers: object) -> tuple[FieldFault, ...]:
        """Return every fault of the answers with its path below `form`; empty when they are acceptable."""
        found: list[FieldFault] = []
        for error in self._validator.iter_errors(answers):
            found.extend(self._explain(error.kind.name, error.kind.as_dict(), error.instance_path, error.schema_path))
        return tuple(dict.fromkeys(found))

    def _explain(
        self, kind: str, details: Mapping[str, Any], path: Sequence[str | int], schema_path: Sequence[str | int]
    ) -> Iterator[FieldFault]:
        if kind == "required":
            name = details["property"]
            yield FieldFault(_shown_path([*path, name]), f"请填写{self._titles.get(name, name)}")
        elif kind in ("additionalProperties", "unevaluatedProperties"):
            for name in details["unexpected"]:
                yield FieldFault(_shown_path([*path, name]), "表单中没有这一项")
        else:
            part = _follow(self._schema, schema_path[:-1])
            message = part.get("x-message") or f"{self._title_of(path)}{_WORDS.get(kind, '填写不正确')}"
            yield FieldFault(_shown_path(path), message)

    def _title_of(self, path: Sequence[str | int]) -> str:
        names = [step for step in path if isinstance(step, str)]
        return self._titles.get(names[-1], names[-1]) if names else "表单"


def sensitive_paths(schema: Schema) -> frozenset[tuple[str, ...]]:
    """Return the paths of all sensitive answers; `*` stands for every element of a list."""
    return frozenset(path for path, part in walk(schema) if part.get(SENSITIVE) is True)


def prefill_sources(schema: Schema) -> dict[str, str]:
    """Return top-level field → the profile value (name, id_number, phone, address) that may fill it beforehand."""
    return {path[0]: part[PREFILL] for path, part in walk(schema) if len(path) == 1 and PREFILL in part}


def walk(schema: Schema, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Yield every property with its path, also those that stand in conditional parts."""
    for name, part in schema.get("properties", {}).items():
        if isinstance(part, dict):
            yield (*path, name), part
            yield from walk(part, (*path, name))
    if isinstance(schema.get("items"), dict):
        yield (*path, "*"), schema["items"]
        yield from walk(schema["items"], (*path, "*"))
    for keyword in ("then", "else"):
        if isinstance(schema.get(keyword), dict):
            yield from walk(schema[keyword], path)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for branch in schema.get(keyword, ()):
            yield from walk(branch, path)


def in_order(schema: Schema) -> dict[str, Any]:
    """Return the schema with properties sorted by `x-order`, which a JSON column does not keep in order."""
    result = dict(schema)
    for keyword in ("then", "else", "items"):
        if isinstance(schema.get(keyword), dict):
            result[keyword] = in_order(schema[keyword])
    if "properties" in schema:
        pairs = sorted(schema["properties"].items(), key=lambda pair: pair[1].get(ORDER, 0))
        result["properties"] = {name: in_order(part) for name, part in pairs}
    return result


def _titles(schema: Schema) -> Iterator[tuple[str, str]]:
    for path, part in walk(schema):
        if "title" in part:
            yield path[-1], part["title"]


def _follow(schema: Any, path: Sequence[str | int]) -> Schema:
    for step in path:
        schema = schema[step]
    return schema if isinstance(schema, dict) else {}


def _shown_path(path: Sequence[str | int]) -> str:
    shown = "form"
    for step in path:
        shown += f"[{step}]" if isinstance(step, int) else f".{step}"
    return shown


def _formats(divisions: identifiers.DivisionTable) -> dict[str, Callable[[str], bool]]:
    def is_id_number(text: str) -> bool:
        return identifiers.is_id_number(text, divisions, clock.beijing_date())

    return {"cn-id-number": is_id_number, "cn-mobile": identifiers.is_mobile_phone, "cn-uscc": identifiers.is_uscc}
