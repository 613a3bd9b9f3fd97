"""The door of SMS delivery reports (短信回执); they are unsigned, so the path carries our secret."""

from __future__ import annotations

from app.errors import CallbackRejected
from handlers.doors import Auth, Call, Reply, Route


async def receive(call: Call[None]) -> Reply:
    """Take a push of reports; answered in the provider's own form."""
    try:
        answer = await call.house.notify.receive_receipts(call.path["provider"], call.path["token"], call.raw)
    except CallbackRejected:
        return Reply(b"{}", status=400)
    return Reply(answer)


ROUTES = (
    Route(
        "POST",
        "/callbacks/sms/<provider:str>/<token:str>",
        receive,
        auth=Auth.PROVIDER,
        summary="短信状态报告",
        tag="回调",
        limit_bytes=262_144,
    ),
)
