"""Knocks at the doors with exact bytes, as nobody's HTTP library would let one: for tests of hostile input."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PROBLEM = "application/problem+json; charset=utf-8"
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_CODE = re.compile(r"[a-z][a-z0-9_]{2,40}")
_FIELDS = {"type", "title", "status", "code", "detail", "errors", "request_id"}
_CURRENT = {"version", "status", "status_text"}
"""What a refusal tells of the state that the sender has not seen."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back from a door."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.body)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")


@dataclass
class Knocker:
    """One client at one address; `token` goes with every knock that brings no Authorization of its own."""

    base: str
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    patience_seconds: float = 20.0

    def knock(
        self,
        method: str,
        target: str | bytes,
        body: bytes | None = None,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str | bytes] | None = None,
        chunked: bool = False,
    ) -> Heard:
        """Send one request, its target and header values byte for byte, on a connection of its own."""
        sent: dict[str, str | bytes] = {"Host": urlsplit(self.base).netloc, "Connection": "close"} | self.headers
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent["Content-Type"] = content_type
            sent |= {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
        sent |= headers or {}
        lines = [method.encode() + b" " + _bytes(target) + b" HTTP/1.1"]
        lines += [name.encode() + b": " + _bytes(value) for name, value in sent.items()]
        content = b"" if body is None else b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
        return self.send(b"\r\n".join(lines) + b"\r\n\r\n" + content, method)

    def send(self, request: bytes, method: str = "GET") -> Heard:
        """Send these bytes; read one answer."""
        parts = urlsplit(self.base)
        with socket.create_connection((parts.hostname, parts.port), self.patience_seconds) as link:
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                link.sendall(request)  # a server that has heard enough answers before the end
            answer = http.client.HTTPResponse(link, method=method)
            answer.begin()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Heard(answer.status, names, answer.read())

    def json(self, method: str, path: str, value: Any = None, **headers: str) -> Heard:
        """Send a value as a well-behaved client does."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        body = None if value is None else json.dumps(value, ensure_ascii=False).encode()
        return self.knock(method, path, body, headers=named)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def check_problem(heard: Heard, *statuses: int) -> dict[str, Any]:
    """Check that an answer is a problem of ours with a status of these (default: any 4xx); return it."""
    shown = heard.body[:400]
    assert heard.status in (statuses or range(400, 500)), (heard.status, shown)
    assert heard.content_type == PROBLEM, (heard.content_type, shown)
    problem: dict[str, Any] = heard.value
    assert set(problem) - {"current"} == _FIELDS, shown
    if "current" in problem:
        assert (problem["status"], set(problem["current"]) >= _CURRENT) == (409, True), shown
    assert problem["status"] == heard.status
    assert _CODE.fullmatch(problem["code"]), shown
    assert problem["type"] == f"urn:sanjintong:problem:{problem['code']}"
    assert _CHINESE.search(problem["detail"]), shown
    assert all(isinstance(fault["path"], str) and _CHINESE.search(fault["message"]) for fault in problem["errors"]), (
        shown
    )
    if "idempotent-replay" not in heard.headers:  # a replayed answer names the request that was worked off
        assert heard.headers["x-request-id"] == problem["request_id"]
    return problem
