"""What the applications room does when something happened. Listed by wiring, run as jobs, each idempotent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from app import clock
from app.events import DomainEvent
from app.jobs import Reaction
from services.applications.progress import FEE, Progress, is_fee


class ApplicationReactions:
    """One short method a domain event, each calling one use case."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions for wiring."""
        return {
            "application.accepted": (("applications.bill_fee", self.bill_fee),),
            "application.reopened": (("applications.bill_fee", self.bill_fee),),
            "application.approved": (("applications.certify", self.certify),),
            "application.reissuing": (("applications.certify", self.certify),),
            "application.denied": (("applications.close_denied", self.close_denied),),
            "bill.confirmed": (("applications.note_paid", self.note_paid),),
            "licence.issued": (("applications.start_delivery", self.start_delivery),),
            "shipment.delivered": (("applications.close_delivered", self.close_delivered),),
            "citizen.merged": (("applications.take_over", self.take_over),),
        }

    async def bill_fee(self, event: DomainEvent) -> None:
        """application.accepted, application.reopened: the fee is due now, or due again."""
        await self._progress.bill_fee(event.subject_no)

    async def note_paid(self, event: DomainEvent) -> None:
        """bill.confirmed: the fiscal platform knows of the payment, so that the fee of the case is paid (已缴费)."""
        if not is_fee(event.facts.get("purpose", FEE)):
            return
        paid_at = clock.parse_rfc3339(event.facts["paid_at"])
        await self._progress.note_paid(event.subject_no, paid_at, event.facts["title"])

    async def certify(self, event: DomainEvent) -> None:
        """application.approved, application.reissuing: make the licences."""
        await self._progress.certify(event.subject_no)

    async def start_delivery(self, event: DomainEvent) -> None:
        """licence.issued: send the result on its way."""
        await self._progress.deliver(event.subject_no)

    async def close_delivered(self, event: DomainEvent) -> None:
        """shipment.delivered: the applicant has the result."""
        await self._progress.close_delivered(event.subject_no)

    async def close_denied(self, event: DomainEvent) -> None:
        """application.denied: the written refusal reaches the applicant with the notice of it."""
        await self._progress.close_denied(event.subject_no)

    async def take_over(self, event: DomainEvent) -> None:
        """citizen.merged: cases and files follow the person."""
        await self._progress.take_over(
            uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
        )
