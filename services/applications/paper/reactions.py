"""What follows for papers when something happened to a case. Listed by the frame's tables, run as jobs, idempotent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction
from services.applications.paper.originals import Originals
from services.applications.progress import Progress
from services.delivery.service import DeliveryService

_ENDS = ("application.withdrawn", "application.not_accepted", "application.closed", "application.terminated")


class PaperReactions:
    """One short method a domain event."""

    def __init__(self, originals: Originals, delivery: DeliveryService, progress: Progress) -> None:
        self._originals, self._delivery, self._progress = originals, delivery, progress

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions for wiring."""
        return {
            "application.received": (("paper.ask_originals", self.ask_originals),),
            "collection.collected": (("paper.close_collected", self.close_collected),),
            "delivery.changed": (("paper.go_other_way", self.go_other_way),),
            **dict.fromkeys(_ENDS, (("paper.end", self.end),)),
        }

    async def ask_originals(self, event: DomainEvent) -> None:
        """application.received: the pre-check is passed, originals may be sent now."""
        await self._originals.ask(event.subject_no)

    async def close_collected(self, event: DomainEvent) -> None:
        """collection.collected: the applicant has the result."""
        await self._progress.close_collected(event.subject_no, event.occurred_at)

    async def go_other_way(self, event: DomainEvent) -> None:
        """delivery.changed: the result goes in the way that was chosen last."""
        await self._progress.deliver(event.subject_no)

    async def end(self, event: DomainEvent) -> None:
        """A case ended: nothing more is awaited, and nothing more waits."""
        # Originals that were fetched with the result are not at the window any more.
        await self._delivery.collecting.settle(event.subject_no, is_given=event.facts.get("outcome") == "GRANTED")
        await self._originals.end(event.subject_no)
