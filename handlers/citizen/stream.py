"""Door of live progress: a WebSocket that tells the signed-in person what happens to their cases, as it happens.

The token comes in the Authorization header or, where the platform allows none, as the first message. A stream lives
no longer than its token: a fresh one may be sent at any time as {"access_token": …}.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from sanic import Request, Sanic, Websocket
from sanic.exceptions import WebsocketClosed
from websockets.exceptions import ConnectionClosed

from app.errors import TooManyRequests, Unauthenticated
from app.tokens import Caller

if TYPE_CHECKING:
    from app.wiring import Container

PATH = "/api/v1/stream"
HEARTBEAT_SECONDS = 25.0
FIRST_MESSAGE_SECONDS = 10.0
UNAUTHENTICATED, TOO_MANY, RECONNECT = 4401, 4429, 4408
_OPEN_RATE = "60/minute"
_READY, _HEARTBEAT = '{"event":"stream.ready"}', '{"event":"stream.heartbeat"}'


class _Greeting(msgspec.Struct):
    access_token: str


_greetings = msgspec.json.Decoder(_Greeting)


class _Stream:
    """One open stream and the token it lives by."""

    def __init__(self, house: Container, socket: Websocket) -> None:
        self._house = house
        self._socket = socket
        self._token = ""

    async def serve(self, header: str) -> None:
        """Greet, then tell until the phone leaves or its token ends."""
        try:
            caller = await self._greeted(header)
            await self._house.limits.hit(_OPEN_RATE, "stream", caller.citizen_id.hex)
            async with self._house.live.subscribe(caller.citizen_id) as events:
                await self._socket.send(_READY)
                reading = asyncio.ensure_future(self._read())
                try:
                    await self._tell(caller, events, reading)
                finally:
                    reading.cancel()
        except Unauthenticated as error:
            await self._socket.close(UNAUTHENTICATED, error.stable_code)
        except TooManyRequests as error:
            await self._socket.close(TOO_MANY, error.stable_code)
        except (ConnectionClosed, WebsocketClosed):
            return

    async def _greeted(self, header: str) -> Caller:
        if header.startswith("Bearer "):
            self._token = header[7:]
        else:
            self._take(await self._socket.recv(FIRST_MESSAGE_SECONDS))
        caller: Caller = self._house.tokens.verify(self._token)
        return caller

    async def _tell(self, caller: Caller, events: asyncio.Queue[bytes], reading: asyncio.Future[None]) -> None:
        """Send what comes until the phone has left. Raises Unauthenticated when its token ends."""
        while not reading.done():
            coming = asyncio.ensure_future(events.get())
            try:
                await asyncio.wait((coming, reading), timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                # Nothing is told after a logout, and a merged citizen's events come on another channel.
                if self._house.tokens.verify(self._token).citizen_id != caller.citizen_id:
                    await self._socket.close(RECONNECT, "reconnect")
                    return
                if coming.done():
                    await self._socket.send(coming.result().decode())
                elif not reading.done():
                    await self._socket.send(_HEARTBEAT)
            finally:
                coming.cancel()
        reading.result()

    async def _read(self) -> None:
        """Take fresh tokens; return when the phone has left."""
        while True:
            try:
                message = await self._socket.recv()
            except (ConnectionClosed, WebsocketClosed):
                return
            if message is None:
                return
            self._take(message)

    def _take(self, message: Any) -> None:
        try:
            self._token = _greetings.decode(message or b"").access_token
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
            raise Unauthenticated(code="token_invalid") from None


async def _serve(request: Request, ws: Websocket) -> None:
    await _Stream(request.app.ctx.house, ws).serve(request.headers.get("authorization", ""))


def register(app: Sanic[Any, Any]) -> None:
    """Open the stream's address; the doors of `doors.py` speak HTTP only."""
    app.add_websocket_route(_serve, PATH, name="stream")
