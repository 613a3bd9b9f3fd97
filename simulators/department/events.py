"""What reaches a department system: signed events, each counted once by its number, in the order of arrival.

Source: docs/exchange.md, Events.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulators.config import DepartmentSystem
from simulators.control import answer
from simulators.core import World
from simulators.department.signing import HEADERS, WINDOW_SECONDS, text, verify
from simulators.exchange import Exchange, endpoint
from simulators.json_input import parse_object

SECTION = "department"
_NONCES_KEPT = 5_000


def received(world: World, code: str) -> dict[str, Any]:
    """Return the events of a system by their numbers, in the order in which they came first."""
    return world.state.table(SECTION, f"events {code}")


def find_system(world: World, code: str) -> DepartmentSystem | None:
    """Return a configured system."""
    return next((system for system in world.config.department.systems if system.code == code), None)


def receive(world: World) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of the events' address."""

    async def handle(exchange: Exchange) -> web.Response:
        system = find_system(world, exchange.request.match_info["code"])
        if system is None:
            return answer({"error": "no such system"}, 404)
        fault = _fault(world, system, exchange)
        content = parse_object(exchange.body)
        number = exchange.request.headers.get("X-Exchange-Event", "")
        if fault or content is None or content.get("event_no") != number:
            exchange.note(fault or "unreadable")
            return answer({"error": fault or "unreadable"}, 401 if fault else 400)
        _keep(world, system, number, content)
        exchange.note(event_no=number, event=str(content.get("event")))
        return answer({"received": number})

    return endpoint(world, SECTION, "event", handle)


def _fault(world: World, system: DepartmentSystem, exchange: Exchange) -> str:
    key_id, timestamp, nonce, signature = (exchange.request.headers.get(name, "") for name in HEADERS)
    if key_id != system.event_key_id:
        return "unknown_key"
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or (
        abs(world.clock.wire_timestamp() - int(timestamp)) > WINDOW_SECONDS
    ):
        return "stale"
    request = exchange.request
    signed = text(system.algorithm, key_id, timestamp, nonce, request.method, request.raw_path, exchange.body)
    if not verify(system.algorithm, bytes.fromhex(system.event_key), signed, signature):
        return "bad_signature"
    seen = world.state.table(SECTION, "nonces")
    if f"{key_id}:{nonce}" in seen:
        return "replayed"
    seen[f"{key_id}:{nonce}"] = timestamp
    while len(seen) > _NONCES_KEPT:
        del seen[next(iter(seen))]
    return ""


def _keep(world: World, system: DepartmentSystem, number: str, content: dict[str, Any]) -> None:
    events = received(world, system.code)
    if number in events:
        events[number]["deliveries"] += 1
    else:
        events[number] = {"deliveries": 1, "content": content}
    world.state.touch()
