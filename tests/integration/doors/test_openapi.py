"""/openapi.json is a valid OpenAPI 3.1 document, says of every route what the table says, and its examples are true."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.settings import Settings
from handlers import openapi
from handlers.doors import Auth, Call, Reply, Route
from handlers.routes import all_routes

ROUTES = [route for route in all_routes(Settings()) if not route.page]
WITH_JSON = [route for route in ROUTES if route.body is not None and route.consumes == "application/json"]


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made = openapi.document(ROUTES, "https://sjt.example")
    return dict(msgspec.json.decode(msgspec.json.encode(made)))


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def test_document_is_valid(document: dict[str, Any]) -> None:
    assert [error.message[:200] for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_stands_in_it_once(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in _operations(document)]
    assert len(ids) == len(set(ids)) == len(ROUTES)


def test_it_names_who_may_call(document: dict[str, Any]) -> None:
    guarded = [route for route in ROUTES if route.auth in (Auth.CITIZEN, Auth.STAFF, Auth.SYSTEM)]
    assert sum("security" in operation for operation in _operations(document)) == len(guarded)


@pytest.mark.parametrize("route", WITH_JSON, ids=_name)
def test_request_example_is_what_the_door_reads(route: Route, document: dict[str, Any]) -> None:
    assert route.example is not None
    assert route.body is not None
    msgspec.json.decode(msgspec.json.encode(route.example), type=route.body)
    path = openapi._PATH_PARAMETER.sub(r"{\1}", route.path)
    content = document["paths"][path][route.method.lower()]["requestBody"]["content"]["application/json"]
    schema = content["schema"] | {"components": document["components"]}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])] == []


def test_a_body_is_required_where_one_of_its_fields_is(document: dict[str, Any]) -> None:
    required = {
        path: operation["post"]["requestBody"]["required"]
        for path, operation in document["paths"].items()
        if "requestBody" in operation.get("post", {})
    }
    assert required["/api/v1/payments"]
    assert required["/api/v1/uploads"]
    assert not required["/api/v1/applications/{application_no}/submit"]


async def _nothing(call: Call[Any]) -> Reply:
    return Reply()


def test_two_rooms_may_use_the_same_name() -> None:
    first, second = msgspec.defstruct("Page", [("a", int)]), msgspec.defstruct("Page", [("b", str)], module="elsewhere")
    routes = [
        Route("POST", "/first", _nothing, Auth.PUBLIC, "一", "试", body=first, answer=first),
        Route("POST", "/second", _nothing, Auth.PUBLIC, "二", "试", body=second, answer=second),
    ]
    document = openapi.document(routes, "https://sjt.example")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    bodies = [operation["requestBody"]["content"]["application/json"]["schema"] for operation in _operations(document)]
    assert len({body["$ref"] for body in bodies}) == 2
