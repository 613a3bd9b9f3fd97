"""Simulated fiscal platform (财政非税收入收缴平台) of a province. Mounted by `python -m simulators`."""

from aiohttp import web

from simulators.core import World
from simulators.fiscal import notices, payments, receipts, statements
from simulators.fiscal.control import control
from simulators.fiscal.platform import Platform
from simulators.fiscal.wire import method

__all__ = ["control", "routes"]

CALLS = {
    "notice/issue": notices.issue,
    "notice/query": notices.query,
    "notice/void": notices.void,
    "payment/confirm": payments.confirm,
    "receipt/query": receipts.query,
    "receipt/reverse": receipts.reverse,
    "statement/list": statements.list_day,
}


def routes(world: World) -> web.Application:
    """Return the application of the fiscal port."""
    platform = Platform(world)
    app = web.Application(client_max_size=1024 * 1024)
    for name, run in CALLS.items():
        app.router.add_post(f"/nontax/v1/{name}", method(platform, name, run))
    app.router.add_get("/receipts/{token}.pdf", receipts.page(world))
    return app
