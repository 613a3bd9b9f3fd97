"""What ratings do when something happened. Listed by the tables, run as jobs, each idempotent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction
from services.ratings.service import RatingService


class RatingReactions:
    """One short method a domain event."""

    def __init__(self, ratings: RatingService) -> None:
        self._ratings = ratings

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions."""
        return {
            "rating.given": (("ratings.note_rated", self.note_rated),),
            "citizen.merged": (("ratings.take_over", self.take_over),),
        }

    async def note_rated(self, event: DomainEvent) -> None:
        """rating.given: the case waits for no rating any more."""
        await self._ratings.note_rated(event.subject_no)

    async def take_over(self, event: DomainEvent) -> None:
        """citizen.merged: ratings follow the person."""
        await self._ratings.take_over(
            uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
        )
