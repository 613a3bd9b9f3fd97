"""What assistances do when something happened, and what silence leaves behind. Listed by wiring, each idempotent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction, Sweep
from services.applications.assistance.service import AssistanceService


class AssistanceReactions:
    """One short method a domain event, each calling one use case."""

    def __init__(self, assistances: AssistanceService) -> None:
        self._assistances = assistances

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions for wiring."""
        return {
            "application.submitted": (("assistances.end_submitted", self.end_submitted),),
            "citizen.merged": (("assistances.take_over", self.take_over),),
        }

    def sweeps(self) -> Mapping[str, tuple[str, Sweep]]:
        """Return sweep → (cron expression, function) for wiring."""
        return {"assistances.end_run_out": ("*/5 * * * *", self.end_run_out)}

    async def end_submitted(self, event: DomainEvent) -> None:
        """application.submitted: what the help was for is done."""
        await self._assistances.end_submitted(event.subject_no)

    async def take_over(self, event: DomainEvent) -> None:
        """citizen.merged: assistances and agents' cases follow the person."""
        await self._assistances.take_over(
            uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
        )

    async def end_run_out(self) -> None:
        """End what has run out; the citizen is told."""
        await self._assistances.end_run_out()
