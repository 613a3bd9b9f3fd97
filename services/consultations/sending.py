"""How an answer reaches the person: by the platform's chat while it is open, otherwise by a notice. Three beats.

The row says QUEUED before anything is called, SENDING while it is, and how it ended after; what a dead process leaves
behind is found by the sweep. An unknown outcome is never repeated: a notice tells as well.
"""

from __future__ import annotations

import uuid
from datetime import datetime

import structlog

from app import clock, metrics
from app.crypto import FieldCipher
from app.db import Row
from app.errors import ProviderUnavailable
from app.events import DomainEvent
from services.consultations import desk_repository, states, words
from services.consultations.ports import CustomerMessages
from services.consultations.states import Sent

log = structlog.get_logger()
_BATCH = 50


class Sending:
    """Sends answers, one try each.

    Args:
        chats: a platform's chat by (provider, app id).
    """

    def __init__(self, chats: dict[tuple[str, str], CustomerMessages], cipher: FieldCipher) -> None:
        self._chats = chats
        self._cipher = cipher

    def way(self, row: Row, now: datetime) -> Sent:
        """Say how an answer in this thread goes out: QUEUED for the chat, else NOTICED."""
        is_open = states.may_chat(row["chatted_at"], now) and (row["provider"], row["app_id"]) in self._chats
        return Sent.QUEUED if is_open else Sent.NOTICED

    async def send(self, message_id: uuid.UUID) -> None:
        """Try a queued answer; one that has certainly not left waits for the next try of this job.

        Raises: ProviderUnavailable to be run again. Idempotent: yes, by the row's state.
        """
        row = await desk_repository.claim(message_id, clock.now())
        if row is None:
            return
        told = await self._chats[(row["provider"], row["app_id"])].send(
            row["subject"], self._cipher.decrypt(words.CONTENT, row["content_cipher"])
        )
        to = states.outcome(told, row["created_at"], clock.now())
        await self._finish(row, to)
        if to is Sent.QUEUED:
            raise ProviderUnavailable(provider=row["provider"], reason="customer_message_later")

    async def repair(self) -> None:
        """Send what its job has lost, and tell by notice what a dead process was about to send."""
        now = clock.now()
        for row in await desk_repository.list_abandoned(now - states.SENDING_LEASE, _BATCH):
            await self._finish(row, Sent.UNKNOWN)
        for message_id in await desk_repository.list_lost(now - states.LOST_AFTER, _BATCH):
            try:
                await self.send(message_id)
            except ProviderUnavailable as error:
                log.info("customer_message_waits", reason=error.stable_code)

    async def _finish(self, row: Row, to: Sent) -> None:
        tells = to in (Sent.NOTICED, Sent.UNKNOWN)
        event = answered(row, row["id"], row["created_at"], maybe_sent=to is Sent.UNKNOWN) if tells else None
        if await desk_repository.finish(row["id"], to, clock.now(), event):
            metrics.CUSTOMER_MESSAGES.labels(row["provider"], to).inc()


def answered(row: Row, message_id: uuid.UUID, at: datetime, *, maybe_sent: bool = False) -> DomainEvent | None:
    """Return the event by which a notice tells of an answer; None for a stranger, whom nothing else reaches."""
    if row["citizen_id"] is None:
        return None
    return DomainEvent(
        name="consultation.answered",
        subject_no=row["consultation_no"],
        citizen_id=row["citizen_id"].hex,
        occurred_at=at,
        part=message_id.hex,
        facts={"title": row["title"], "maybe_sent": maybe_sent},
    )
