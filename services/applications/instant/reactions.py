"""What instant approval does when something happened to a case. Listed by the table of reactions, each idempotent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction
from services.applications.instant.service import InstantApproval
from services.applications.progress import FEE, is_fee


class InstantReactions:
    """One short method a domain event."""

    def __init__(self, instant: InstantApproval) -> None:
        self._instant = instant

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions."""
        return {
            "application.submitted": (("instant.judge", self.judge),),
            "application.corrected": (("instant.judge", self.judge),),
            "application.accepted": (("instant.conclude", self.conclude),),
            "bill.confirmed": (("instant.note_paid", self.note_paid),),
        }

    async def judge(self, event: DomainEvent) -> None:
        """application.submitted, application.corrected: look whether the rules can decide."""
        await self._instant.judge(event.subject_no)

    async def conclude(self, event: DomainEvent) -> None:
        """application.accepted: grant what the rule has accepted, where no fee is due."""
        await self._instant.conclude(event.subject_no)

    async def note_paid(self, event: DomainEvent) -> None:
        """bill.confirmed: grant what waited for its fee."""
        if is_fee(event.facts.get("purpose", FEE)):
            await self._instant.note_paid(event.subject_no, event.facts["paid_at"], event.facts["title"])
