"""The door of WeChat Pay's notifications: raw bytes in, 204 out, 401 for what is not genuine."""

from __future__ import annotations

from app.errors import CallbackRejected
from handlers.doors import Auth, Call, Reply, Route

_REFUSED = '{"code":"FAIL","message":"验签失败"}'.encode()


async def receive(call: Call[None]) -> Reply:
    """Take one notification; WeChat Pay reads the status alone and comes again after anything but 200 or 204."""
    try:
        answer = await call.house.payments.receive("WECHAT", call.path["mch_id"], call.request.headers, call.raw)
    except CallbackRejected:
        return Reply(_REFUSED, status=401)
    return Reply(answer.body, status=answer.status, content_type=answer.content_type)


ROUTES = (
    Route(
        "POST",
        "/callbacks/wechat-pay/<mch_id:str>",
        receive,
        auth=Auth.PROVIDER,
        summary="微信支付结果通知",
        tag="回调",
        status=204,
    ),
)
