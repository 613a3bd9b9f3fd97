"""Serves some routes of the house on a real port, for tests of doors with only the rooms they need."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sanic import Sanic
from sanic.config import Config

from handlers import doorkeeper, errors
from handlers.doors import Route

_KEPT_APPS = 8
_idle: dict[tuple[int, ...], tuple[Sequence[Route], Sanic[Any, Any]]] = {}
"""Applications that nobody serves now, by their routes: making the routes of all pages takes longer than most tests."""


@asynccontextmanager
async def served(
    house: Any,
    routes: Sequence[Route],
    register: Callable[[Sanic[Any, Any]], None] | None = None,
    *,
    citizen_rate: str = "",
) -> AsyncIterator[str]:
    """Serve the routes over this house (any object with the rooms they use); yields the base address."""
    key = () if register is not None or citizen_rate else tuple(map(id, routes))
    _, app = _idle.pop(key, (routes, None))
    is_new = app is None
    if app is None:
        app = _made(routes, register, citizen_rate)
    app.ctx.house = house
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    server = await app.create_server(sock=door, return_asyncio_server=True)
    assert server is not None
    if is_new:
        await server.startup()
    await server.start_serving()
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
        for connection in tuple(server.connections):
            connection.close_if_idle() if hasattr(connection, "close_if_idle") else None
        app.ctx.house = None  # else every house of a run stays in memory
        if key:
            _idle[key] = (routes, app)
        for left in [*_idle][:-_KEPT_APPS]:
            Sanic.unregister_app(_idle.pop(left)[1])
        if not key:
            Sanic.unregister_app(app)


def _made(
    routes: Sequence[Route], register: Callable[[Sanic[Any, Any]], None] | None, citizen_rate: str
) -> Sanic[Any, Any]:
    app: Sanic[Any, Any] = Sanic(
        f"doorway-{uuid.uuid4().hex}",
        config=Config({"ACCESS_LOG": False, "OAS": False, "AUTO_EXTEND": False, "TOUCHUP": False}),
        error_handler=errors.Problems(),
        configure_logging=False,
    )
    doorkeeper.mount(app, routes, citizen_rate=citizen_rate)
    if register is not None:
        register(app)
    return app
