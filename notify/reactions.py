"""What the notify room does when something happened elsewhere; every reaction is idempotent."""

from __future__ import annotations

import uuid

from app.events import DomainEvent
from notify.service import NotifyService


class NoticeReactions:
    """Bound to event names by wiring: `tell` to every event that concerns a person."""

    def __init__(self, service: NotifyService) -> None:
        self._service = service

    async def tell(self, event: DomainEvent) -> None:
        """Tell the person concerned, where a template answers the event."""
        await self._service.tell(event)

    async def move_notices(self, event: DomainEvent) -> None:
        """Two records of one person became one: notices and permissions go with them."""
        await self._service.move_notices(
            uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
        )
