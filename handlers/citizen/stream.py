"""Door of live progress: a WebSocket that tells the signed-in person what happens to their cases, as it happens.

The token comes in the Authorization header or, where the platform allows none, as the first message. A stream lives
no longer than its token: a fresh one may be sent at any time as {"access_token": …}. A phone that was away names the
last event it has seen and gets what it has missed, or `stream.gap` where that is not known.
"""

from __future__ import annotations

import socket as network
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
from sanic import Request, Sanic, Websocket
from sanic.exceptions import ServerError, WebsocketClosed
from websockets.exceptions import ConnectionClosed

from app.errors import TooManyRequests, Unauthenticated
from app.tokens import Caller
from handlers.citizen.live_stream import RECONNECT, TOO_MANY, UNAUTHENTICATED, OpenStream, Streams

if TYPE_CHECKING:
    from app.wiring import Container

PATH = "/api/v1/stream"
FIRST_MESSAGE_SECONDS = 10.0
_OPEN_RATE = "60/minute"
_ANSWER_PATIENCE_MILLISECONDS = 60_000
_LONGEST_ID = 32
_GONE = (ConnectionClosed, WebsocketClosed, ServerError)
__all__ = ["PATH", "RECONNECT", "TOO_MANY", "UNAUTHENTICATED", "register"]


class _Greeting(msgspec.Struct):
    access_token: str
    last_event_id: str = ""


_greetings = msgspec.json.Decoder(_Greeting)


class _Visit:
    """One connection: the greeting, then one task that reads until the phone has left."""

    def __init__(self, house: Container, streams: Streams, socket: Websocket) -> None:
        self._house = house
        self._streams = streams
        self._socket = socket

    async def serve(self, header: str, last_event_id: str) -> None:
        """Greet, then tell until the phone leaves or its token ends."""
        try:
            greeting = await self._greeted(header, last_event_id)
            caller: Caller = self._house.tokens.verify(greeting.access_token)
            await self._house.limits.hit(_OPEN_RATE, "stream", caller.citizen_id.hex)
            stream = OpenStream(self._house, self._streams, self._socket, caller, greeting.access_token)
            async with self._house.live.subscribe(caller.citizen_id, stream.receive, stream.missed):
                self._streams.add(stream)
                try:
                    await stream.begin(greeting.last_event_id)
                    await self._read(stream)
                finally:
                    self._streams.remove(stream)
        except Unauthenticated as error:
            await self._close(UNAUTHENTICATED, error.stable_code)
        except TooManyRequests as error:
            await self._close(TOO_MANY, error.stable_code)
        except _GONE:
            return

    async def _greeted(self, header: str, last_event_id: str) -> _Greeting:
        if header.startswith("Bearer "):
            return _Greeting(header[7:], last_event_id)
        greeting = _read_greeting(await self._socket.recv(FIRST_MESSAGE_SECONDS))
        return greeting if greeting.last_event_id else _Greeting(greeting.access_token, last_event_id)

    async def _read(self, stream: OpenStream) -> None:
        """Take fresh tokens until the phone has left."""
        while (message := await self._socket.recv()) is not None:
            stream.renew(_read_greeting(message).access_token)

    async def _close(self, code: int, reason: str) -> None:
        with suppress(*_GONE):
            await self._socket.close(code, reason)


def _read_greeting(message: Any) -> _Greeting:
    try:
        return _greetings.decode(message or b"")
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        raise Unauthenticated(code="token_invalid") from None


def register(app: Sanic[Any, Any]) -> None:
    """Open the stream's address; the doors of `doors.py` speak HTTP only."""
    streams = Streams()

    async def serve(request: Request, ws: Websocket) -> None:
        _give_dead_phones_up(request)
        asked = parse_qs(request.query_string).get("last_event_id", [""])[0][:_LONGEST_ID]
        header = request.headers.get("authorization", "")
        await _Visit(request.app.ctx.house, streams, ws).serve(header, asked)

    app.add_websocket_route(serve, PATH, name="stream")


def _give_dead_phones_up(request: Request) -> None:
    """Have the kernel end a connection whose phone has not answered for a minute; no ping of ours has to."""
    held = request.transport.get_extra_info("socket") if request.transport else None
    if held is not None and hasattr(network, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            held.setsockopt(network.IPPROTO_TCP, network.TCP_USER_TIMEOUT, _ANSWER_PATIENCE_MILLISECONDS)
