"""The interface document: valid, and every example in it fits the schema beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from app.settings import load
from handlers import openapi
from handlers.routes import all_routes


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document(all_routes(load({})), "http://127.0.0.1:8000")


def _contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content_type, content in ((k, v) for body in bodies for k, v in body.get("content", {}).items()):
                if "json" in content_type:
                    yield f"{method} {path}", content


def test_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_json_content_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    seen = 0
    for where, content in _contents(document):
        assert "example" in content, where
        schema = content["schema"] | {"components": document["components"]}
        jsonschema.validate(content["example"], schema)
        seen += 1
    assert seen > 100
