"""The phones of bench.streams: opens streams as bare sockets, says `open`, then `heard` after each round of events."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

PEOPLE = 100
_AT_ONCE = 50
_EVENT = b"application.accepted"


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


class Orders(msgspec.Struct):
    """Where to connect, how often, and as whom."""

    port: int
    streams: int
    tokens: list[str]


class Phones(asyncio.Protocol):
    """One protocol object for all connections: counts the events that arrive."""

    def __init__(self, streams: int) -> None:
        self._streams = streams
        self._left = streams
        self._last = b""

    def data_received(self, data: bytes) -> None:
        """Count; an event is small and comes in one piece."""
        self._left -= data.count(_EVENT)
        if self._left <= 0:
            self._left += self._streams
            _say("heard")


async def _open(orders: Orders, token: str, turn: asyncio.Semaphore, phones: Phones) -> asyncio.Transport:
    request = (
        f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    async with turn:
        ready: asyncio.Future[None] = loop.create_future()
        transport, _ = await loop.create_connection(lambda: _Opening(ready, phones), "127.0.0.1", orders.port)
        transport.write(request)
        await asyncio.wait_for(ready, 60)
    return transport


class _Opening(asyncio.Protocol):
    """A connection until its first message, `stream.ready`; afterwards its bytes are counted with all others'."""

    def __init__(self, ready: asyncio.Future[None], phones: Phones) -> None:
        self._ready = ready
        self._phones = phones

    def data_received(self, data: bytes) -> None:
        if not self._ready.done():
            if b"stream.ready" in data:
                self._ready.set_result(None)
        else:
            self._phones.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ready.done():
            self._ready.set_exception(ConnectionError("refused"))
        else:
            _say("lost")


async def _main(orders: Orders) -> None:
    turn, phones = asyncio.Semaphore(_AT_ONCE), Phones(orders.streams)
    chosen = (orders.tokens[number % len(orders.tokens)] for number in range(orders.streams))
    opened = await asyncio.gather(*(_open(orders, token, turn, phones) for token in chosen))
    _say("open")
    await asyncio.sleep(3600)
    for transport in opened:
        transport.close()


if __name__ == "__main__":
    asyncio.run(_main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Orders)))
