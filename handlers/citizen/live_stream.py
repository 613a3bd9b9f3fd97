"""Open streams of one process: what each has to send, and one timer for the heartbeats of all.

An idle stream costs no task of its own: somebody writes only while there is something to write. Used by stream.py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from sanic import Websocket
from sanic.exceptions import ServerError, WebsocketClosed
from websockets.exceptions import ConnectionClosed

from app.errors import Unauthenticated
from app.live_log import Entry, History, is_after
from app.tokens import Caller

if TYPE_CHECKING:
    from app.wiring import Container

HEARTBEAT_SECONDS = 25.0
BUFFERED = 64
"""Events that wait for a slow phone; with one more it is sent away, to come back and go on where it was."""
UNAUTHENTICATED, TOO_MANY, RECONNECT = 4401, 4429, 4408
_TURNS = 25
_CATCH_UPS = 32
_LEAVE_SECONDS = 10.0
_HEARTBEAT = '{"event":"stream.heartbeat"}'
_GONE = (ConnectionClosed, WebsocketClosed, ServerError)


class Streams:
    """All open streams of a process."""

    def __init__(self) -> None:
        self._turns: list[set[OpenStream]] = [set() for _ in range(_TURNS)]
        self._beating: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.reading = asyncio.Semaphore(_CATCH_UPS)

    def add(self, stream: OpenStream) -> None:
        """Give a stream its heartbeats, from the turn with the fewest."""
        min(self._turns, key=len).add(stream)
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())

    def remove(self, stream: OpenStream) -> None:
        """Forget a stream that has ended."""
        for turn in self._turns:
            turn.discard(stream)

    def run(self, work: asyncio.Task[None]) -> None:
        """Keep a task until it has ended."""
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)

    async def _beat(self) -> None:
        while any(self._turns):
            for turn in self._turns:
                await asyncio.sleep(HEARTBEAT_SECONDS / _TURNS)
                for stream in tuple(turn):
                    stream.beat()


class OpenStream:
    """One open stream and the token it lives by."""

    __slots__ = (
        "_caller", "_ending", "_has_missed", "_house", "_is_held", "_last_id", "_outgoing", "_read_to", "_reader",
        "_socket", "_streams", "_token", "_writing",
    )  # fmt: skip

    def __init__(self, house: Container, streams: Streams, socket: Websocket, caller: Caller, token: str) -> None:
        self._house = house
        self._streams = streams
        self._socket = socket
        self._caller = caller
        self._token = token
        self._last_id = ""
        self._read_to = ""
        self._outgoing: deque[Entry] = deque()
        self._is_held = True
        self._has_missed = False
        self._writing = False
        self._ending = False
        self._reader = asyncio.current_task()

    async def begin(self, last_event_id: str) -> None:
        """Say hello, then what was missed, then what has come meanwhile: each event once, in order."""
        history = await self._house.live.since(self._caller.citizen_id, last_event_id)
        resumed = bool(last_event_id) and history.is_whole
        # The id is where the phone stands once it has this message, not where it will be after the events to come.
        self._last_id = last_event_id if resumed else history.last_id
        shown = "true" if resumed else "false"
        await self._socket.send(f'{{"event":"stream.ready","id":"{self._last_id}","resumed":{shown}}}')
        if not history.is_whole:
            await self._socket.send(_gap(history.last_id))
        self._go_on(history)

    def receive(self, entry: Entry) -> None:
        """Take one event; the phone that has let too many wait is sent away."""
        if not is_after(entry.id, self._read_to):
            return  # the log has told it already
        self._outgoing.append(entry)
        if len(self._outgoing) > BUFFERED:
            self._end(RECONNECT, "slow")
        elif not self._is_held:
            self._write()

    def missed(self) -> None:
        """Read again what may have gone by unheard; where the log is being read, once more after that."""
        if self._is_held:
            self._has_missed = True
        elif not self._ending:
            self._is_held = True
            self._streams.run(asyncio.create_task(self._catch_up()))

    def renew(self, token: str) -> None:
        """Live by another token from now on. Raises Unauthenticated."""
        self._house.tokens.verify(token)
        self._token = token

    def beat(self) -> None:
        """Show that we live, or end with the token."""
        if self._may_go_on() and not self._outgoing and not self._writing and not self._is_held:
            self._outgoing.append(Entry("", _HEARTBEAT))
            self._write()

    async def _catch_up(self) -> None:
        async with self._streams.reading:
            history = await self._house.live.since(self._caller.citizen_id, self._last_id)
        if not (history.is_whole and self._last_id):
            history = History(False, history.last_id, (Entry(history.last_id, _gap(history.last_id)),))
            self._last_id = ""
        self._go_on(history)

    def _go_on(self, history: History) -> None:
        """Send what the log has told, then what came live after it."""
        self._read_to = history.last_id or self._read_to
        missed = [entry for entry in history.entries if not self._last_id or is_after(entry.id, self._last_id)]
        newer = [entry for entry in self._outgoing if is_after(entry.id, self._read_to)]
        self._outgoing.clear()
        self._outgoing.extend((*missed, *newer))
        self._is_held = False
        if self._outgoing:
            self._write()
        if self._has_missed:
            self._has_missed = False
            self.missed()

    def _write(self) -> None:
        if not self._writing and not self._ending:
            self._writing = True
            self._streams.run(asyncio.create_task(self._written()))

    async def _written(self) -> None:
        """Send what waits; a phone that does not take it in time is sent away."""
        try:
            while self._outgoing and not self._is_held and self._may_go_on():
                entry = self._outgoing.popleft()
                self._last_id = entry.id or self._last_id
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._socket.send(entry.text)
        except TimeoutError:
            self._end(RECONNECT, "slow")
        except _GONE:
            self._ending = True
        finally:
            self._writing = False

    def _may_go_on(self) -> bool:
        """Nothing is told after a logout, and a merged citizen's events come on another channel."""
        if self._ending:
            return False
        try:
            caller = self._house.tokens.verify(self._token)
        except Unauthenticated as error:
            self._end(UNAUTHENTICATED, error.stable_code)
            return False
        if caller.citizen_id != self._caller.citizen_id:
            self._end(RECONNECT, "reconnect")
        return not self._ending

    def _end(self, code: int, reason: str) -> None:
        if not self._ending:
            self._ending = True
            self._outgoing.clear()
            self._streams.run(asyncio.create_task(self._leave(code, reason)))

    async def _leave(self, code: int, reason: str) -> None:
        """Say why, and give the connection up where nobody answers."""
        with suppress(*_GONE, TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._socket.close(code, reason)
                await self._socket.wait_for_connection_lost(_LEAVE_SECONDS)
        if self._reader is not None:
            self._reader.cancel()


def _gap(last_id: str) -> str:
    return f'{{"event":"stream.gap","id":"{last_id}"}}'
