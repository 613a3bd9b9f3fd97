"""Makes the Sanic application: settings in, an app with every route out. Used by run.py, the tests and the bench."""

from __future__ import annotations

import gc
from typing import Any

from sanic import Sanic
from sanic.config import Config

from app import db, logs, wiring
from app.settings import Settings
from handlers import access_log, doorkeeper, errors
from handlers.citizen import stream
from handlers.routes import all_routes

_BODY_MARGIN_BYTES = 65_536


def create_app(settings: Settings) -> Sanic[Any, Any]:
    """Make the application of one process."""
    logs.configure(settings.log_level)
    app: Sanic[Any, Any] = Sanic(
        "sanjintong", config=_config(settings), error_handler=errors.Problems(), configure_logging=False
    )
    doorkeeper.mount(app, all_routes(settings), citizen_rate=settings.citizen_rate)
    stream.register(app)

    @app.before_server_start
    async def open_house(app: Sanic[Any, Any]) -> None:
        await db.start(settings.database_url)
        app.ctx.house = await wiring.build(settings)
        await app.ctx.house.open()
        gc.freeze()  # what was loaded stays for good: looking through all of it holds every request up

    @app.after_server_stop
    async def close_house(app: Sanic[Any, Any]) -> None:
        await app.ctx.house.close()
        await db.stop()
        access_log.flush()

    return app


def _config(settings: Settings) -> Config:
    return Config(
        {
            "REQUEST_MAX_SIZE": settings.upload_limit_bytes + _BODY_MARGIN_BYTES,
            "REQUEST_TIMEOUT": 30,
            "RESPONSE_TIMEOUT": 60,
            "KEEP_ALIVE_TIMEOUT": 75,
            "GRACEFUL_SHUTDOWN_TIMEOUT": 5.0,
            "PROXIES_COUNT": settings.proxies or None,
            "ACCESS_LOG": False,
            "MOTD": False,
            "OAS": False,
            "AUTO_EXTEND": False,
            "TOUCHUP": True,
            "WEBSOCKET_MAX_SIZE": 65_536,
            "WEBSOCKET_PING_INTERVAL": 0,
        },
        env_prefix="SANIC_UNUSED_",
    )
