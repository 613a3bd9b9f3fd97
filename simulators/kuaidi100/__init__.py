"""Simulated 快递100: orders, subscriptions with full-history pushes, queries, labels. Run by `python -m simulators`."""

from functools import partial

from aiohttp import web

from simulators.core import World
from simulators.kuaidi100 import gateway, labels
from simulators.kuaidi100.control import control

__all__ = ["control", "routes"]


def routes(world: World) -> web.Application:
    """Return the application of the 快递100 port; the vendor's three hosts are one here."""
    app = web.Application(client_max_size=2 * 1024 * 1024)
    app.router.add_post("/poll", partial(gateway.poll, world))
    app.router.add_post("/poll/query.do", partial(gateway.query, world))
    app.router.add_post("/order/borderapi.do", partial(gateway.signed, world, gateway.ORDER_METHODS))
    app.router.add_post("/label/order", partial(gateway.signed, world, gateway.LABEL_METHODS))
    app.router.add_get("/autonumber/auto", partial(gateway.autonumber, world))
    app.router.add_get(labels.PATH + "/{task_id}", partial(labels.show, world))
    return app
