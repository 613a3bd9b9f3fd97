"""The door of campaigns: staff compose, estimate, submit, decide, start, pause, resume, cancel and look.

Handlers and sweeps call it. The author's divisions bound every audience; a second person decides on large ones.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from app import clock, db
from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, InvalidTransition, NotFound, StaleVersion
from app.ids import dated_no
from app.jobs import NewJob
from notify.campaigns import repository, views
from notify.campaigns.announcing import Announcer
from notify.campaigns.composing import Composing
from notify.campaigns.expanding import topic_of
from notify.campaigns.expansion_repository import next_page
from notify.campaigns.ports import Audiences, Audit
from notify.campaigns.repository import Campaign
from notify.campaigns.sending_repository import cancel_job, resend_job, send_jobs
from notify.campaigns.states import Act, CampaignStatus, after, needs_approval, schedule_fault
from notify.campaigns.types import (
    Acting,
    Audience,
    AudienceSize,
    CampaignDraft,
    CampaignEdit,
    CampaignView,
    ChannelPreview,
    Choice,
    Officer,
)
from notify.templates import Shelf, Template

_SYSTEM = "system"


class CampaignService:
    """Use cases of staff about mass pushes.

    Args:
        approval_size: above so many people a second person decides.
    """

    def __init__(
        self,
        shelf: Shelf,
        composing: Composing,
        audiences: Audiences,
        audit: Audit,
        announcer: Announcer,
        approval_size: int = 1000,
    ) -> None:
        self._shelf, self._composing, self._audiences = shelf, composing, audiences
        self._audit, self._announcer, self._approval_size = audit, announcer, approval_size

    async def choices(self, officer: Officer) -> list[Choice]:
        """List the templates that may be pushed. Raises: Forbidden."""
        _require(officer.may_look)
        return await self._composing.choices()

    async def preview(self, officer: Officer, code: str, variables: Mapping[str, str]) -> list[ChannelPreview]:
        """Show what people would see on each channel. Raises: Forbidden, InvalidRequest."""
        _require(officer.may_look)
        return self._composing.preview(await self._composing.template(code), variables)

    async def size(self, officer: Officer, audience: Audience, template_code: str) -> AudienceSize:
        """Say how many people an audience within the officer's divisions has. Raises: Forbidden, InvalidRequest."""
        _require(officer.may_compose)
        template = await self._composing.template(template_code)
        await self._audiences.check(audience, officer.divisions)
        return await self._audiences.estimate(audience, officer.divisions, topic_of(template))

    async def create(self, officer: Officer, draft: CampaignDraft) -> CampaignView:
        """Write a draft with its estimate. Raises: Forbidden, InvalidRequest."""
        columns = await self._columns(officer, draft)
        number = dated_no("C", clock.now())
        async with db.transaction() as tx:
            made = {**columns, "campaign_no": number, "created_by": officer.username}
            await repository.add_campaign(tx, made | {"divisions": list(officer.divisions)})
            await self._audit.record(officer, "campaign.created", number, {"title": draft.title}, tx)
        await self._announcer.moved(number)
        return await self.show(officer, number)

    async def edit(self, officer: Officer, number: str, edit: CampaignEdit) -> CampaignView:
        """Change an own draft and estimate it anew. Raises: Forbidden, NotFound, Conflict, InvalidRequest."""
        campaign = await self._own(officer, number, edit.version)
        columns = await self._columns(officer, edit)
        return await self._move(officer, campaign, Act.EDIT, columns | {"divisions": list(officer.divisions)})

    async def estimate(self, officer: Officer, number: str) -> CampaignView:
        """Estimate an own draft anew. Raises: Forbidden, NotFound, Conflict."""
        campaign = await self._own(officer, number)
        template = await self._composing.template(campaign.template_code)
        size = await self._audiences.estimate(campaign.audience, campaign.divisions, topic_of(template))
        return await self._move(officer, campaign, Act.EDIT, _sized(size))

    async def submit(self, officer: Officer, number: str, acting: Acting) -> CampaignView:
        """Hand an own draft in: to a second person, or, where so few are meant, for sending.

        Raises: Forbidden, NotFound, Conflict `campaign_empty`, InvalidRequest for a moment that has passed.
        """
        campaign = await self._own(officer, number, acting.version)
        if campaign.estimated is None:
            raise Conflict("请先估算受众人数", code="campaign_not_estimated")
        if campaign.estimated == 0 and campaign.is_estimate_exact:
            raise Conflict("没有符合条件的受众，请调整条件", code="campaign_empty")
        if campaign.scheduled_at and (sentence := schedule_fault(campaign.scheduled_at, clock.now())):
            raise InvalidRequest(sentence, faults=(FieldFault("scheduled_at", sentence),))
        is_large = needs_approval(campaign.estimated, self._approval_size)
        act = Act.SUBMIT if is_large else Act.SUBMIT_SMALL
        columns = {"submitted_at": clock.now(), "reason": "", "approved_by": "", "approved_at": None}
        return await self._move(officer, campaign, act, columns, details={"estimated": campaign.estimated})

    async def withdraw(self, officer: Officer, number: str, acting: Acting) -> CampaignView:
        """Take an own campaign back to change it, before it starts. Raises: Forbidden, NotFound, Conflict."""
        campaign = await self._own(officer, number, acting.version)
        return await self._move(officer, campaign, Act.WITHDRAW, {"approved_by": "", "approved_at": None})

    async def approve(self, officer: Officer, number: str, acting: Acting) -> CampaignView:
        """Agree as the second person; one that had grown goes on. Raises: Forbidden, NotFound, Conflict."""
        campaign = await self._others(officer, number, acting)
        columns = {"approved_by": officer.username, "approved_at": clock.now(), "reason": ""}
        details = {"estimated": campaign.estimated}
        if campaign.started_at is not None:
            return await self._move(officer, campaign, Act.APPROVE_GROWN, columns, [next_page(campaign)], details)
        return await self._move(officer, campaign, Act.APPROVE, columns, details=details)

    async def refuse(self, officer: Officer, number: str, acting: Acting) -> CampaignView:
        """Disagree as the second person, with a reason: it is a draft again, or, once started, cancelled.

        Raises: Forbidden, NotFound, Conflict, InvalidRequest without a reason.
        """
        campaign = await self._others(officer, number, acting)
        if not acting.reason.strip():
            raise InvalidRequest(faults=(FieldFault("reason", "请填写退回理由"),))
        columns, details = {"reason": acting.reason.strip()}, {"reason": acting.reason.strip()}
        if campaign.started_at is not None:
            follow = [cancel_job(campaign.id)]
            return await self._move(officer, campaign, Act.REFUSE_GROWN, columns, follow, details)
        return await self._move(officer, campaign, Act.REFUSE, columns, details=details)

    async def start(self, officer: Officer, number: str, acting: Acting) -> CampaignView:
        """Start an approved campaign now, whatever its schedule. Raises: Forbidden, NotFound, Conflict."""
        _require(officer.may_compose)
        campaign = await self._get(officer, number, acting.version)
        return await self._move(officer, campaign, Act.START, {"started_at": clock.now()}, [next_page(campaign)])

    async def start_scheduled(self, campaign: Campaign) -> None:
        """Start a campaign whose moment has come; nothing happens where it has moved. Idempotent."""
        nobody = Officer(_SYSTEM, tuple(campaign.divisions), "", True, True, False, True)
        to_status = after(CampaignStatus(campaign.status), Act.START)
        if to_status is None:
            return
        async with db.transaction() as tx:
            if await repository.change(tx, campaign, to_status, {"started_at": clock.now()}):
                tx.pending.append(next_page(campaign))
                await self._audit.record(nobody, "campaign.start", campaign.campaign_no, {"scheduled": True}, tx)
        await self._announcer.moved(campaign.campaign_no)

    async def pause(self, officer: Officer, number: str, acting: Acting) -> CampaignView:
        """Stop expanding or sending; batches under way end. Raises: Forbidden, NotFound, Conflict."""
        _require(officer.may_stop)
        return await self._move(officer, await self._get(officer, number, acting.version), Act.PAUSE)

    async def resume(self, officer: Officer, number: str, acting: Acting) -> CampaignView:
        """Go on where it was paused. Raises: Forbidden, NotFound, Conflict."""
        _require(officer.may_stop)
        campaign = await self._get(officer, number, acting.version)
        if campaign.is_expanded:
            return await self._move(officer, campaign, Act.RESUME_SENDING, follow=send_jobs(campaign.id))
        return await self._move(officer, campaign, Act.RESUME_EXPANDING, follow=[next_page(campaign)])

    async def cancel(self, officer: Officer, number: str, acting: Acting) -> CampaignView:
        """End it; what is not sent yet is taken back. Raises: Forbidden, NotFound, Conflict."""
        _require(officer.may_stop)
        campaign = await self._get(officer, number, acting.version)
        columns = {"reason": acting.reason.strip(), "finished_at": clock.now()}
        details = {"reason": acting.reason.strip(), "from": campaign.status}
        return await self._move(officer, campaign, Act.CANCEL, columns, [cancel_job(campaign.id)], details)

    async def resend(self, officer: Officer, number: str, reason: str) -> CampaignView:
        """Try the notices again that did not go out for a reason. Raises: Forbidden, NotFound, Conflict.

        They stay the same notices: whoever has got one gets none twice.
        """
        _require(officer.may_compose)
        campaign = await self._get(officer, number)
        found = views.failures(await repository.list_counts([campaign.id]), may_resend=True)
        chosen = next((each for each in found if each.reason == reason and each.may_resend), None)
        if chosen is None:
            raise Conflict("没有可以重发的消息，请刷新后再看", code="nothing_to_resend")
        details = {"reason": reason, "notices": chosen.notices}
        job = resend_job(campaign.id, reason)
        if campaign.status == CampaignStatus.SENDING:
            async with db.transaction() as tx:
                tx.pending.append(job)
                await self._audit.record(officer, "campaign.resent", number, details, tx)
            return await self.show(officer, number)
        return await self._move(officer, campaign, Act.REOPEN, {"finished_at": None}, [job], details)

    async def show(self, officer: Officer, number: str) -> CampaignView:
        """Return one campaign with its counters. Raises: Forbidden, NotFound."""
        _require(officer.may_look)
        campaign = await self._get(officer, number)
        counts = await repository.list_counts([campaign.id])
        return views.view(campaign, counts, officer, await self._template(campaign), self._approval_size)

    async def page(
        self, officer: Officer, status: str = "", after_id: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[CampaignView], uuid.UUID | None]:
        """Return a page of campaigns in scope, newest first, and where the next begins. Raises: Forbidden."""
        _require(officer.may_look)
        listed = await repository.list_campaigns(officer.divisions, status, after_id, limit + 1)
        counts = await repository.list_counts([campaign.id for campaign in listed[:limit]])
        shown = [
            views.view(
                campaign,
                [count for count in counts if count.campaign_id == campaign.id],
                officer,
                await self._template(campaign),
                self._approval_size,
            )
            for campaign in listed[:limit]
        ]
        return shown, listed[limit - 1].id if len(listed) > limit else None

    async def previewed(self, officer: Officer, number: str) -> list[ChannelPreview]:
        """Show what people of a campaign see on each channel. Raises: Forbidden, NotFound."""
        _require(officer.may_look)
        campaign = await self._get(officer, number)
        template = await self._template(campaign)
        return [] if template is None else self._composing.preview(template, campaign.variables)

    async def _columns(self, officer: Officer, draft: CampaignDraft) -> dict[str, Any]:
        _require(officer.may_compose)
        template, scheduled_at = await self._composing.checked(draft)
        await self._audiences.check(draft.audience, officer.divisions)
        size = await self._audiences.estimate(draft.audience, officer.divisions, topic_of(template))
        return {
            "title": draft.title.strip(),
            "template_code": template.code,
            "template_version": template.version,
            "variables": {name: value.strip() for name, value in draft.variables.items()},
            "audience": draft.audience,
            "list_id": uuid.UUID(draft.audience.list_id) if draft.audience.list_id else None,
            "scheduled_at": scheduled_at,
            "rate_per_second": draft.rate_per_second,
            **_sized(size),
        }

    async def _template(self, campaign: Campaign) -> Template | None:
        return await self._shelf.exact(campaign.template_code, campaign.template_version)

    async def _get(self, officer: Officer, number: str, version: int | None = None) -> Campaign:
        campaign = await repository.find_campaign(number, officer.divisions)
        if campaign is None:
            raise NotFound("未找到该群发任务")
        if version is not None and version != campaign.version:
            raise StaleVersion
        return campaign

    async def _own(self, officer: Officer, number: str, version: int | None = None) -> Campaign:
        _require(officer.may_compose)
        campaign = await self._get(officer, number, version)
        if campaign.created_by != officer.username:
            raise Forbidden("只有起草人可以修改和提交", code="not_author")
        return campaign

    async def _others(self, officer: Officer, number: str, acting: Acting) -> Campaign:
        _require(officer.may_approve)
        campaign = await self._get(officer, number, acting.version)
        if campaign.created_by == officer.username:
            raise Forbidden("须由起草人以外的人员审核", code="own_campaign")
        return campaign

    async def _move(
        self,
        officer: Officer,
        campaign: Campaign,
        act: Act,
        columns: Mapping[str, Any] | None = None,
        follow: list[NewJob] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> CampaignView:
        """Carry an act out by compare-and-set, with its jobs and its trace. Raises: InvalidTransition, StaleVersion."""
        to_status = after(CampaignStatus(campaign.status), act, is_started=campaign.started_at is not None)
        if to_status is None:
            raise InvalidTransition
        async with db.transaction() as tx:
            if not await repository.change(tx, campaign, to_status, columns):
                raise StaleVersion
            tx.pending += follow or []
            await self._audit.record(officer, f"campaign.{act.value}", campaign.campaign_no, details or {}, tx)
        await self._announcer.moved(campaign.campaign_no)
        return await self.show(officer, campaign.campaign_no)


def _sized(size: AudienceSize) -> dict[str, Any]:
    return {"estimated": size.people, "is_estimate_exact": size.is_exact, "estimated_at": clock.now()}


def _require(may: bool) -> None:
    if not may:
        raise Forbidden(code="role_required")
