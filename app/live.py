"""Live progress to the phones that are looking: events of one citizen, fanned out over Redis to all processes.

Wiring publishes every domain event that names a citizen; handlers/citizen/stream.py subscribes. It may fall silent
(Redis away, slow phone): the notices and the case itself hold the truth.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from app import clock
from app.broadcast import Broadcast
from app.events import DomainEvent

BUFFERED = 64
"""Events kept for a phone that reads slowly; older ones are dropped then."""


class LiveEvents:
    """Publishes events of citizens and hands them to open streams."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast

    async def publish(self, event: DomainEvent) -> None:
        """Tell the open streams of the person concerned, if any. Never fails: silence is allowed."""
        if event.citizen_id:
            await self._broadcast.publish(_channel(uuid.UUID(event.citizen_id)), _encoded(event))

    @asynccontextmanager
    async def subscribe(self, citizen_id: uuid.UUID) -> AsyncIterator[asyncio.Queue[bytes]]:
        """Open a stream; its queue holds the coming events as JSON texts, the newest BUFFERED of them."""
        waiting: asyncio.Queue[bytes] = asyncio.Queue(BUFFERED)

        def receive(message: bytes) -> None:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(message)

        await self._broadcast.listen(_channel(citizen_id), receive)
        try:
            yield waiting
        finally:
            await self._broadcast.leave(_channel(citizen_id), receive)


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
