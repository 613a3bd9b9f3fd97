"""The doors of Alipay: payment notifications (异步通知) and the application gateway (应用网关)."""

from __future__ import annotations

from app.errors import CallbackRejected
from handlers.doors import Auth, Call, Reply, Route

_TEXT = "text/plain; charset=utf-8"
_ACCEPTED, _REFUSED = b"success", b"fail"


async def receive(call: Call[None]) -> Reply:
    """Take one payment notification; only the exact body `success` ends Alipay's repeats."""
    try:
        answer = await call.house.payments.receive("ALIPAY", call.path["app_id"], call.request.headers, call.raw)
    except CallbackRejected:
        return Reply(_REFUSED, status=401, content_type=_TEXT)
    return Reply(answer.body, status=answer.status, content_type=answer.content_type)


async def receive_message(call: Call[None]) -> Reply:
    """Answer the activation test, or store one message."""
    try:
        answer = await call.house.payments.receive_message(call.path["app_id"], call.raw)
    except CallbackRejected:
        return Reply(_REFUSED, status=401, content_type=_TEXT)
    if answer is not None:
        return Reply(answer.body, status=answer.status, content_type=answer.content_type)
    return Reply(_ACCEPTED, content_type=_TEXT)


ROUTES = (
    Route(
        "POST",
        "/callbacks/alipay/<app_id:str>",
        receive,
        auth=Auth.PROVIDER,
        summary="支付宝异步通知",
        tag="回调",
        consumes="application/x-www-form-urlencoded",
    ),
    Route(
        "POST",
        "/callbacks/alipay/<app_id:str>/gateway",
        receive_message,
        auth=Auth.PROVIDER,
        summary="支付宝应用网关",
        tag="回调",
        consumes="application/x-www-form-urlencoded",
    ),
)
