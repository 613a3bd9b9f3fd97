"""What remedies do when something happened. Listed by wiring, run as jobs, each idempotent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction
from services.applications.remedies.service import Remedies

_LOST, _OUTBOUND = "LOST", "OUTBOUND"


class RemedyReactions:
    """One short method a domain event."""

    def __init__(self, remedies: Remedies) -> None:
        self._remedies = remedies

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions for wiring."""
        return {"shipment.exception": (("remedies.reissue_lost", self.reissue_lost),)}

    async def reissue_lost(self, event: DomainEvent) -> None:
        """shipment.exception: what the courier admits to have lost is voided and made again."""
        if (event.facts.get("status"), event.facts.get("leg")) == (_LOST, _OUTBOUND):
            await self._remedies.reissue_admitted(event.facts["shipment_no"])
