"""Every JSON door against bodies that nobody's mini-program sends: always a 4xx problem, never a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from handlers.doors import Route, all_optional
from tests.e2e.conftest import ROOT
from tests.e2e.walking import PARAMETER, Doors, encoded, example, fields
from tests.knocking import check_problem

_UNREADABLE = {
    "empty": b"",
    "cut off": b'{"a":',
    "not JSON": b"<xml/>",
    "deep array": b"[" * 4_000,
    "deep object": b'{"a":' * 800 + b"1" + b"}" * 800,
    "not UTF-8": b'{"a":"\xff\xfe"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "lone surrogate": b'{"a":"\\ud800"}',
    "infinite": b'{"a":1e999}',
    "NaN": b'{"a":NaN}',
    "two values": b"{}{}",
    "NUL bytes": b'{"a":"\x00"}',
    "single quotes": b"{'a':1}",
}
_OF_OTHER_SHAPE = {
    "null": b"null",
    "array": b"[]",
    "text": b'"x"',
    "number": b"1",
    "huge": b"9" * 3_000,
    "true": b"true",
}
_WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**31, 2**63, 2**64, -(2**70), 10**400, 1e308, "", " ", "\x00", "a\x00b", "\u202e",
    "A" * 9_000,
    "'; DROP TABLE application; --", "%00", "../../etc/passwd", "\U0001f4a9" * 300, [], {}, [[]], [None], {"": ""},
    {"a": {"b": [1] * 50}}, ["x"] * 200, "2026-02-30", "00000000-0000-0000-0000-000000000000",
)  # fmt: skip


def test_unreadable_bodies_are_refused(doors: Doors) -> None:
    for route in doors.writing():
        for what, body in (_UNREADABLE | _OF_OTHER_SHAPE).items():
            heard = doors.send(route, body)
            if what == "empty" and all_optional(route):
                assert heard.status < 500, route.path  # no body means the defaults
                continue
            if len(body) > route.limit_bytes:
                continue  # the size is judged first, by a test of its own
            assert check_problem(heard, 400)["code"] in ("invalid_json", "invalid_request"), (route.path, what)


def test_unknown_fields_are_refused_by_name(doors: Doors) -> None:
    for route in doors.writing():
        heard = doors.send(route, encoded({"zz_unknown": 1} | example(route)))
        faults = check_problem(heard, 400)["errors"]
        assert [fault["path"] for fault in faults] == ["zz_unknown"], (route.path, faults)


def test_other_content_types_are_refused(doors: Doors) -> None:
    types = (
        "text/plain",
        "",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "json",
        "*/*",
    )
    for route in doors.writing():
        for given_type in types:
            heard = doors.send(route, encoded(example(route)), content_type=given_type)
            assert check_problem(heard, 415)["code"] == "unsupported_media_type", (route.path, given_type)
        named = doors.send(route, b"{", content_type="Application/JSON; charset=UTF-8")
        assert check_problem(named, 400)["code"] == "invalid_json", route.path


@pytest.mark.parametrize("chunked", [False, True])
def test_oversize_bodies_are_refused(doors: Doors, chunked: bool) -> None:
    for route in doors.writing():
        heard = doors.send(route, b" " * (route.limit_bytes + 1), chunked=chunked)
        assert check_problem(heard, 413)["code"] == "payload_too_large", route.path


def test_bodies_beyond_any_limit_are_not_even_read(doors: Doors) -> None:
    route = next(route for route in doors.writing() if route.path == "/api/v1/applications")
    for chunked in (False, True):
        assert check_problem(doors.send(route, b" " * 12_000_000, chunked=chunked), 413)["code"] == "payload_too_large"


def test_every_field_with_every_wrong_value_is_no_fault_of_ours(doors: Doors) -> None:
    number, faults = 0, []
    for route in doors.writing():
        for name, _ in fields(route):
            for wrong in _WRONG:
                number += 1
                heard = doors.send(route, encoded(example(route) | {name: wrong}), number)
                if heard.status >= 500:
                    faults.append((route.path, name, str(wrong)[:30], heard.status))
                elif heard.status >= 400:
                    check_problem(heard)
    assert faults == []


def _shaped(schema: dict[str, Any], components: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values near a schema: mostly of its type, sometimes of another."""
    if "$ref" in schema:
        return _shaped(components[schema["$ref"].rpartition("/")[2]], components)
    if "anyOf" in schema:
        return st.one_of([_shaped(each, components) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | _anything
    kind = schema.get("type")
    if kind == "string":
        return st.from_regex(schema["pattern"]) if "pattern" in schema else _texts
    if kind == "array":
        return st.lists(_shaped(schema.get("items", {}), components), max_size=3)
    if kind == "object":
        named = {name: _shaped(spec, components) for name, spec in schema.get("properties", {}).items()}
        return st.fixed_dictionaries({}, optional=named) if named else st.dictionaries(_texts, _anything, max_size=3)
    return {"integer": st.integers(), "boolean": st.booleans(), "null": st.none()}.get(str(kind), _anything)


_texts = st.text(st.characters(), max_size=40)
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=5,
)


def test_values_made_from_the_published_schemas_are_no_fault_of_ours(doors: Doors) -> None:
    document = doors.knocker(doors.routes()[0]).json("GET", "/openapi.json").value
    components, numbers = document["components"]["schemas"], iter(range(100_000, 200_000))
    for route in doors.writing():
        # Two rooms may use one name: only the operation knows which of them it means.
        body = document["paths"][PARAMETER.sub(r"{\1}", route.path)][route.method.lower()]["requestBody"]
        _check_values(doors, route, _shaped(body["content"]["application/json"]["schema"], components), numbers)


def _check_values(doors: Doors, route: Route, values: st.SearchStrategy[Any], numbers: Iterator[int]) -> None:
    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(values)
    def check(value: Any) -> None:
        heard = doors.send(route, json.dumps(value).encode("utf-8", "surrogatepass"), next(numbers))
        assert heard.status < 500, (route.path, heard.body)
        if heard.status >= 400:
            check_problem(heard)

    check()


def _nested(depth: int) -> Any:
    value: Any = "x"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def test_every_answer_of_a_form_with_every_wrong_value_is_no_fault_of_ours(doors: Doors) -> None:
    story = json.loads((ROOT / "data" / "demo.json").read_text(encoding="utf-8"))
    route = next(route for route in doors.writing() if (route.method, route.path) == ("POST", "/api/v1/applications"))
    good = {"item_code": story["item_code"], "form": story["form"], "materials": []}
    wrong = [*_WRONG, _nested(60), _nested(400), _nested(900)]
    for name in (*story["form"], "zz_unknown", ""):
        for value in wrong:
            heard = doors.send(route, encoded(good | {"form": story["form"] | {name: value}}))
            assert heard.status < 500, (name, str(value)[:40], heard.body)
            if heard.status >= 400 and heard.value["errors"]:
                faults = check_problem(heard, 400, 413)["errors"]
                assert {fault["path"].partition("[")[0] for fault in faults} & {f"form.{name}", "form"}, (name, faults)


def test_nul_is_refused_with_the_path_of_its_field(doors: Doors) -> None:
    route = next(route for route in doors.writing() if (route.method, route.path) == ("POST", "/api/v1/applications"))
    body = example(route) | {"form": {"people": [{"name": "a"}, {"name": "b\x00"}]}}
    assert check_problem(doors.send(route, encoded(body)), 400)["errors"][0]["path"] == "form.people[1].name"
    harmless = example(route) | {"form": {"reason": "\\u0000 as six characters"}}
    assert "包含不允许的字符" not in doors.send(route, encoded(harmless)).body.decode()
