"""The doors of couriers' pushes. The address itself carries a secret; signatures are verified in the adapters."""

from __future__ import annotations

import hmac

from app.errors import NotFound
from handlers.doors import Auth, Call, Reply, Route
from services.delivery.types import Push

_DOORS = {
    "sf": "顺丰路由推送",
    "ems": "EMS 轨迹推送",
    "kuaidi100": "快递100 轨迹与订单推送",
    "kdniao": "快递鸟轨迹推送",
}


async def receive(call: Call[None]) -> Reply:
    """Take a courier's push; unsigned ones are believed only as far as the delivery room says."""
    courier = call.request.path.split("/")[2]
    secret = getattr(call.house.settings, f"{courier}_push_token")
    if not secret or not hmac.compare_digest(secret.encode(), call.path["token"].encode()):
        raise NotFound("地址不存在")
    push = Push(
        body=call.raw,
        content_type=call.request.headers.get("content-type", ""),
        query={name: values[0] for name, values in call.request.args.items()},
    )
    return Reply(await call.house.delivery.tracking.receive(courier.upper(), push))


ROUTES = tuple(
    Route(
        "POST",
        f"/callbacks/{courier}/<token:str>",
        receive,
        auth=Auth.PROVIDER,
        summary=summary,
        tag="回调",
        limit_bytes=1_048_576,
    )
    for courier, summary in _DOORS.items()
)
