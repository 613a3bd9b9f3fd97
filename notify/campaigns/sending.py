"""Sends what a campaign has written: a few jobs at a time claim batches at the campaign's pace and deliver them.

Run by the job runner. It stops between two batches when the campaign does, and ends it when nothing is left.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from app import clock
from app.pacing import Pacing
from notify.campaigns import repository, sending_repository
from notify.campaigns.announcing import Announcer
from notify.campaigns.states import CampaignStatus
from notify.delivering.batches import Delivering
from notify.notices_repository import claim_of_campaign
from notify.states import lease

_TURN_SECONDS = 5.0
"""A job works so long, then its follower does: runners that are asked to stop need not wait."""
_MOST_WAIT_SECONDS = 4.0
_LARGEST_BATCH = 500
_PAGE = 2_000
_CANCEL_AGAIN_SECONDS = 10


class Sending:
    """The jobs of campaigns that send, take back and try again."""

    def __init__(self, delivering: Delivering, pacing: Pacing, announcer: Announcer) -> None:
        self._delivering, self._pacing, self._announcer = delivering, pacing, announcer

    async def send(self, payload: dict[str, Any]) -> None:
        """Send batches for some seconds, then leave a follower. Idempotent: yes, notices are leased."""
        campaign = await repository.get_campaign(uuid.UUID(payload["campaign_id"]))
        if campaign is None:
            return
        until_seconds, delay_seconds = clock.monotonic() + _TURN_SECONDS, 0
        while clock.monotonic() < until_seconds:
            status, rate = await repository.status_of(campaign.id)
            if status != CampaignStatus.SENDING:
                return
            count = batch_size(rate)
            wait = await self._pacing.reserve(f"campaign:{campaign.id.hex}", rate, count, _MOST_WAIT_SECONDS)
            if wait > _MOST_WAIT_SECONDS:
                delay_seconds = 1
                break
            if wait > 0:
                await asyncio.sleep(wait)
                if (await repository.status_of(campaign.id))[0] != CampaignStatus.SENDING:
                    return
            moment = clock.now()
            batch = await claim_of_campaign(campaign.id, moment, moment + lease(), count)
            if not batch:
                await self.end(campaign.id, campaign.campaign_no)
                return
            await self._delivering.deliver(batch)
            await self._announcer.changed(campaign.campaign_no)
        await sending_repository.follow(
            sending_repository.send_job(campaign.id, payload["slot"], 1 - payload["turn"], delay_seconds)
        )

    async def end(self, campaign_id: uuid.UUID, campaign_no: str) -> None:
        """Finish a campaign of which nothing is queued any more. Idempotent."""
        if await sending_repository.finish(campaign_id):
            await self._announcer.moved(campaign_no)

    async def cancel(self, payload: dict[str, Any]) -> None:
        """Take back what a cancelled campaign has not sent; what is being sent at this moment ends by itself."""
        campaign = await repository.get_campaign(uuid.UUID(payload["campaign_id"]))
        if campaign is None or campaign.status != CampaignStatus.CANCELLED:
            return
        while await sending_repository.suppress_page(campaign.id, _PAGE) == _PAGE:
            await self._announcer.changed(campaign.campaign_no)
        if await sending_repository.is_any_queued(campaign.id):
            job = sending_repository.cancel_job(campaign.id, 1 - payload["turn"], _CANCEL_AGAIN_SECONDS)
            await sending_repository.follow(job)
        await self._announcer.moved(campaign.campaign_no)

    async def resend(self, payload: dict[str, Any]) -> None:
        """Queue a page of failed notices again; its last one is where the next page begins."""
        campaign = await repository.get_campaign(uuid.UUID(payload["campaign_id"]))
        if campaign is not None and campaign.status == CampaignStatus.SENDING:
            await sending_repository.requeue_page(campaign.id, payload["reason"], uuid.UUID(payload["after"]), _PAGE)
            await self._announcer.changed(campaign.campaign_no)


def batch_size(rate_per_second: int) -> int:
    """Return how many notices one slot claims at once: at most half a second's, for a pause is heard between two."""
    return max(1, min(_LARGEST_BATCH, rate_per_second // 2))
