"""One call to a provider: raw body, armed fault, journal row. Every provider route runs through `serve`.

Applies delay, hang, drop, drop_after, hang_after and http faults itself; all other kinds are the provider's to apply.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from simulators.core import World
from simulators.faults import Fault

HANG_SECONDS = 60
REFUSING_KINDS = ("hang", "drop", "http")


@dataclass(slots=True)
class Exchange:
    """What a provider handler gets: the request, its exact body bytes, and the fault that struck, if any."""

    request: web.Request
    body: bytes
    fault: Fault | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    outcome: str = ""

    def note(self, outcome: str = "", **fields: str | int | bool | None) -> None:
        """Add key fields to the journal row and set its outcome (default `ok` or the HTTP status). No secrets."""
        self.fields.update(fields)
        self.outcome = outcome or self.outcome

    def struck(self, kind: str) -> bool:
        """Say whether the armed fault is of this kind."""
        return self.fault is not None and self.fault.kind == kind


Handler = Callable[[Exchange], Awaitable[web.Response]]


def endpoint(
    world: World, provider: str, call: str, handler: Handler
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return an aiohttp handler for a path that is always the same call."""

    async def handle(request: web.Request) -> web.Response:
        return await serve(world, provider, call, request, handler)

    return handle


async def serve(world: World, provider: str, call: str, request: web.Request, handler: Handler) -> web.Response:
    """Run one call: read the body, take a fault, apply it, run the handler, write the journal.

    Use it directly where the call's name is inside the request (a single gateway path).
    """
    exchange = Exchange(request, await request.read(), world.faults.take(provider, call))
    fault = exchange.fault
    if fault is not None:
        await asyncio.sleep(fault.delay_seconds)
        if fault.kind in REFUSING_KINDS:
            world.journal.record(provider, call, {}, f"fault:{fault.kind}")
            return await _refuse(request, fault)
    response = await handler(exchange)
    outcome = exchange.outcome or ("ok" if response.status < 300 else str(response.status))
    if fault is not None:
        outcome = f"{outcome} fault:{fault.kind}"
    world.journal.record(provider, call, exchange.fields, outcome)
    if exchange.struck("hang_after"):
        await asyncio.sleep(HANG_SECONDS)
    if exchange.struck("drop_after") or exchange.struck("hang_after"):
        return _drop(request)
    return response


async def _refuse(request: web.Request, fault: Fault) -> web.Response:
    if fault.kind == "http":
        body = "<html><body>upstream fault</body></html>"
        return web.Response(status=fault.status, text=body, content_type="text/html")
    if fault.kind == "hang":
        await asyncio.sleep(HANG_SECONDS)
    return _drop(request)


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
