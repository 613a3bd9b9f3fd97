"""Simulated SF Express (顺丰 丰桥): orders, roads, prices, labels, pushes. Mounted by `python -m simulators`."""

from functools import partial

from aiohttp import web

from simulators.core import World
from simulators.sf import gateway, labels
from simulators.sf.control import control

__all__ = ["control", "routes"]


def routes(world: World) -> web.Application:
    """Return the application of the SF port."""
    app = web.Application(client_max_size=2 * 1024 * 1024)
    app.router.add_post("/std/service", partial(gateway.handle, world))
    app.router.add_post("/oauth2/accessToken", partial(gateway.give_token, world))
    app.router.add_get("/labels/{number}.pdf", partial(labels.download, world))
    return app
