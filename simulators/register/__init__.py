"""Simulated business register (市场主体登记): who is whose legal representative. Mounted by `python -m simulators`."""

from aiohttp import web

from simulators.core import World
from simulators.register.checks import check, control

__all__ = ["control", "routes"]


def routes(world: World) -> web.Application:
    """Return the application of the register's port."""
    app = web.Application(client_max_size=64 * 1024)
    app.router.add_post("/register/v1/representative-checks", check(world))
    return app
