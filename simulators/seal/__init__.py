"""Simulated electronic seal authority (电子印章平台). Mounted by `python -m simulators`."""

from aiohttp import web

from simulators.core import World
from simulators.seal import seals
from simulators.seal.control import control
from simulators.seal.wire import Platform, method

__all__ = ["control", "routes"]


def routes(world: World) -> web.Application:
    """Return the application of the seal port."""
    platform = Platform(world)
    app = web.Application(client_max_size=64 * 1024)
    for name, run in {"seals": seals.seal, "seals/query": seals.query}.items():
        app.router.add_post(f"/seal/v1/{name}", method(platform, name, run))
    return app
