"""Simulated department systems (部门业务系统): receive our events, pull cases, push what they did. Mounted by
`python -m simulators`.
"""

from aiohttp import web

from simulators.core import World
from simulators.department.control import control
from simulators.department.events import receive

__all__ = ["control", "routes"]


def routes(world: World) -> web.Application:
    """Return the application of the department systems' port: one address for events each."""
    app = web.Application(client_max_size=1024 * 1024)
    app.router.add_post("/{code}/events", receive(world))
    return app
