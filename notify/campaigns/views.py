"""Makes views of campaigns out of rows and counters. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.clock import rfc3339, rfc3339_or_none
from notify.campaigns.composing import CHANNEL_TEXT, warnings_of
from notify.campaigns.repository import Campaign, Count
from notify.campaigns.states import STATUS_TEXT, Act, CampaignStatus, after, needs_approval
from notify.campaigns.types import CampaignView, Counts, Failure, Officer, Share
from notify.states import REASON_WORDS, NoticeStatus, Reason
from notify.templates import Template

NOTICE_TEXT = {
    NoticeStatus.QUEUED: "待发送",
    NoticeStatus.SENT: "已发送",
    NoticeStatus.INBOX_ONLY: "仅站内消息",
    NoticeStatus.FAILED: "发送失败",
    NoticeStatus.SUPPRESSED: "未发送",
    NoticeStatus.EXPIRED: "已过期",
}
RESENT = (
    *(Reason.OUTAGE, Reason.EXHAUSTED, Reason.BROKEN, Reason.REFUSED, Reason.DAILY_CAP),
    *(Reason.NO_PERMISSION, Reason.NO_CHANNEL),
)
"""Reasons after which another try may help and cannot tell anybody twice what is known to have arrived."""
_RETRIED = (NoticeStatus.FAILED, NoticeStatus.INBOX_ONLY)
RESENDING = (CampaignStatus.SENDING, CampaignStatus.FINISHED)


def view(
    campaign: Campaign,
    counts: Sequence[Count],
    officer: Officer,
    template: Template | None,
    approval_size: int,
) -> CampaignView:
    """Return a campaign as one member of staff sees it."""
    waits = campaign.status in (CampaignStatus.DRAFT, CampaignStatus.WAITING, CampaignStatus.APPROVED)
    return CampaignView(
        campaign_no=campaign.campaign_no,
        title=campaign.title,
        status=campaign.status,
        status_text=STATUS_TEXT[CampaignStatus(campaign.status)],
        version=campaign.version,
        template_code=campaign.template_code,
        template_version=campaign.template_version,
        variables=campaign.variables,
        audience=campaign.audience,
        divisions=campaign.divisions,
        scheduled_at=rfc3339_or_none(campaign.scheduled_at),
        rate_per_second=campaign.rate_per_second,
        estimated=campaign.estimated,
        is_estimate_exact=campaign.is_estimate_exact,
        estimated_at=rfc3339_or_none(campaign.estimated_at),
        needs_approval=needs_approval(campaign.estimated or 0, approval_size),
        has_grown=campaign.status == CampaignStatus.WAITING and campaign.started_at is not None,
        reason=campaign.reason,
        created_by=campaign.created_by,
        submitted_at=rfc3339_or_none(campaign.submitted_at),
        approved_by=campaign.approved_by,
        approved_at=rfc3339_or_none(campaign.approved_at),
        started_at=rfc3339(campaign.started_at) if campaign.started_at else None,
        finished_at=rfc3339_or_none(campaign.finished_at),
        is_expanded=campaign.is_expanded,
        counts=totals(counts),
        shares=shares(counts),
        failures=failures(counts, may_resend=officer.may_compose and campaign.status in RESENDING),
        acts=acts(campaign, officer),
        warnings=warnings_of(template, campaign.scheduled_at, is_exact=campaign.is_estimate_exact) if waits else [],
    )


def totals(counts: Sequence[Count]) -> Counts:
    """Add counters up by status."""
    by_status = {status.lower(): 0 for status in NoticeStatus}
    for count in counts:
        by_status[count.status.lower()] += count.notices
    return Counts(total=sum(by_status.values()), **by_status)


def shares(counts: Sequence[Count]) -> list[Share]:
    """Add counters up by status and channel."""
    sums: dict[tuple[str, str], int] = {}
    for count in counts:
        key = (count.status, count.channel)
        sums[key] = sums.get(key, 0) + count.notices
    return [
        Share(
            status=status,
            status_text=NOTICE_TEXT[NoticeStatus(status)],
            channel=channel,
            channel_text=CHANNEL_TEXT.get(channel, channel),
            notices=notices,
        )
        for (status, channel), notices in sorted(sums.items())
        if notices
    ]


def failures(counts: Sequence[Count], *, may_resend: bool) -> list[Failure]:
    """Add up, by reason, what did not go out; the largest first."""
    sums: dict[str, int] = {}
    retried: dict[str, int] = {}
    for count in counts:
        if count.reason:
            sums[count.reason] = sums.get(count.reason, 0) + count.notices
            if count.status in _RETRIED:
                retried[count.reason] = retried.get(count.reason, 0) + count.notices
    return [
        Failure(
            reason=reason,
            reason_text=REASON_WORDS.get(Reason(reason), reason) if reason in set(Reason) else reason,
            notices=notices,
            may_resend=may_resend and reason in RESENT and retried.get(reason, 0) > 0,
        )
        for reason, notices in sorted(sums.items(), key=lambda pair: -pair[1])
        if notices
    ]


def acts(campaign: Campaign, officer: Officer) -> list[str]:
    """Return what this member of staff may do next, in the order of a page's buttons."""
    started, own = campaign.started_at is not None, campaign.created_by == officer.username
    resume = Act.RESUME_SENDING if campaign.is_expanded else Act.RESUME_EXPANDING
    offered = (
        ("edit", Act.EDIT, officer.may_compose and own),
        ("submit", Act.SUBMIT, officer.may_compose and own),
        ("approve", Act.APPROVE_GROWN if started else Act.APPROVE, officer.may_approve and not own),
        ("refuse", Act.REFUSE_GROWN if started else Act.REFUSE, officer.may_approve and not own),
        ("start", Act.START, officer.may_compose),
        ("pause", Act.PAUSE, officer.may_stop),
        ("resume", resume, officer.may_stop),
        ("withdraw", Act.WITHDRAW, officer.may_compose and own),
        ("cancel", Act.CANCEL, officer.may_stop),
    )
    status = CampaignStatus(campaign.status)
    return [name for name, act, may in offered if may and after(status, act, is_started=started)]
