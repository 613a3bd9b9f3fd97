"""Answers and errors of api.weixin.qq.com: HTTP 200, text/plain JSON, errcode and errmsg with a rid.

Every WeChat route is made by `method`. Source: WeChat mini-program server API, general error codes, 2026-07.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulators.config import WeChatApp
from simulators.core import World
from simulators.exchange import Exchange, endpoint

PROVIDER = "wechat"


class WeChatError(Exception):
    """An answer with errcode other than 0."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errcode = errcode
        self.errmsg = errmsg


Method = Callable[[World, Exchange], dict[str, Any]]


def method(world: World, name: str, run: Method) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the aiohttp handler of one API: errors become errcode answers, the `error` fault strikes first."""

    async def handle(exchange: Exchange) -> web.Response:
        try:
            fault = exchange.fault
            if fault is not None and fault.kind == "error":
                code = int(fault.code) if fault.code.lstrip("-").isdecimal() else -1
                raise WeChatError(code, fault.message or "system error")
            payload = run(world, exchange)
        except WeChatError as error:
            exchange.note(f"errcode {error.errcode}")
            payload = {"errcode": error.errcode, "errmsg": f"{error.errmsg} rid: {make_rid(world)}"}
        return web.Response(text=json.dumps(payload, ensure_ascii=False, separators=(",", ":")))

    return endpoint(world, PROVIDER, name, handle)


def make_rid(world: World) -> str:
    """Return a request id (rid) of the shape WeChat puts at the end of errmsg."""
    return f"{world.clock.wire_timestamp():x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


def read_body(exchange: Exchange) -> dict[str, Any]:
    """Return the JSON object in the request body.

    Raises: WeChatError 47001.
    """
    try:
        body = json.loads(exchange.body)
    except ValueError as error:
        raise WeChatError(47001, "data format error") from error
    if not isinstance(body, dict):
        raise WeChatError(47001, "data format error")
    return body


def text_of(body: dict[str, Any], name: str) -> str:
    """Return a text field of the body, empty when absent.

    Raises: WeChatError 47001 when it is not a text.
    """
    value = body.get(name, "")
    if not isinstance(value, str):
        raise WeChatError(47001, f"data format error, {name} should be string")
    return value


def find_app(world: World, app_id: str) -> WeChatApp | None:
    """Return the configured mini-program, or None."""
    return next((app for app in world.config.wechat.apps if app.app_id == app_id), None)


def check_app(world: World, app_id: str, secret: str) -> WeChatApp:
    """Return the mini-program whose id and secret these are.

    Raises: WeChatError 41002, 41004, 40013, 40125.
    """
    if not app_id:
        raise WeChatError(41002, "appid missing")
    if not secret:
        raise WeChatError(41004, "appsecret missing")
    app = find_app(world, app_id)
    if app is None:
        raise WeChatError(40013, "invalid appid")
    if not secrets.compare_digest(app.app_secret.encode(), secret.encode()):
        raise WeChatError(40125, "invalid appsecret")
    return app
