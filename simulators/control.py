"""The control API: faults, clock, journals, people, and each provider's own switches under /control/<provider>/.

For tests and demonstrations only; it is not part of any provider. Errors are JSON `{"error": ...}` with 400 or 404.
"""

import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from aiohttp import web

from simulators.config import Person
from simulators.core import World
from simulators.faults import KINDS, Fault


class ControlError(Exception):
    """A control call that cannot be done: 400, or 404 for something unknown."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def answer(payload: Any, status: int = 200) -> web.Response:
    """Return a JSON answer with Chinese unescaped."""
    return web.json_response(payload, status=status, dumps=lambda value: json.dumps(value, ensure_ascii=False))


async def read_json(request: web.Request) -> dict[str, Any]:
    """Return the body as a JSON object; an empty body is an empty object.

    Raises: ControlError.
    """
    raw = await request.read()
    try:
        value = json.loads(raw) if raw else {}
    except ValueError as error:
        raise ControlError("the body is not JSON") from error
    if not isinstance(value, dict):
        raise ControlError("the body must be a JSON object")
    return value


def need_text(body: Mapping[str, Any], name: str) -> str:
    """Return a required non-empty text field of a control body.

    Raises: ControlError.
    """
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError(f"{name}: a text is required")
    return value


def need_person(world: World, body: Mapping[str, Any]) -> Person:
    """Return the person named by the field `person`.

    Raises: ControlError (404) when nobody has this key.
    """
    key = need_text(body, "person")
    person = world.people.find(key)
    if person is None:
        raise ControlError(f"no person {key}", 404)
    return person


def build_control(world: World, providers: Mapping[str, Sequence[web.RouteDef]]) -> web.Application:
    """Return the control application. `providers`: name -> routes with paths relative to /control/<name>."""
    app = web.Application(middlewares=[_errors])
    app.add_routes(_core_routes(world))
    for name, routes in providers.items():
        app.add_routes([web.route(r.method, f"/control/{name}{r.path}", r.handler, **r.kwargs) for r in routes])
    return app


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except ControlError as error:
        return answer({"error": str(error)}, error.status)
    except web.HTTPException as error:
        return answer({"error": error.reason}, error.status)


def _core_routes(world: World) -> list[web.RouteDef]:
    async def overview(_: web.Request) -> web.Response:
        return answer({"providers": world.addresses, "calls": world.journal.counts()})

    async def healthz(_: web.Request) -> web.Response:
        return answer({"status": "ok", "pid": os.getpid()})

    async def reset(_: web.Request) -> web.Response:
        await world.reset()
        return answer({"status": "ok"})

    async def people(_: web.Request) -> web.Response:
        return answer([asdict(person) for person in world.people.all()])

    async def add_people(request: web.Request) -> web.Response:
        added = _parse_people(await read_json(request))
        for person in added:
            world.people.put(person)
        return answer({"added": len(added)})

    async def messages(request: web.Request) -> web.Response:
        query = request.query
        return answer(world.inbox.list(query.get("person", ""), query.get("channel", ""), _limit(request, 200)))

    return [
        web.get("/control", overview),
        web.get("/control/healthz", healthz),
        web.post("/control/reset", reset),
        web.get("/control/people", people),
        web.post("/control/people", add_people),
        web.get("/control/messages", messages),
        *_clock_routes(world),
        *_fault_routes(world),
        *_journal_routes(world),
    ]


def _clock_routes(world: World) -> list[web.RouteDef]:
    def shown() -> web.Response:
        return answer({"offset_seconds": world.clock.offset_seconds, "now": world.clock.now().isoformat()})

    async def read_clock(_: web.Request) -> web.Response:
        return shown()

    async def move_clock(request: web.Request) -> web.Response:
        offset = (await read_json(request)).get("offset_seconds")
        if not isinstance(offset, int) or isinstance(offset, bool) or abs(offset) > 366 * 24 * 3600 * 10:
            raise ControlError("offset_seconds: an integer of at most ten years is required")
        world.clock.move(offset)
        return shown()

    return [web.get("/control/clock", read_clock), web.put("/control/clock", move_clock)]


def _fault_routes(world: World) -> list[web.RouteDef]:
    async def list_faults(_: web.Request) -> web.Response:
        return answer([fault.as_json() for fault in world.faults.list()])

    async def arm(request: web.Request) -> web.Response:
        fault = _parse_fault(await read_json(request))
        return answer(world.faults.arm(fault).as_json(), 201)

    async def delete(request: web.Request) -> web.Response:
        wanted = request.query.get("id", "")
        if wanted and not wanted.isdecimal():
            raise ControlError("id: a number is required")
        return answer({"deleted": world.faults.clear(int(wanted) if wanted else None)})

    return [
        web.get("/control/faults", list_faults),
        web.post("/control/faults", arm),
        web.delete("/control/faults", delete),
    ]


def _journal_routes(world: World) -> list[web.RouteDef]:
    async def requests(request: web.Request) -> web.Response:
        query = request.query
        rows = world.journal.list(query.get("provider", ""), query.get("call", ""), _limit(request, 50))
        return answer(rows)

    async def callbacks(request: web.Request) -> web.Response:
        attempts = world.callbacks.list(request.query.get("provider", ""), _limit(request, 50))
        return answer([attempt.as_json() for attempt in attempts])

    return [web.get("/control/requests", requests), web.get("/control/callbacks", callbacks)]


def _parse_fault(body: dict[str, Any]) -> Fault:
    try:
        fault = msgspec.convert({**body, "id": 0}, Fault)
    except msgspec.ValidationError as error:
        raise ControlError(str(error)) from error
    if fault.kind not in KINDS:
        raise ControlError(f"kind: one of {', '.join(sorted(KINDS))}")
    if fault.times == 0 or fault.times < -1:
        raise ControlError("times: a positive number, or -1 until deleted")
    return fault


def _parse_people(body: dict[str, Any]) -> list[Person]:
    rows = body.get("people", [body])
    try:
        return msgspec.convert(rows, list[Person])
    except msgspec.ValidationError as error:
        raise ControlError(str(error)) from error


def _limit(request: web.Request, default: int) -> int:
    text = request.query.get("limit", str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ControlError("limit: a positive number is required")
    return min(int(text), 5_000)
