"""The doors of couriers' pushes. They do not sign, so the address itself carries a secret."""

from __future__ import annotations

import hmac

from app.errors import NotFound
from handlers.doors import Auth, Call, Reply, Route


async def receive_sf(call: Call[None]) -> Reply:
    """Take a route push of SF (顺丰路由推送); it reads `return_code` and comes again after anything but 0000."""
    secret = call.house.settings.sf_push_token
    if not secret or not hmac.compare_digest(secret.encode(), call.path["token"].encode()):
        raise NotFound("地址不存在")
    return Reply(await call.house.delivery.receive("SF", call.raw))


ROUTES = (
    Route(
        "POST",
        "/callbacks/sf/<token:str>",
        receive_sf,
        auth=Auth.PROVIDER,
        summary="顺丰路由推送",
        tag="回调",
        limit_bytes=1_048_576,
    ),
)
