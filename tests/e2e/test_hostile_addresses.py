"""Every door against strange addresses, queries and headers, and the server against what is hardly HTTP."""

from __future__ import annotations

import msgspec
import pytest

from handlers.doors import Auth, Route
from tests.e2e.walking import PARAMETER, Doors, encoded, example
from tests.knocking import Heard, Knocker, check_problem

_NAMES = (
    "A" * 129, "A" * 5_000, "%00", "a%00b", "..%2F..%2Fetc%2Fpasswd", "%2e%2e%2f", "%F0%9F%92%A9", "%ff%fe",
    "%ED%A0%80", "';--", "%20", "-1", "None", "null", "0", "9" * 40, "00000000-0000-0000-0000-000000000000",
    "%0d%0aX-Evil:%20y", "{x}", "[", "\\", "%25%30%30", "%", "%zz", "<script>", "*", "true", "\u4e2d\u6587",
)  # fmt: skip
_QUERIES = (
    "a=b", "limit=0", "limit=101", "limit=-1", "limit=1e1", "limit=99999999999999999999", "limit=", "limit=%00",
    "limit=1&limit=2", "cursor=zzz", "cursor=%00", "cursor=" + "A" * 3_000, "cursor=AAAAAAAAAAAAAAAAAAAAAA==",
    "%ff=%ff", "&&&", "=", "?", "limit", "q=%00", "q=%ED%A0%80", "tab=%F0%9F", "tab[]=1", "q=" + "%27%22%3B",
    "&".join(f"p{n}=1" for n in range(40)),
)  # fmt: skip


def _check(route: Route, heard: Heard, what: str) -> None:
    assert heard.status < 500, (route.path, what, heard.body[:300])
    if heard.status >= 400 and not route.page:
        check_problem(heard)


def _body(route: Route) -> bytes | None:
    if route.method == "GET":
        return None
    return encoded(example(route)) if route.example is not None else b""


def test_strange_names_in_addresses_are_not_found(doors: Doors) -> None:
    for number, route in enumerate(doors.routes()):
        for parameter in PARAMETER.findall(route.path):
            for name in _NAMES:
                address = doors.address(route, **{parameter: name})
                knock = doors.knocker(route, number).knock
                _check(route, knock(route.method, address, _body(route), content_type=route.consumes), name)


def test_what_no_name_can_be_is_not_found(doors: Doors) -> None:
    own_case = next(route for route in doors.routes() if route.path == "/api/v1/applications/<application_no:str>")
    assert doors.knocker(own_case).knock("GET", doors.address(own_case)).status == 200
    for name in ("a%00b", "A" * 129, "..%2F..%2Fetc%2Fpasswd", f"{doors.application_no}%20"):
        check_problem(doors.knocker(own_case).knock("GET", doors.address(own_case, application_no=name)), 404)


def test_strange_queries_are_refused_where_a_query_is_read(doors: Doors) -> None:
    reads = [route for route in doors.routes() if route.method == "GET"]
    reading = [route for route in reads if route.query is not None or route.path.startswith("/api/")]
    for number, route in enumerate(reading):
        for query in _QUERIES:
            target = f"{doors.address(route)}?{query}"
            heard = doors.knocker(route, number).knock(route.method, target, _body(route), content_type=route.consumes)
            _check(route, heard, query)
            if route.query is not None and query in ("a=b", "&&&", "=", "%ff=%ff"):
                _check_refused(route, heard)


def _check_refused(route: Route, heard: Heard) -> None:
    assert heard.status == 400, (route.path, heard.status)
    if not route.page:
        check_problem(heard, 400)


def test_lists_refuse_faulty_pages_by_field(doors: Doors) -> None:
    lists = [route for route in doors.routes() if route.query is not None and not route.page]
    assert len(lists) >= 6
    for route in lists:
        names = {field.name for field in msgspec.structs.fields(route.query)}
        for name, value in (("limit", "0"), ("limit", "x"), ("cursor", "%00"), ("cursor", "!!"), ("zz", "1")):
            if name in names or name == "zz":
                heard = doors.knocker(route).knock("GET", f"{doors.address(route)}?{name}={value}")
                faults = check_problem(heard, 400)["errors"]
                assert [fault["path"] for fault in faults] == [name], (route.path, name, value, faults)


_ODD_KEYS: tuple[bytes, ...] = (
    b"", b" ", b"k" * 129, b"k" * 7_000, b"a b", b"\x7f", b"\xe4\xb8\xad", b"\xff", b"'; --", b"a\tb",
)  # fmt: skip
_ODD_VERSIONS: tuple[bytes, ...] = (
    b"x", b'"x"', b"-1", b"0", b"9" * 40, b'W/"1"', b'"1", "2"', b"\xff", b"*", b"1.x", b"",
)  # fmt: skip


@pytest.mark.parametrize(("name", "values"), [("Idempotency-Key", _ODD_KEYS), ("If-Match", _ODD_VERSIONS)])
def test_odd_headers_of_writes_are_no_fault_of_ours(doors: Doors, name: str, values: tuple[bytes, ...]) -> None:
    for number, route in enumerate(doors.routes()):
        for value in values if route.method != "GET" else ():
            heard = doors.send(route, b'{"zz_unknown": 1}', number, headers={name: value})
            _check(route, heard, str(value))


_HEADERS = (
    "X-Request-ID", "If-None-Match", "Accept", "Accept-Encoding", "Range", "Cookie", "Origin", "X-Forwarded-For",
    "X-HTTP-Method-Override", "X-CSRF-Token", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL",
    "Content-Encoding", "Expect", "Upgrade",
)  # fmt: skip
_ODD_VALUES = (b"", b"\xff\xfe", b"x" * 6_000, b"${jndi:ldap://x}", b"a,b;q=0,*", b"gzip, chunked", b"%00")


def test_odd_headers_of_reads_are_no_fault_of_ours(doors: Doors) -> None:
    reads = {route.path: route for route in doors.routes() if route.method == "GET"}
    for path in ("/api/v1/items", "/api/v1/me", "/staff/sign-in"):
        for name in _HEADERS:
            for value in _ODD_VALUES:
                knock = doors.knocker(reads[path]).knock
                _check(reads[path], knock("GET", path, headers={name: value}), f"{name}: {value[:20]!r}")


def test_request_ids_come_back_only_where_they_are_harmless(doors: Doors) -> None:
    knocker = Knocker(doors.base)
    assert knocker.json("GET", "/api/v1/me", X_Request_ID="My-id_42").headers["x-request-id"] == "My-id_42"
    for odd in (b"", b"x" * 65, b"a b", b"<script>", b"\xe4\xb8\xad", b"a\tb", b'"'):
        heard = knocker.knock("GET", "/api/v1/me", headers={"X-Request-ID": odd})
        assert check_problem(heard, 401)["request_id"].encode() != odd


def test_methods_that_an_address_does_not_take_are_refused(doors: Doors) -> None:
    taken = {(route.method, route.path) for route in doors.routes()}
    for route in doors.routes():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if (method, route.path) not in taken and not route.page:
                heard = doors.knocker(route).knock(method, doors.address(route), b"" if method != "GET" else None)
                assert check_problem(heard, 404, 405)["code"] in ("method_not_allowed", "not_found")
    for method in ("BREW", "TRACE", "CONNECT", "get"):
        assert Knocker(doors.base).knock(method, "/api/v1/items").status in (400, 404, 405, 501)


def _get(target: bytes, *headers: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join([b"GET " + target + b" " + version, *headers, b"Connection: close", b"", b""])


def _post(*headers: bytes, body: bytes = b"{}") -> bytes:
    lines = [b"POST /api/v1/auth/refresh HTTP/1.1", b"Host: x", *headers, b"Connection: close", b"", body]
    return b"\r\n".join(lines)


_HARDLY_HTTP = {
    "no request": b"\r\n\r\n",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no target": b"GET\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "version 9": _get(b"/healthz", b"Host: x", version=b"HTTP/9.9"),
    "spaces in the target": _get(b"/health z", b"Host: x"),
    "raw bytes in the target": _get(b"/\xff\xfe", b"Host: x"),
    "absolute target": _get(b"http://evil.example/healthz", b"Host: x"),
    "no host": _get(b"/healthz"),
    "odd host": _get(b"/healthz", b"Host: \xff/../@:99999"),
    "NUL in a header": _get(b"/healthz", b"Host: x", b"X: a\x00b"),
    "header without colon": _get(b"/healthz", b"Host: x", b"XYZ"),
    "two lengths": _post(b"Content-Length: 2", b"Content-Length: 3"),
    "odd length": _post(b"Content-Length: -5"),
    "length of letters": _post(b"Content-Length: abc"),
    "huge length": _post(b"Content-Length: 99999999999999999999"),
    "bad chunks": _post(b"Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n"),
    "huge chunk": _post(b"Transfer-Encoding: chunked", body=b"ffffffffffffffff\r\n{}"),
    "unknown coding": _post(b"Transfer-Encoding: gzip"),
    "large headers": _get(b"/healthz", b"Host: x", b"X-Padding: " + b"p" * 20_000),
    "many headers": _get(b"/healthz", b"Host: x", *[b"X: y"] * 3_000),
    "websocket without its key": b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
    "plain GET of the stream": _get(b"/api/v1/stream", b"Host: x"),
}


@pytest.mark.parametrize("request_bytes", _HARDLY_HTTP.values(), ids=_HARDLY_HTTP.keys())
def test_what_is_hardly_http_is_no_fault_of_ours(doors: Doors, request_bytes: bytes) -> None:
    heard = Knocker(doors.base).send(request_bytes)
    assert heard.status < 500 or heard.status == 505, heard.body[:300]
    if heard.status >= 400:
        check_problem(heard)


def test_a_length_and_chunks_at_once_smuggle_no_second_request(doors: Doors) -> None:
    """A proxy in front may believe the length, and the rest would be somebody else's request."""
    second = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    body = b"0\r\n\r\n" + second
    head = b"POST /api/v1/auth/refresh HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n"
    heard = Knocker(doors.base).send(head % len(body) + body)
    assert heard.status == 400
    assert heard.headers.get("connection", "").lower() == "close"


def test_pages_answer_errors_as_pages(doors: Doors) -> None:
    pages = [route for route in doors.routes() if route.page and route.auth is Auth.STAFF and route.query is not None]
    for route in pages:
        heard = doors.knocker(route).knock("GET", f"{doors.address(route)}?zz=1")
        assert (heard.status, heard.content_type.partition(";")[0]) == (400, "text/html"), route.path
