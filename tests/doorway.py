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


@asynccontextmanager
async def served(
    house: Any,
    routes: Sequence[Route],
    register: Callable[[Sanic[Any, Any]], None] | None = None,
    *,
    citizen_rate: str = "",
) -> AsyncIterator[str]:
    """Serve the routes over this house (any object with the rooms they use); yields the base address."""
    app: Sanic[Any, Any] = Sanic(
        f"doorway-{uuid.uuid4().hex}",
        config=Config({"ACCESS_LOG": False, "OAS": False, "AUTO_EXTEND": False, "TOUCHUP": False}),
        error_handler=errors.Problems(),
        configure_logging=False,
    )
    app.ctx.house = house
    doorkeeper.mount(app, routes, citizen_rate=citizen_rate)
    if register is not None:
        register(app)
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    server = await app.create_server(sock=door, return_asyncio_server=True)
    assert server is not None
    await server.startup()
    await server.start_serving()
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
        for connection in tuple(server.connections):
            connection.close_if_idle() if hasattr(connection, "close_if_idle") else None
        Sanic.unregister_app(app)  # else every house of a run stays in memory
