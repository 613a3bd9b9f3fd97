"""Makes a logout or a merge known to every process at once: Redis tells them, PostgreSQL is asked where it cannot.

The accounts room announces; each process runs `run` beside its server. It must not decide who is signed out.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import structlog

from app import clock, db
from app.broadcast import Broadcast
from app.tokens import ACCESS_SECONDS, AccessTokens

log = structlog.get_logger()
CHANNEL = "sjt:revocations"
_POLL_SECONDS = 15.0
_POLL_SECONDS_ALONE = 1.0
_OVERLAP = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Recent:
    """What happened since a moment: sessions that ended, and citizens that became another (old, surviving)."""

    sessions: tuple[uuid.UUID, ...] = ()
    merges: tuple[tuple[uuid.UUID, uuid.UUID], ...] = ()


class Revocations:
    """The feed of ended sessions and merged citizens into this process's access tokens.

    Args:
        recent: reads from PostgreSQL what happened since an aware moment; asked at start and now and then, every
            second while Redis is away, so that nothing depends on a message that was lost.
    """

    def __init__(
        self, tokens: AccessTokens, broadcast: Broadcast, recent: Callable[[datetime], Awaitable[Recent]]
    ) -> None:
        self._tokens = tokens
        self._broadcast = broadcast
        self._recent = recent
        self._since = clock.now() - timedelta(seconds=ACCESS_SECONDS)

    async def announce(self, happened: Recent) -> None:
        """Apply here and tell the other processes. Call after the commit. Idempotent."""
        self._apply(happened)
        await self._broadcast.publish(CHANNEL, msgspec.json.encode(happened))

    async def catch_up(self) -> None:
        """Ask PostgreSQL what this process may have missed. Raises what a database that is away raises."""
        asked_at = clock.now()
        self._apply(await self._recent(self._since))
        # A transaction commits a little after the moment it wrote down, hence the overlap.
        self._since = asked_at - _OVERLAP

    async def run(self) -> None:
        """Listen and catch up until cancelled."""
        await self._broadcast.listen(CHANNEL, self._receive)
        while True:
            try:
                await self.catch_up()
            except db.AWAY as error:
                log.warning("revocations_not_read", error=type(error).__name__)
            await self._pause()

    async def _pause(self) -> None:
        waited = 0.0
        while waited < (_POLL_SECONDS if self._broadcast.connected else _POLL_SECONDS_ALONE):
            await asyncio.sleep(_POLL_SECONDS_ALONE)
            waited += _POLL_SECONDS_ALONE

    def _receive(self, message: bytes) -> None:
        try:
            self._apply(msgspec.json.decode(message, type=Recent))
        except (msgspec.DecodeError, msgspec.ValidationError):
            log.warning("revocation_unreadable")

    def _apply(self, happened: Recent) -> None:
        for session_id in happened.sessions:
            self._tokens.revoke(session_id)
        for old, surviving in happened.merges:
            self._tokens.redirect(old, surviving)
