"""What the payments room does when something happened elsewhere; every reaction is idempotent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from app.events import DomainEvent
from app.jobs import Reaction
from payments.service import PaymentService


class Reactions:
    """Bound to event names by wiring."""

    def __init__(self, service: PaymentService) -> None:
        self._service = service

    def table(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions for wiring."""
        void = (("payments.void_bills", self.void_bills),)
        return {
            "application.withdrawn": void,
            "application.denied": void,
            "application.terminated": void,
            "citizen.merged": (("payments.move_bills", self.move_bills),),
            "refund.succeeded": (("payments.reverse_refund", self.reverse_refund),),
            "refund.bounced": (("payments.resume_confirmation", self.resume_confirmation),),
        }

    async def void_bills(self, event: DomainEvent) -> None:
        """A case has ended without its fee: nobody shall pay it any more."""
        await self._service.void_bills(event.subject_no, event.occurred_at)

    async def move_bills(self, event: DomainEvent) -> None:
        """Two records of one person became one: the bills go with them."""
        await self._service.move_bills(
            uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
        )

    async def reverse_refund(self, event: DomainEvent) -> None:
        """Money has gone back: the fiscal platform reverses what it had confirmed."""
        await self._service.fiscal.after_refund(event.facts["out_refund_no"])

    async def resume_confirmation(self, event: DomainEvent) -> None:
        """A bank gave back what had been refunded: a confirmation that was given up is taken up again."""
        await self._service.fiscal.after_bounce(event.facts["out_refund_no"])
