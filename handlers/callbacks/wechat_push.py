"""The door of WeChat's message push (消息推送): the address test and the events."""

from __future__ import annotations

from urllib.parse import parse_qsl

from app.errors import CallbackRejected
from handlers.doors import Auth, Call, Reply, Route

_TEXT = "text/plain; charset=utf-8"


def _query(call: Call[None]) -> dict[str, str]:
    return dict(parse_qsl(call.request.query_string, keep_blank_values=True))


async def answer_check(call: Call[None]) -> Reply:
    """Answer WeChat's test of this address with its own echostr."""
    try:
        echo = call.house.notify.answer_push_check(call.path["app_id"], _query(call))
    except CallbackRejected:
        return Reply(b"", status=401, content_type=_TEXT)
    return Reply(echo.encode(), content_type=_TEXT, headers={"Cache-Control": "no-store"})


async def receive(call: Call[None]) -> Reply:
    """Take one pushed message; `success` ends WeChat's repeats."""
    try:
        await call.house.notify.receive_push(call.path["app_id"], _query(call), call.raw)
    except CallbackRejected:
        return Reply(b"", status=401, content_type=_TEXT)
    return Reply(b"success", content_type=_TEXT)


ROUTES = (
    Route(
        "GET",
        "/callbacks/wechat/<app_id:str>",
        answer_check,
        auth=Auth.PROVIDER,
        summary="微信消息推送地址校验",
        tag="回调",
    ),
    Route(
        "POST",
        "/callbacks/wechat/<app_id:str>",
        receive,
        auth=Auth.PROVIDER,
        summary="微信消息推送",
        tag="回调",
    ),
)
