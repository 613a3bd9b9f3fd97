"""Simulated 快递鸟 (KDNiao): orders, queries, subscriptions with whole-road pushes. Run by `python -m simulators`."""

from functools import partial

from aiohttp import web

from simulators.core import World
from simulators.kdniao import gateway
from simulators.kdniao.control import control

__all__ = ["control", "routes"]


def routes(world: World) -> web.Application:
    """Return the application of the 快递鸟 port."""
    app = web.Application(client_max_size=2 * 1024 * 1024)
    for path, services in gateway.PATHS.items():
        app.router.add_post(path, partial(gateway.handle, world, services))
    return app
