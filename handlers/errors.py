"""The one place where errors become answers: problem+json (RFC 9457) with a stable code and a Chinese sentence.

People with a browser get the same code and sentence as a page; who is not signed in is sent to the sign-in page.
"""

from __future__ import annotations

import itertools
import secrets
import traceback
from typing import Any
from urllib.parse import quote

import asyncpg
import msgspec
import structlog
from sanic import Request
from sanic.exceptions import RequestCancelled, SanicException
from sanic.handlers import ErrorHandler
from sanic.response import HTTPResponse
from tortoise.exceptions import ValidationError

from app import db
from app.errors import InvalidRequest, SanjinError, ServiceUnavailable, Unauthenticated
from handlers.rendering import HTML, PAGE_HEADERS, rendered

log = structlog.get_logger()
SIGN_IN = "/staff/sign-in"
SETUP = "/staff/setup"
_CONSOLE = "/staff/"
PROBLEM = "application/problem+json; charset=utf-8"

_UNSTORABLE = (asyncpg.DataError, ValidationError)
_HUNG_UP = 499
_FRAMEWORK = {
    400: ("invalid_request", "请求无法识别"),
    404: ("not_found", "地址不存在"),
    405: ("method_not_allowed", "此地址不支持该请求方式"),
    408: ("request_timeout", "请求超时，请重试"),
    413: ("payload_too_large", "上传内容过大"),
    414: ("uri_too_long", "地址过长"),
    416: ("range_not_satisfiable", "请求范围无效"),
    417: ("expectation_failed", "请求头无法满足"),
    426: ("upgrade_required", "此地址仅支持 WebSocket 连接"),
    431: ("headers_too_large", "请求头过大"),
    503: ("service_unavailable", "系统维护中，请稍后再试"),
}
_TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 413: "Content Too Large", 415: "Unsupported Media Type", 429: "Too Many Requests",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
}  # fmt: skip


def problem(error: BaseException, request_id: str) -> HTTPResponse:
    """Render any error. Unknown ones become a bare 500 and are logged with their trace."""
    known = _settled(error, request_id)
    body: dict[str, Any] = {
        "type": f"urn:sanjintong:problem:{known.stable_code}",
        "title": _TITLES.get(known.status, "Error"),
        "status": known.status,
        "code": known.stable_code,
        "detail": known.detail,
        "errors": [{"path": fault.path, "message": fault.message} for fault in known.faults],
        "request_id": request_id,
    }
    if known.current is not None:
        body["current"] = known.current
    headers = {"X-Request-ID": request_id, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    if known.retry_after_seconds is not None:
        headers["Retry-After"] = str(known.retry_after_seconds)
    if known.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return HTTPResponse(msgspec.json.encode(body), known.status, headers, PROBLEM)


def error_page(error: BaseException, request: Request, request_id: str) -> HTTPResponse:
    """Render any error for a person with a browser; 303 to the sign-in page where nobody is signed in."""
    known = _settled(error, request_id)
    if isinstance(known, Unauthenticated):
        return HTTPResponse(b"", 303, {"Location": _sign_in_address(request), "X-Request-ID": request_id})
    if known.stable_code == "setup_required":
        return HTTPResponse(b"", 303, {"Location": SETUP, "X-Request-ID": request_id})
    headers = PAGE_HEADERS | {"X-Request-ID": request_id}
    if known.retry_after_seconds is not None:
        headers["Retry-After"] = str(known.retry_after_seconds)
    body = rendered("error.html", staff=None, error=known, request_id=request_id)
    return HTTPResponse(body, known.status, headers, HTML)


def _sign_in_address(request: Request) -> str:
    """Bring people back to the page they wanted to read; a form that was sent is not sent again."""
    wanted = request.path if request.method == "GET" else ""
    return f"{SIGN_IN}?next={quote(wanted, safe='/')}" if wanted not in ("", "/staff") else SIGN_IN


def _settled(error: BaseException, request_id: str) -> SanjinError:
    """Name the error and write what the log must know of it."""
    known = as_known(error)
    if known is None:
        log.error("unhandled_error", request_id=request_id, exc_info=error)
        return SanjinError()
    if known.status >= 500:
        log.warning("request_failed", request_id=request_id, code=known.stable_code, details=known.details)
    return known


def as_known(error: BaseException) -> SanjinError | None:
    """Translate an error into one of the house's families; None when nobody expected it."""
    if isinstance(error, SanjinError):
        if error.status == 503 and error.retry_after_seconds is None:
            error.retry_after_seconds = 5
        return error
    if isinstance(error, db.AWAY):
        return ServiceUnavailable(retry_after_seconds=5, cause=type(error).__name__)
    if isinstance(error, asyncpg.DeadlockDetectedError):
        # Nothing of it was written, and whoever was in the way has finished.
        return ServiceUnavailable(retry_after_seconds=1, cause=type(error).__name__)
    if isinstance(error, _UNSTORABLE):
        # Every door checks what it reads; this is for the value that nobody thought of. The message would repeat it.
        trace = "".join(traceback.format_tb(error.__traceback__))
        log.error("value_refused_by_database", error=type(error).__name__, trace=trace)
        return InvalidRequest()
    if isinstance(error, SanicException) and error.status_code in _FRAMEWORK:
        code, message = _FRAMEWORK[error.status_code]
        known = SanjinError(message, code=code)
        known.status = error.status_code  # type: ignore[misc]  # the framework's own status
        return known
    return None


class Problems(ErrorHandler):
    """Errors that Sanic meets before or outside a door (unknown address, malformed request, body too large)."""

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        if isinstance(exception, RequestCancelled):
            return HTTPResponse(b"", _HUNG_UP)  # nobody is there to read it
        if request is not None and request.path.startswith(_CONSOLE):
            return error_page(exception, request, request_id_of(request))
        return problem(exception, request_id_of(request))


def request_id_of(request: Request | None) -> str:
    """Return the caller's X-Request-ID where it is harmless, else one of ours."""
    given = request.headers.get("x-request-id", "") if request is not None else ""
    if given and len(given) <= 64 and given.isascii() and given.replace("-", "").replace("_", "").isalnum():
        return str(given)
    return _next_id()


_process = secrets.token_hex(6)
_numbers = itertools.count()


def _next_id() -> str:
    return f"{_process}{next(_numbers):08x}"
