"""Simulated Alipay (支付宝开放平台): the v2 gateway, login, trades, messages, bills, and what Alipay sends by itself.

Mounted by `python -m simulators` through the two functions below.
"""

from functools import partial

from aiohttp import web

from simulators.alipay import control as control_api
from simulators.alipay import gateway, pages, statements
from simulators.alipay.platform import Platform
from simulators.core import World
from simulators.exchange import endpoint


def routes(world: World) -> web.Application:
    """Return the application of the Alipay port."""
    platform = Platform(world)
    app = web.Application(client_max_size=2 * 1024 * 1024)
    for verb in ("GET", "POST"):
        app.router.add_route(verb, "/gateway.do", partial(gateway.handle, platform))
    app.router.add_post("/certify/{certify_id}", partial(pages.finish_certify, platform))
    download = endpoint(world, "alipay", "bill.download", partial(statements.download, platform))
    app.router.add_get("/downloadBillFile.resource", download)
    return app


def control(world: World) -> list[web.RouteDef]:
    """Return the control routes, relative to /control/alipay."""
    return control_api.control(Platform(world))
