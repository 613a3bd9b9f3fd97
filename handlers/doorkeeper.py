"""What every door does, once: who is calling, how much they sent, what it means, and how the answer looks.

`mount` turns each route into a Sanic handler; the factory calls it. It knows no use case: handlers do.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from app import metrics, signatures
from app.errors import Forbidden, PayloadTooLarge, Unauthenticated, UnsupportedMediaType
from handlers import access_log, idempotency
from handlers.answers import Answer
from handlers.doors import FORM, STAFF_COOKIE, Auth, Call, Handler, Reply, Route, all_optional
from handlers.errors import error_page, problem, request_id_of
from handlers.parsing import check_path, parse_body, parse_form, parse_query

_unfinished: set[asyncio.Task[HTTPResponse]] = set()
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def mount(app: Sanic[Any, Any], routes: Sequence[Route], *, citizen_rate: str = "") -> None:
    """Register routes with Sanic.

    Args:
        citizen_rate: how often one citizen may write, as `600/minute`; empty for no limit.
    """
    for route in routes:
        name = f"{route.method}_{route.path}".replace("/", "_").replace("<", "").replace(">", "").replace(":", "_")
        # Named, for Sanic would read it out of every handler's source text: four tenths of a second of each start.
        app.add_route(_door(route, citizen_rate), route.path, methods=[route.method], name=name, error_format="json")


def _door(route: Route, citizen_rate: str) -> Callable[..., Coroutine[Any, Any, HTTPResponse | None]]:
    read_body = _body_reader(route)
    handle, observe = route.handler, _observer(route)
    authenticate = partial(_staff, setup=True) if route.setup else _AUTHENTICATORS[route.auth]
    reads_query, remembers = (
        route.query,
        route.remembers and route.method in _WRITES and route.auth is not Auth.PROVIDER,
    )

    is_limited = citizen_rate != "" and route.auth is Auth.CITIZEN and route.method in _WRITES

    async def enter(call: Call[Any]) -> HTTPResponse | None:
        request = call.request
        await authenticate(call)
        check_path(call.path)
        if is_limited:
            await call.house.limits.hit_often(citizen_rate, "write", call.caller.citizen_id.hex)
        if route.method in _WRITES:
            _check_content(request, route)
        if read_body is not None:
            call.body = read_body(request.body)
        if reads_query is not None:
            call.query = parse_query(request.query_string, reads_query)
        key = request.headers.get("idempotency-key") if remembers else None
        if key is not None:
            return await _to_the_end(_once(call, handle, key))
        reply = await handle(call)
        if reply.pieces is None:
            return _encoded(call, reply)
        await _stream(call, reply, reply.pieces)
        return None

    async def door(request: Request, **path: str) -> HTTPResponse | None:
        started = time.perf_counter()
        request_id = request_id_of(request)
        call: Call[Any] = Call(request, request.app.ctx.house, path, request_id)
        try:
            response = await enter(call)
            status = 200 if response is None else response.status
        except Exception as error:  # noqa: BLE001  # the renderer: whatever happened becomes a problem
            response = error_page(error, request, request_id) if route.page else problem(error, request_id)
            status = response.status
            if request.responded:  # nobody may take the pieces that are out for the whole
                request.transport.close()
                response = None
        observe(status, time.perf_counter() - started, call)
        return response

    return door


def _body_reader(route: Route) -> Callable[[bytes], Any] | None:
    if route.body is None:
        return None
    if route.consumes == FORM:
        return partial(parse_form, kind=route.body)
    if route.consumes == "application/json":
        return partial(parse_body, decoder=msgspec.json.Decoder(route.body), optional=all_optional(route))
    return None


async def _stream(call: Call[Any], reply: Reply, pieces: AsyncGenerator[bytes, None]) -> None:
    """Send pieces as they come, each once the connection has taken those before."""
    async with aclosing(pieces):
        first = await anext(pieces, b"")
        headers = reply.headers | {"X-Request-ID": call.request_id, "X-Content-Type-Options": "nosniff"}
        sent: Any = await call.request.respond(Answer(b"", reply.status, headers, reply.content_type))
        await sent.send(first, end_stream=False)
        async for piece in pieces:
            await sent.send(piece, end_stream=False)
        await sent.eof()


async def _to_the_end(work: Coroutine[Any, Any, HTTPResponse]) -> HTTPResponse:
    """Finish work under a key also when the phone has hung up: it will ask for the answer with the same key."""
    task = asyncio.create_task(work)
    _unfinished.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


def _forget(task: asyncio.Task[HTTPResponse]) -> None:
    _unfinished.discard(task)
    if not task.cancelled():
        task.exception()  # whoever still listens has it already


async def _once(call: Call[Any], handle: Handler, key: str) -> HTTPResponse:
    owner = call.caller.citizen_id.hex if call.caller else call.staff.staff_id.hex if call.staff else call.address
    owner = call.system.system_id.hex if call.system else owner
    cipher = call.house.cipher
    held = await idempotency.claim(call.request, owner, key, cipher)
    if isinstance(held, HTTPResponse):
        held.headers["X-Request-ID"] = call.request_id
        return held
    try:
        response = _encoded(call, await handle(call))
    except Exception as error:  # noqa: BLE001  # the renderer: a refusal is an answer too, and is remembered
        response = problem(error, call.request_id)
    await idempotency.finish(held, response, cipher)
    return response


def _encoded(call: Call[Any], reply: Reply) -> HTTPResponse:
    """Encode a reply; answers 304 where the client holds this version already."""
    headers = reply.headers
    headers["X-Request-ID"] = call.request_id
    headers["X-Content-Type-Options"] = "nosniff"
    value = reply.value
    body = value if isinstance(value, bytes) else b"" if value is None else msgspec.json.encode(value)
    if call.request.method == "GET":
        tag = reply.etag or (
            f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"' if reply.status == 200 else ""
        )
        if tag:
            headers["ETag"] = tag
            # What staff see is other people's; their browsers, often shared, must not keep it.
            headers.setdefault("Cache-Control", "private, no-cache" if call.staff is None else "no-store")
            if call.request.headers.get("if-none-match") == tag:
                return Answer(b"", 304, headers)
    elif reply.etag:
        headers["ETag"] = reply.etag
    return Answer(body, reply.status, headers, reply.content_type)


def _check_content(request: Request, route: Route) -> None:
    if len(request.body) > route.limit_bytes:
        raise PayloadTooLarge(f"请求内容不能超过 {route.limit_bytes // 1024} KiB")
    if route.page:
        _refuse_other_sites(request)
    if route.consumes == "application/json" and (route.body is None or not request.body):
        return
    if route.auth is not Auth.PROVIDER:
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given != route.consumes:
            raise UnsupportedMediaType(f"内容类型应为 {route.consumes}")


def _refuse_other_sites(request: Request) -> None:
    """Refuse a form that another site's page has sent, also where no session guards it (sign-in)."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    else:
        foreign = origin is not None and origin.partition("://")[2] != request.host
    if foreign:
        raise Forbidden("请从本站页面提交", code="csrf_failed")


async def _nobody(call: Call[Any]) -> None:
    """PUBLIC and PROVIDER doors: the handler looks for itself."""


async def _citizen(call: Call[Any]) -> None:
    header = call.request.headers.get("authorization", "")
    if not header.startswith("Bearer "):
        raise Unauthenticated
    call.caller = call.house.tokens.verify(header[7:])


async def _staff(call: Call[Any], *, setup: bool = False) -> None:
    header = call.request.headers.get("authorization", "")
    if header.startswith("Bearer "):
        call.staff = await call.house.staff.authenticate(header[7:], setup=setup)
        return
    cookie = call.request.cookies.get(STAFF_COOKIE)
    if not cookie:
        raise Unauthenticated
    is_unattended = call.request.method == "GET" and "x-unattended" in call.request.headers
    call.staff = await call.house.staff.authenticate(cookie, setup=setup, unattended=is_unattended)
    if call.request.method in _WRITES:
        form = call.request.get_form()
        given = call.request.headers.get("x-csrf-token") or (form.get("csrf_token") if form else None)
        call.house.staff.check_csrf(call.staff, given or "")


async def _system(call: Call[Any]) -> None:
    """Believe a department system by its signature over the request's exact bytes, before anything of them is read."""
    request = call.request
    target = request.raw_url.decode("latin-1")
    claim = signatures.claimed(request.headers)
    call.system = await call.house.exchange.verify(request.method, target, claim, call.raw)


_AUTHENTICATORS = {
    Auth.PUBLIC: _nobody,
    Auth.PROVIDER: _nobody,
    Auth.CITIZEN: _citizen,
    Auth.STAFF: _staff,
    Auth.SYSTEM: _system,
}


def _observer(route: Route) -> Callable[[int, float, Call[Any]], None]:
    """Metrics and access log of one route, with what never changes looked up once."""
    children: dict[int, Any] = {}

    def observe(status: int, seconds: float, call: Call[Any]) -> None:
        child = children.get(status)
        if child is None:
            child = children[status] = metrics.REQUESTS.labels(route.path, route.method, str(status))
        child.observe(seconds)
        access_log.write(route.method, route.path, status, seconds, call.request_id)

    return observe
