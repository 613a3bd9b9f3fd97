"""Sends waiting events to department systems: in the order of each case, signed, again with growing pauses for a day.

Run by the job `exchange.deliver` and by a sweep. An event is known by its number, so sending it twice is harmless.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from datetime import timedelta

import structlog

from app import clock, metrics
from app.crypto import FieldCipher
from app.db import Row
from app.errors import ProviderProtocolError, ProviderUnavailable
from app.signatures import SigningKey
from services.exchange import event_repository, repository
from services.exchange.guard import SECRET_COLUMN
from services.exchange.ports import EventSender

TRIES_END = timedelta(hours=24)
_LEASE = timedelta(seconds=60)
"""How long a claimed event is left alone: longer than a try takes; a killed sender's event comes again after it."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 1800.0
_AT_ONCE, _AT_MOST = 4, 500
log = structlog.get_logger()


class EventDelivery:
    """Sends events; two that run at once share the work, for every event is claimed first."""

    def __init__(self, cipher: FieldCipher, sender: EventSender) -> None:
        self._cipher, self._sender = cipher, sender

    async def deliver(self, system: str) -> None:
        """Send what waits for one system until nothing may go out now. Idempotent.

        Args:
            system: hex id, as the job carries it.
        """
        system_id = uuid.UUID(system)
        row = await repository.find_event_key(system_id)
        if row is None:
            log.error("system_has_no_event_key", system_id=system_id.hex)
            return
        secret = bytes.fromhex(self._cipher.decrypt(SECRET_COLUMN, row["secret_cipher"]))
        key = SigningKey(row["key_id"], row["algorithm"], secret)
        await asyncio.gather(*(self._work(system_id, key) for _ in range(_AT_ONCE)))

    async def deliver_waiting(self) -> None:
        """Send what waits for every system; one that is slow does not hold up the others."""
        waiting = await event_repository.list_waiting_systems(clock.now())
        await asyncio.gather(*(self.deliver(system_id.hex) for system_id in waiting))

    async def _work(self, system_id: uuid.UUID, key: SigningKey) -> None:
        for _ in range(_AT_MOST):
            now = clock.now()
            event = await event_repository.claim(system_id, now, now + _LEASE)
            if event is None or not await self._send(event, key):
                return

    async def _send(self, event: Row, key: SigningKey) -> bool:
        """Send one event; say whether the next may be tried at once."""
        if not event["url"]:
            await self._put_off(event, "system_inactive", counts=False)
            return False
        counts, status, error = True, 0, ""
        try:
            status = await self._sender.send(
                event["code"], event["url"], key, event["event_no"], event["content"].encode()
            )
        except ProviderUnavailable as failure:
            error = str(failure.details.get("reason", "unavailable"))
            counts = error != "circuit_open"
        except ProviderProtocolError:
            error = "answer_too_large"
        if 200 <= status < 300:
            await event_repository.mark_sent(event["id"], clock.now())
            metrics.SYSTEM_EVENTS.labels(event["code"], "sent").inc()
            return True
        await self._put_off(event, error or f"status_{status}", counts=counts)
        return counts

    async def _put_off(self, event: Row, error: str, *, counts: bool) -> None:
        now = clock.now()
        failed = now - event["first_tried_at"] >= TRIES_END
        metrics.SYSTEM_EVENTS.labels(event["code"], "failed" if failed else "put_off").inc()
        log.warning("system_event_unsent", system=event["code"], event_no=event["event_no"], error=error, final=failed)
        await event_repository.mark_unsent(
            event["id"],
            counts=counts,
            next_try_at=now + pause_after(event["attempts"]),
            failed=failed,
            error=error,
        )


def pause_after(attempts: int) -> timedelta:
    """Return the pause after so many tries: 2 s, doubled up to half an hour, give or take a fifth."""
    seconds = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** min(attempts, 20))
    return timedelta(seconds=seconds * (800 + secrets.randbelow(401)) / 1000)
