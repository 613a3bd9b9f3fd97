"""The console's live stream: server-sent events that name what has changed, never what it is now.

A page asks again, with its own rights, for the parts that show a named topic. The stream ends with the session and does
not keep it alive: somebody who left the desk is signed out as if no page were open.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from app.errors import Unauthenticated
from handlers.doors import STAFF_COOKIE, Call, Reply
from handlers.pages import page_route

HEARTBEAT_SECONDS = 20.0
GATHER_SECONDS = 1.0
_OPEN_RATE = "60/minute"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def stream(call: Call[None]) -> Reply:
    """Open the stream. Raises: TooManyRequests for a browser that opens them in a loop."""
    await call.house.limits.hit(_OPEN_RATE, "staff-stream", call.staff.session_id.hex)
    return Reply(pieces=_told(call), headers=dict(_HEADERS), content_type="text/event-stream; charset=utf-8")


async def _told(call: Call[None]) -> AsyncGenerator[bytes, None]:
    """Yield topics as they change, those of one second in one event; a comment now and then shows that we live."""
    async with call.house.announcements.subscribe() as topics:
        yield b"retry: 3000\n\n"
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    named = await topics.changed()
            except TimeoutError:
                named = []
            if not await _is_signed_in(call):
                return
            if named:
                yield b"data: " + " ".join(named).encode() + b"\n\n"
                await asyncio.sleep(GATHER_SECONDS)
            else:
                yield b":\n\n"


def _token(call: Call[None]) -> str:
    bearer = call.request.headers.get("authorization", "").removeprefix("Bearer ")
    return bearer or call.request.cookies.get(STAFF_COOKIE) or ""


async def _is_signed_in(call: Call[None]) -> bool:
    try:
        await call.house.staff.authenticate(_token(call), unattended=True)
    except Unauthenticated:
        return False
    return True


ROUTES = (page_route("/staff/stream", stream, "页面实时更新（服务器推送）"),)
