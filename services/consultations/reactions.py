"""What threads do when something happened, and their jobs and sweeps. Listed by the tables, each idempotent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import structlog

from app.events import DomainEvent
from app.jobs import JobFunction, Reaction, Sweep
from services.consultations.desk_repository import SEND
from services.consultations.service import ConsultationService

log = structlog.get_logger()


class ConsultationReactions:
    """One short method a domain event."""

    def __init__(self, consultations: ConsultationService) -> None:
        self._consultations = consultations

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions."""
        return {
            "platform.message_received": (("consultations.take", self.take),),
            "citizen.merged": (("consultations.take_over", self.take_over),),
        }

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload."""

        async def send(payload: dict[str, str]) -> None:
            await self._consultations.sending.send(uuid.UUID(payload["message_id"]))

        return {SEND: send}

    def sweeps(self) -> dict[str, tuple[str, Sweep]]:
        """Return sweep → (cron expression, what it does)."""
        return {
            "consultations.repair": ("* * * * * */30", self._consultations.sending.repair),
            "consultations.forget": ("55 18 * * *", self._consultations.forget_old),
        }

    async def take(self, event: DomainEvent) -> None:
        """platform.message_received: words by a platform's chat belong into a thread."""
        written = self._consultations.opened(str(event.facts.get("sealed", "")))
        if written is None:
            log.error("platform_message_unreadable", subject_no=event.subject_no)
            return
        await self._consultations.take(written)

    async def take_over(self, event: DomainEvent) -> None:
        """citizen.merged: threads follow the person."""
        await self._consultations.take_over(
            uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
        )
