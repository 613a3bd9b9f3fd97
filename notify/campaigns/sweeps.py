"""What silence left behind in campaigns: a scheduled moment that has come, and jobs that were lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from app import clock, db
from app.jobs import Sweep
from notify.campaigns import repository, sending_repository
from notify.campaigns.expanding import begin
from notify.campaigns.sending import Sending
from notify.campaigns.service import CampaignService
from notify.campaigns.states import CampaignStatus

_STALLED = timedelta(seconds=20)
_REMEMBERED = timedelta(days=7)


class CampaignSweeps:
    """Periodic repair of campaigns; safe to run in several processes at once."""

    def __init__(self, service: CampaignService, sending: Sending) -> None:
        self._service, self._sending = service, sending

    def table(self) -> Mapping[str, tuple[str, Sweep]]:
        """Return sweep name → (cron expression with seconds in the sixth place, coroutine) for wiring."""
        return {
            "campaigns.start_due": ("* * * * * */10", self.start_due),
            "campaigns.revive": ("* * * * * */15", self.revive),
        }

    async def start_due(self) -> None:
        """Start approved campaigns whose moment has come. Idempotent: by compare-and-set."""
        for campaign in await repository.list_to_start(clock.now()):
            await self._service.start_scheduled(campaign)

    async def revive(self) -> None:
        """Write the jobs of campaigns that lost them; end what has nothing left. Idempotent: jobs have keys."""
        moment = clock.now()
        for campaign in await repository.list_stalled(moment - _STALLED):
            async with db.transaction() as tx:
                begin(tx, campaign)
        await sending_repository.reopen_finished(moment - _REMEMBERED)
        for campaign in await repository.list_of_status(CampaignStatus.SENDING):
            if await sending_repository.is_any_due(campaign.id):
                async with db.transaction() as tx:
                    tx.pending += sending_repository.send_jobs(campaign.id)
            elif not await sending_repository.is_any_queued(campaign.id):
                await self._sending.end(campaign.id, campaign.campaign_no)
        for campaign_id in await sending_repository.list_half_cancelled(moment - _REMEMBERED):
            async with db.transaction() as tx:
                tx.pending.append(sending_repository.cancel_job(campaign_id))
