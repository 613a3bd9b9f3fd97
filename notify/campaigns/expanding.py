"""Turns an audience into notices, page by page, each in one transaction with its counters and the job of the next.

Run by the job runner; a kill at any moment loses or doubles nobody. Sends nothing.
"""

from __future__ import annotations

import uuid

import structlog

from app import clock, db
from notify.campaigns import repository
from notify.campaigns.announcing import Announcer
from notify.campaigns.composing import complete
from notify.campaigns.expansion_repository import Words, next_page, write_page
from notify.campaigns.ports import Audiences
from notify.campaigns.repository import Campaign
from notify.campaigns.sending_repository import send_jobs
from notify.campaigns.states import Act, CampaignStatus, after, most_people, needs_approval
from notify.render import INBOX_LENGTH, TITLE_LENGTH, filled
from notify.templates import Shelf, Template

PAGE_PEOPLE = 4_000
log = structlog.get_logger()


class Expanding:
    """Writes the notices of campaigns."""

    def __init__(
        self, shelf: Shelf, audiences: Audiences, announcer: Announcer, approval_size: int, page: int = PAGE_PEOPLE
    ) -> None:
        self._shelf, self._audiences, self._announcer = shelf, audiences, announcer
        self._approval_size, self._page = approval_size, page

    async def expand(self, payload: dict[str, str]) -> None:
        """Write the next page; a payload whose page was written already does nothing. Idempotent: yes."""
        campaign = await repository.get_campaign(uuid.UUID(payload["campaign_id"]))
        if campaign is None or campaign.status != CampaignStatus.EXPANDING:
            return
        if (campaign.cursor.hex if campaign.cursor else "") != payload["after"]:
            return  # its page stands, and the job of the next one stands with it
        template = await self._shelf.exact(campaign.template_code, campaign.template_version)
        if template is None or campaign.started_at is None:
            log.error("campaign_without_template", campaign_no=campaign.campaign_no)
            return
        topic = topic_of(template)
        people = await self._audiences.page(campaign.audience, campaign.divisions, topic, campaign.cursor, self._page)
        if people.ids:
            if not await self._grown(campaign, topic, len(people.ids)):
                await write_page(campaign, words_of(template, campaign), people, people.ids[-1])
                await self._announcer.changed(campaign.campaign_no)
            return
        await self._end(campaign, template, topic)

    async def _end(self, campaign: Campaign, template: Template, topic: str) -> None:
        """Write those into whom somebody was merged meanwhile, for they may stand behind the cursor; then send."""
        assert campaign.started_at is not None, "nothing is expanded before it has started"
        words, cursor = words_of(template, campaign), None
        while True:
            people = await self._audiences.page(
                campaign.audience, campaign.divisions, topic, cursor, self._page, merged_since=campaign.started_at
            )
            if people.ids and not (await write_page(campaign, words, people, None))[0]:
                return
            if len(people.ids) < self._page:
                break
            cursor = people.ids[-1]
        to_status = after(CampaignStatus.EXPANDING, Act.EXPANDED)
        assert to_status is not None, "an edge of the table"
        async with db.transaction() as tx:
            if await repository.change(tx, campaign, to_status, {"is_expanded": True}):
                tx.pending += send_jobs(campaign.id)
        await self._announcer.moved(campaign.campaign_no)

    async def _grown(self, campaign: Campaign, topic: str, more: int) -> bool:
        """Ask again where the audience has grown past what was agreed to."""
        written = sum(count.notices for count in await repository.list_counts([campaign.id]))
        most = most_people(campaign.estimated or 0, campaign.approved_by != "", self._approval_size)
        if written + more <= most:
            return False
        size = await self._audiences.estimate(campaign.audience, campaign.divisions, topic)
        estimated = max(size.people, written + more)
        if not needs_approval(estimated, self._approval_size):
            return False
        to_status = after(CampaignStatus.EXPANDING, Act.GROWN)
        assert to_status is not None, "an edge of the table"
        asks = {
            "estimated": estimated,
            "is_estimate_exact": size.is_exact,
            "estimated_at": clock.now(),
            "approved_by": "",
            "approved_at": None,
            "reason": f"受众由约{campaign.estimated or 0}人增至约{estimated}人，须重新审核",
        }
        async with db.transaction() as tx:
            await repository.change(tx, campaign, to_status, asks)
        await self._announcer.moved(campaign.campaign_no)
        return True


def begin(tx: db.Transaction, campaign: Campaign) -> None:
    """Write the job that goes on with an expansion, in the transaction that starts or resumes it."""
    tx.pending.append(next_page(campaign))


def topic_of(template: Template) -> str:
    """Return the topic by which people may have switched a template off; "" where they cannot."""
    return "" if template.statutory else template.topic


def words_of(template: Template, campaign: Campaign) -> Words:
    """Fill a template with what staff wrote."""
    started_at = campaign.started_at or clock.now()
    variables = complete(campaign.variables, started_at)
    return Words(
        title=filled(template.title, variables, TITLE_LENGTH),
        text=filled(template.inbox_text, variables, INBOX_LENGTH),
        variables=variables,
        has_channels=bool(template.channels),
        expires_at=template.expires_at(started_at),
    )
