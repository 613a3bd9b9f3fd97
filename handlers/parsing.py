"""Turns request bytes into typed values, and msgspec's complaints into field paths with Chinese sentences."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from app.errors import FieldFault, InvalidRequest, NotFound

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_SENTENCES = (
    (re.compile(r"Object contains unknown field `(?P<name>[^`]*)`"), "不支持的字段"),
    (re.compile(r"Object missing required field `(?P<name>[^`]*)`"), "缺少此字段"),
    (re.compile(r"Expected `(?P<type>[^`]*)`, got `[^`]*`"), "类型应为{type}"),
    (re.compile(r"Expected `(?P<type>str|array|object)` of length (?P<bound>[<>=]+ ?\d+)"), "长度应{bound}"),
    (re.compile(r"Expected `(?:int|float)` (?P<bound>[<>=]+ ?-?\d+)"), "数值应{bound}"),
    (re.compile(r"Expected `str` matching regex .*"), "格式不正确"),
    (re.compile(r"Invalid enum value .*"), "取值不在允许范围内"),
    (re.compile(r"Invalid (?:UUID|RFC3339|date).*"), "格式不正确"),
)
_BOUNDS = {">=": "不小于", "<=": "不大于", ">": "大于", "<": "小于", "==": "为"}
_LONGEST_NAME = 128
_MOST_FORM_FIELDS = 128
"""A correction notice of thirty points has two fields each."""
_DEEPEST = 64
_TYPES = {
    "str": "文本",
    "int": "整数",
    "bool": "布尔值",
    "object": "对象",
    "array": "数组",
    "float": "数字",
    "null": "空",
}


def parse_body(body: bytes, decoder: msgspec.json.Decoder[Any], *, optional: bool = False) -> Any:
    """Read a JSON body strictly; no body at all is an empty object where `optional`. Raises InvalidRequest."""
    if not body and optional:
        body = b"{}"
    if not body:
        raise InvalidRequest("请求内容为空", code="invalid_json")
    try:
        value = decoder.decode(body)
        if b"\\u0000" in body or body.count(b"[") + body.count(b"{") > _DEEPEST:
            _refuse_strange(msgspec.json.decode(body), "", 0)
        return value
    except msgspec.ValidationError as error:
        raise InvalidRequest(faults=(field_fault(str(error)),)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest("请求内容不是有效的 JSON", code="invalid_json") from error


def _refuse_strange(value: Any, path: str, depth: int) -> None:
    """Refuse what JSON can say and nobody behind the doors takes: NUL, endless nesting. Raises InvalidRequest."""
    if depth > _DEEPEST:
        raise InvalidRequest(faults=(FieldFault(path.partition(".")[0], "嵌套过深"),))
    if isinstance(value, dict):
        for name, inner in value.items():
            _refuse_strange(name, path, depth)
            _refuse_strange(inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            _refuse_strange(inner, f"{path}[{position}]", depth + 1)
    elif isinstance(value, str) and "\x00" in value:
        raise InvalidRequest(faults=(FieldFault(path, "包含不允许的字符"),))


def check_path(values: Mapping[str, str]) -> None:
    """Check the parameters of an address: what nothing can be called is not found. Raises NotFound."""
    for value in values.values():
        if len(value) > _LONGEST_NAME or "\x00" in value:
            raise NotFound


def expected_version(request: Any, version: int | None) -> int | None:
    """Return the version that the client has read: from the body, else from If-Match, else none.

    Raises: InvalidRequest for an If-Match that is no tag of ours.
    """
    given = request.headers.get("if-match", "").strip()
    if version is not None or not given or given == "*":
        return version
    digits = given.strip('"').partition(".")[0]
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise InvalidRequest(faults=(FieldFault("If-Match", "格式不正确"),))
    return int(digits)


def parse_query(text: str, kind: type[Any], *, most_fields: int = 32) -> Any:
    """Read a query string into `kind`. Raises InvalidRequest (unknown, repeated or faulty parameters)."""
    values: dict[str, str] = {}
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=most_fields, errors="strict"
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidRequest("查询参数无法识别") from error
    for name, value in pairs:
        if name in values:
            raise InvalidRequest(faults=(FieldFault(name, "参数重复"),))
        if "\x00" in value:
            raise InvalidRequest(faults=(FieldFault(name, "包含不允许的字符"),))
        values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(faults=(field_fault(str(error)),)) from error


def parse_form(body: bytes, kind: type[Any]) -> Any:
    """Read a submitted HTML form into `kind`. Raises InvalidRequest."""
    try:
        return parse_query(body.decode("ascii"), kind, most_fields=_MOST_FORM_FIELDS)
    except UnicodeDecodeError as error:
        raise InvalidRequest("表单内容无法识别") from error


def field_fault(complaint: str) -> FieldFault:
    """Translate one complaint of msgspec: `Expected `str`, got `int` - at `$.form.name`` → form.name, 类型应为文本."""
    match = _AT.match(complaint)
    what, path = (match["what"], match["path"]) if match else (complaint, "")
    parts = (path or "$").removeprefix("$").removeprefix(".")
    for pattern, sentence in _SENTENCES:
        found = pattern.match(what)
        if found:
            groups = found.groupdict()
            if groups.get("name"):
                parts = f"{parts}.{groups['name']}" if parts else groups["name"]
            kind = groups.get("type") or ""
            shown = "、".join(_TYPES.get(part.strip(), part.strip()) for part in kind.split("|"))
            return FieldFault(parts, sentence.format(type=shown, bound=_bound(groups.get("bound") or "")))
    return FieldFault(parts, "内容不正确")


def _bound(text: str) -> str:
    """Say `>= 6` in words."""
    sign = text.rstrip("-0123456789 ")
    return _BOUNDS.get(sign, sign) + text.removeprefix(sign).strip()


def make_cursor(last_id: uuid.UUID) -> str:
    """Make the opaque cursor that continues a list after this row."""
    return base64.urlsafe_b64encode(last_id.bytes).decode().rstrip("=")


def read_cursor(cursor: str | None) -> uuid.UUID | None:
    """Read a cursor back. Raises InvalidRequest."""
    if not cursor:
        return None
    try:
        return uuid.UUID(bytes=base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(faults=(FieldFault("cursor", "游标无效"),)) from error
