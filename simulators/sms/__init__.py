"""Simulated SMS vendors on one port: Aliyun and Tencent Cloud, told apart by their action header.

Mounted by `python -m simulators`. Calls are named `aliyun.SendSms` and `tencent.SendSms` in faults and journal.
"""

from aiohttp import web

from simulators.core import World
from simulators.exchange import Exchange, serve
from simulators.sms import aliyun, tencent
from simulators.sms.control import control

__all__ = ["control", "routes"]


_VENDORS = (("aliyun", "x-acs-action", aliyun.answer), ("tencent", "x-tc-action", tencent.answer))
_KNOWN_ACTIONS = ("SendSms", "QuerySendDetails")


def routes(world: World) -> web.Application:
    """Return the application of the SMS port."""

    async def handle(request: web.Request) -> web.Response:
        found = next(((name, header, answer) for name, header, answer in _VENDORS if header in request.headers), None)
        if found is None:
            raise web.HTTPNotFound
        vendor, header, answer = found
        action = request.headers[header]

        async def run(exchange: Exchange) -> web.Response:
            return answer(world, action, exchange)

        call = action if action in _KNOWN_ACTIONS else "unknown"
        return await serve(world, "sms", f"{vendor}.{call}", request, run)

    app = web.Application(client_max_size=2 * 1024 * 1024)
    app.router.add_post("/", handle)
    return app
