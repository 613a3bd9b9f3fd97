"""Reactions of the exchange room: whatever happens to a case is told to the systems in charge of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction
from services.exchange.service import ExchangeService

_EVENTS = (
    "submitted received returned correction_requested corrected accepted not_accepted suspended resumed extended"
    " approved denied withdrawn certifying delivering closed terminated reopened reissuing handed_over"
).split()


class ExchangeReactions:
    """One idempotent reaction; the job runner calls it."""

    def __init__(self, exchange: ExchangeService) -> None:
        self._exchange = exchange

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Event → reactions."""
        return {f"application.{name}": (("exchange.tell_systems", self.tell_systems),) for name in _EVENTS}

    async def tell_systems(self, event: DomainEvent) -> None:
        """Write the events that the systems in charge have not been told. Idempotent."""
        await self._exchange.outbox.tell(event.subject_no)
