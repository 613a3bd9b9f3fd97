"""What campaigns need from other rooms, and the room itself out of it. Called by wiring only."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from app.db import Transaction
from app.live import Announcements
from app.pacing import Pacing
from app.settings import Settings
from notify.campaigns.room import CampaignRoom
from notify.campaigns.types import Audience, AudienceSize, Officer, People
from notify.ports import NoticeTable
from notify.service import NotifyService
from services.audiences.service import AudienceService
from services.audiences.types import Criteria
from services.staff.audit import AuditTrail
from services.staff.types import Act


class AudienceSets:
    """Knows which people are meant (port notify.campaigns.ports.Audiences)."""

    def __init__(self, audiences: AudienceService) -> None:
        self._audiences = audiences

    async def check(self, audience: Audience, scope: Sequence[str]) -> None:
        """Refuse what names something unknown or outside of the scope. Raises: InvalidRequest."""
        await self._audiences.check(_criteria(audience, ""), scope)

    async def estimate(self, audience: Audience, scope: Sequence[str], topic: str) -> AudienceSize:
        """Say how many people are meant."""
        found = await self._audiences.estimate(_criteria(audience, topic), scope)
        return AudienceSize(people=found.people, is_exact=found.is_exact)

    async def page(
        self,
        audience: Audience,
        scope: Sequence[str],
        topic: str,
        after: uuid.UUID | None,
        limit: int,
        merged_since: datetime | None = None,
    ) -> People:
        """Return the next people."""
        found = await self._audiences.page(_criteria(audience, topic), scope, after, limit, merged_since)
        return People(found.ids, found.former)


class CampaignTrail:
    """Writes acts on campaigns into the audit trail of staff (port notify.campaigns.ports.Audit)."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    async def record(
        self, officer: Officer, action: str, campaign_no: str, details: Mapping[str, Any], tx: Transaction
    ) -> None:
        """Append an act in the transaction of the act itself."""
        await self._trail.record(Act(officer.username, action, "campaign", campaign_no, details, officer.address), tx)


def campaigns_room(
    settings: Settings,
    table: NoticeTable,
    notify: NotifyService,
    pacing: Pacing,
    audiences: AudienceService,
    audit: AuditTrail,
    announcements: Announcements,
) -> CampaignRoom:
    """Make the room of mass pushes."""
    return CampaignRoom(
        table=table,
        delivering=notify.delivering,
        shelf=notify.shelf,
        pacing=pacing,
        audiences=AudienceSets(audiences),
        audit=CampaignTrail(audit),
        announce=announcements.publish,
        approval_size=settings.campaign_approval_size,
    )


def _criteria(audience: Audience, topic: str) -> Criteria:
    return Criteria(**msgspec.structs.asdict(audience), topic=topic)
