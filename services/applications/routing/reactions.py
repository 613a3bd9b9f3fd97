"""What routing does when a case was handed to another body. Listed by the table of reactions, each idempotent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction
from services.applications.routing.handover import Handover


class RoutingReactions:
    """One short method a domain event."""

    def __init__(self, handover: Handover) -> None:
        self._handover = handover

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions."""
        return {"application.handed_over": (("applications.rebill", self.rebill),)}

    async def rebill(self, event: DomainEvent) -> None:
        """application.handed_over: the fee is the new body's."""
        await self._handover.rebill(event.subject_no, event.occurred_at)
