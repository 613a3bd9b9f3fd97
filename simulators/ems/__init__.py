"""Simulated China Post EMS (协议客户开放平台): orders, labels, tracks, prices, and encrypted track pushes."""

from functools import partial

from aiohttp import web

from simulators.core import World
from simulators.ems import gateway
from simulators.ems.control import control

__all__ = ["control", "routes"]


def routes(world: World) -> web.Application:
    """Return the application of the EMS port: the live and the test address do the same."""
    app = web.Application(client_max_size=2 * 1024 * 1024)
    for name in ("open", "test"):
        app.router.add_post(f"/amp-prod-api/f/amp/api/{name}", partial(gateway.handle, world))
    app.router.add_get("/labels/{waybill_no}.pdf", partial(gateway.show_label, world))
    return app
