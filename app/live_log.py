"""The last hour of each person's live events in Redis, by which a phone that was away goes on where it was.

Redis is never the only copy: whoever finds the log gone or too short is told of a gap and reads the lists again.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

KEPT_SECONDS = 3600
KEPT_EVENTS = 200
_MOST_READ = 400
_PATIENCE_SECONDS = 0.5
_ID = re.compile(r"\d{1,15}-\d{1,10}")
_AWAY = (RedisError, OSError, TimeoutError)
_PUBLISH = """
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[4], id .. ' ' .. ARGV[1])
return id
"""
"""One step, so that events are heard in the order of their ids."""
_MARK = """
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'e', '')
redis.call('EXPIRE', KEYS[1], ARGV[2])
return id
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it is sent: its id and its JSON text."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class History:
    """What a phone has missed. `is_whole` is false where something may be lacking; `last_id` is where it is now."""

    is_whole: bool
    last_id: str
    entries: tuple[Entry, ...] = ()


class LiveLog:
    """Writes and reads the logs."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, citizen_id: uuid.UUID, channel: str, body: bytes) -> bool:
        """Keep an event and tell the open streams; False where Redis is away."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                arguments = (body, str(KEPT_EVENTS), str(KEPT_SECONDS), channel)
                await self._redis.eval(_PUBLISH, 1, _key(citizen_id), *arguments)
        except _AWAY:
            return False
        return True

    async def since(self, citizen_id: uuid.UUID, last_id: str) -> History:
        """Return what came after an event; whole only where that event is still in the log.

        Args:
            last_id: "" where the phone knows none; then nothing is missed and the end of the log is told.
        """
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._since(_key(citizen_id), last_id)
        except _AWAY:
            return History(not last_id, "")

    async def _since(self, key: str, last_id: str) -> History:
        if _ID.fullmatch(last_id):
            rows: Any = await self._redis.xrange(key, last_id, "+", count=_MOST_READ)
            if rows and rows[0][0].decode() == last_id and len(rows) < _MOST_READ:
                found = tuple(Entry(name.decode(), text_of(name, held[b"e"])) for name, held in rows[1:] if held[b"e"])
                return History(True, rows[-1][0].decode(), found)
        newest: Any = await self._redis.xrevrange(key, count=1)
        # An empty log is marked: from here on the phone can tell what it has missed.
        newest_id: Any = newest[0][0] if newest else await self._marked(key)
        return History(not last_id, newest_id.decode())

    async def _marked(self, key: str) -> Any:
        return await self._redis.eval(_MARK, 1, key, str(KEPT_EVENTS), str(KEPT_SECONDS))


def read_published(message: bytes) -> Entry:
    """Read what `publish` tells the open streams."""
    name, _, body = message.partition(b" ")
    return Entry(name.decode(), text_of(name, body))


def text_of(name: bytes, body: bytes) -> str:
    """Put the id into an event's JSON text."""
    return f'{{"id":"{name.decode()}",{body[1:].decode()}'


def is_after(name: str, other: str) -> bool:
    """Tell whether an event came after another, by their ids; everything comes after ""."""
    return _order(name) > _order(other)


def _order(name: str) -> tuple[int, int]:
    milliseconds, _, number = name.partition("-")
    return (int(milliseconds), int(number or 0)) if milliseconds else (-1, 0)


def _key(citizen_id: uuid.UUID) -> str:
    return f"sjt:live-log:{citizen_id.hex}"
