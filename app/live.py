"""Live progress to those who are looking: events of one citizen to phones, topics that changed to staff's pages.

Fanned out over Redis to all processes. Wiring publishes every domain event that names a citizen;
handlers/citizen/stream.py and the console's stream subscribe. It may fall silent (Redis away, slow phone): the
notices and the case itself hold the truth.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from app import clock
from app.broadcast import Broadcast
from app.events import DomainEvent
from app.live_log import Entry, History, LiveLog, read_published

_STAFF_CHANNEL = "sjt:staff-live"
BUFFERED = 64
"""Topics kept for a page that asks slowly; more are dropped then."""


class LiveEvents:
    """Publishes events of citizens, keeps those of the last hour, and hands them to open streams."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast
        self._log = LiveLog(broadcast.redis)

    async def publish(self, event: DomainEvent) -> None:
        """Tell the open streams of the person concerned, if any. Never fails: silence is allowed."""
        if event.citizen_id:
            citizen_id = uuid.UUID(event.citizen_id)
            await self._log.publish(citizen_id, _channel(citizen_id), _encoded(event))

    @asynccontextmanager
    async def subscribe(
        self, citizen_id: uuid.UUID, receive: Callable[[Entry], None], missed: Callable[[], None]
    ) -> AsyncIterator[None]:
        """Have `receive` called for each coming event, and `missed` when some may have gone by unheard.

        Both are called in the event loop and must return at once.
        """

        def heard(message: bytes) -> None:
            receive(read_published(message))

        await self._broadcast.listen(_channel(citizen_id), heard, missed)
        try:
            yield
        finally:
            await self._broadcast.leave(_channel(citizen_id), heard)

    async def since(self, citizen_id: uuid.UUID, last_id: str) -> History:
        """Return what a phone has missed since an event, as far as it is known."""
        return await self._log.since(citizen_id, last_id)


class Announcements:
    """Tells the pages of staff that something they show has changed: a topic as `cases` or `campaign:C2026…`.

    A topic carries no content: the page asks again with its own rights.
    """

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast

    async def publish(self, topic: str) -> None:
        """Name a topic that has changed. Never fails: silence is allowed."""
        await self._broadcast.publish(_STAFF_CHANNEL, topic.encode())

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Topics]:
        """Open a page's stream of topics."""
        topics = Topics()
        await self._broadcast.listen(_STAFF_CHANNEL, topics.add)
        try:
            yield topics
        finally:
            await self._broadcast.leave(_STAFF_CHANNEL, topics.add)


class Topics:
    """What has changed since somebody last asked: each topic once, however often it was named."""

    def __init__(self) -> None:
        self._named: dict[str, None] = {}
        self._some = asyncio.Event()

    def add(self, message: bytes) -> None:
        """Note a topic; those above BUFFERED are dropped, for the page asks again by itself now and then."""
        if len(self._named) < BUFFERED:
            self._named[message.decode()] = None
            self._some.set()

    async def changed(self) -> list[str]:
        """Wait until something has changed; return it all."""
        await self._some.wait()
        named = list(self._named)
        self._named.clear()
        self._some.clear()
        return named


def _channel(citizen_id: uuid.UUID) -> str:
    return f"sjt:live:{citizen_id.hex}"


def _encoded(event: DomainEvent) -> bytes:
    return msgspec.json.encode(
        {
            "event": event.name,
            "subject_no": event.subject_no,
            "occurred_at": clock.rfc3339(event.occurred_at),
            "facts": event.facts,
        }
    )
