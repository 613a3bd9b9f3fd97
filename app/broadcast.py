"""Short messages to every process of the house over Redis pub/sub; one connection a process, whatever the channels.

Used by live progress and revocations. Nothing here is the only way a message travels: without Redis it falls silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

log = structlog.get_logger()
_AWAY = (RedisError, OSError, TimeoutError)
_PATIENCE_SECONDS = 0.5
_PAUSE_SECONDS = 1.0
_IDLE_CHANNEL = "sjt:idle"

Missed = Callable[[], None]
Receiver = Callable[[bytes], None]
"""Called in the event loop with the message; must return at once."""


class Broadcast:
    """Publishes, and delivers to receivers while `run` is running."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._receivers: dict[str, list[Receiver]] = {}
        self._missed: dict[Receiver, Missed] = {}
        self._link: PubSub | None = None

    @property
    def redis(self) -> Redis:
        """Return the Redis behind it."""
        return self._redis

    @property
    def connected(self) -> bool:
        """Tell whether messages arrive at present; those who depend on them look elsewhere meanwhile."""
        return self._link is not None

    async def publish(self, channel: str, message: bytes) -> bool:
        """Send to all processes; returns False where Redis is away (nobody hears it then)."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._redis.publish(channel, message)
        except _AWAY:
            return False
        return True

    async def listen(self, channel: str, receiver: Receiver, missed: Missed | None = None) -> None:
        """Have a receiver called for a channel, from now on and after every reconnect.

        Args:
            missed: called after a reconnect, when messages may have gone by unheard.
        """
        first = channel not in self._receivers
        if missed is not None:
            self._missed[receiver] = missed
        self._receivers.setdefault(channel, []).append(receiver)
        if first and self._link is not None:
            await self._told(self._link.subscribe, channel)

    async def leave(self, channel: str, receiver: Receiver) -> None:
        """Stop calling a receiver. Idempotent."""
        self._missed.pop(receiver, None)
        listed = self._receivers.get(channel, [])
        if receiver in listed:
            listed.remove(receiver)
        if not listed and self._receivers.pop(channel, None) is not None and self._link is not None:
            await self._told(self._link.unsubscribe, channel)

    async def run(self) -> None:
        """Receive until cancelled; comes back by itself after Redis was away."""
        while True:
            try:
                async with self._redis.pubsub() as link:
                    await link.subscribe(_IDLE_CHANNEL)
                    # From here on `listen` subscribes by itself; those who came before are subscribed now.
                    self._link = link
                    await link.subscribe(_IDLE_CHANNEL, *self._receivers)
                    for missed in tuple(self._missed.values()):
                        missed()
                    while True:
                        self._deliver(await link.get_message(ignore_subscribe_messages=True, timeout=5.0))
            except _AWAY as error:
                if self._link is not None:
                    log.warning("broadcast_lost", error=type(error).__name__)
            finally:
                self._link = None
            await asyncio.sleep(_PAUSE_SECONDS)

    def _deliver(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        channel, content = message["channel"], message["data"]
        name = channel.decode() if isinstance(channel, bytes) else str(channel)
        for receive in tuple(self._receivers.get(name, ())):
            receive(content if isinstance(content, bytes) else str(content).encode())

    @staticmethod
    async def _told(command: Callable[[str], Any], channel: str) -> None:
        """Tell Redis now; where that fails, the next connection is told by `run`."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await command(channel)
        except _AWAY as error:
            log.warning("broadcast_not_told", error=type(error).__name__)
