"""The OpenAPI 3.1 document and the page /docs, both made from the routes' own table."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from handlers.assets import asset
from handlers.doors import Auth, Route, all_optional
from handlers.examples import example_of

_PATH_PARAMETER = re.compile(r"<(\w+)(?::\w+)?>")
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "errors", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "稳定的错误代码"},
        "detail": {"type": "string", "description": "可直接展示的中文说明"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "request_id": {"type": "string"},
    },
}
_PROBLEM_EXAMPLE = {
    "type": "urn:sanjintong:problem:not_found",
    "title": "Not Found",
    "status": 404,
    "code": "not_found",
    "detail": "未找到相关内容",
    "errors": [],
    "request_id": "2f1c9a5e",
}


def document(routes: Sequence[Route], base_url: str) -> dict[str, Any]:
    """Build the whole document."""
    types = [kind for route in routes for kind in (route.body, route.answer) if kind is not None]
    # All at once: where two rooms use one name, only this call knows how each is told from the other.
    listed, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schemas = dict(zip(types, listed, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        address = _PATH_PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(address, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "三晋通小程序后端",
            "version": "1",
            "description": "错误统一为 application/problem+json；写操作可带 Idempotency-Key；列表以游标翻页。",
        },
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {
            # As plain JSON: a default may be a tuple.
            "schemas": {**msgspec.json.decode(msgspec.json.encode(components)), "Problem": _PROBLEM},
            "securitySchemes": {
                "citizen": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "POST /api/v1/auth/… 得到的 access_token",
                },
                "system": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Exchange-Signature",
                    "description": "部门系统签名，见 docs/exchange.md",
                },
                "staff": {"type": "http", "scheme": "bearer", "description": "POST /api/staff/v1/sign-in 得到的令牌"},
            },
        },
    }


def _operation(route: Route, schemas: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "tags": [route.tag],
        "operationId": _operation_id(route),
        "parameters": _parameters(route),
        "responses": _responses(route, schemas),
    }
    if route.auth in (Auth.CITIZEN, Auth.STAFF, Auth.SYSTEM):
        operation["security"] = [{route.auth.value: []}]
    if route.body is not None or (route.consumes != "application/json" and route.method == "POST"):
        schema = {"type": "object"} if route.body is None else schemas[route.body]
        content: dict[str, Any] = {"schema": schema}
        if route.example is not None:
            content["example"] = route.example
        operation["requestBody"] = {"required": not all_optional(route), "content": {route.consumes: content}}
    return operation


def _operation_id(route: Route) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "_", route.path).strip("_")
    return f"{route.method.lower()}_{words}"


def _parameters(route: Route) -> list[dict[str, Any]]:
    listed = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(route.path)
    ]
    if route.query is not None:
        _, components = msgspec.json.schema_components([route.query], ref_template="{name}")
        schema = components[route.query.__name__]
        required = set(schema.get("required", ()))
        listed += [
            {"name": name, "in": "query", "required": name in required, "schema": spec}
            for name, spec in schema["properties"].items()
        ]
    if route.method != "GET" and route.remembers and route.auth is not Auth.PROVIDER:
        listed.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"}})
    return listed


def _responses(route: Route, schemas: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "成功"}
    if route.answer is not None:
        content = {"schema": schemas[route.answer], "example": route.answer_example or example_of(route.answer)}
        good["content"] = {"application/json": content}
    bad = {
        "description": "出错",
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": _PROBLEM_EXAMPLE,
            }
        },
    }
    return {str(route.status): good, "default": bad}


def page(routes: Sequence[Route]) -> str:
    """Render /docs: every address by subject, without a script or anything from elsewhere."""
    subjects: dict[str, list[Route]] = {}
    for route in routes:
        subjects.setdefault(route.tag, []).append(route)
    parts = [_PAGE_HEAD]
    for tag, listed in subjects.items():
        parts.append(f"<h2>{html.escape(tag)}</h2>")
        parts += [_entry(route) for route in listed]
    parts.append("</main></html>")
    return "".join(parts)


def _entry(route: Route) -> str:
    address = html.escape(_PATH_PARAMETER.sub(r"{\1}", route.path))
    example = ""
    if route.example is not None:
        shown = msgspec.json.format(msgspec.json.encode(route.example), indent=2).decode()
        example = f"<p>请求示例</p><pre>{html.escape(shown)}</pre>"
    if route.answer is not None:
        answer = route.answer_example or example_of(route.answer)
        shown = msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()
        example += f"<p>应答示例</p><pre>{html.escape(shown)}</pre>"
    who = {
        "public": "无需登录",
        "citizen": "群众登录",
        "staff": "工作人员",
        "provider": "服务商签名",
        "system": "部门系统签名",
    }[route.auth.value]
    return (
        f"<details><summary><b>{route.method}</b> <code>{address}</code> {html.escape(route.summary)}"
        f" <small>{who}</small></summary>{example or '<p>无请求内容</p>'}</details>"
    )


_PAGE_HEAD = f"""<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>三晋通 接口文档</title>
<link rel="icon" href="{asset("mark.svg")}"><link rel="stylesheet" href="{asset("docs.css")}">
<main><h1>三晋通 接口文档</h1><p>机器可读：<a href="/openapi.json">/openapi.json</a></p>"""
