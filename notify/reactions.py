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

    async def void_permissions(self, event: DomainEvent) -> None:
        """platform.user_auth_cancelled: what somebody allowed us to send them is allowed no more."""
        facts = event.facts
        await self._service.void_permissions(facts["provider"], facts["app_id"], facts["subject"], event.occurred_at)

    async def move_notices(self, event: DomainEvent) -> None:
        """Two records of one person became one: notices and permissions go with them."""
        await self._service.move_notices(
            uuid.UUID(event.facts["from_citizen_id"]), uuid.UUID(event.facts["into_citizen_id"])
        )
