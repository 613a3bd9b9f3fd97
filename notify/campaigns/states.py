"""States of a campaign as data, and the pure rules of how large it may be and when it may go out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum

from app import clock


class CampaignStatus(StrEnum):
    """Where a campaign stands. Nobody is told before the whole audience stands in rows: SENDING follows EXPANDING."""

    DRAFT = "DRAFT"
    WAITING = "WAITING"
    APPROVED = "APPROVED"
    EXPANDING = "EXPANDING"
    SENDING = "SENDING"
    PAUSED = "PAUSED"
    FINISHED = "FINISHED"
    CANCELLED = "CANCELLED"


class Act(StrEnum):
    """What moves a campaign: staff's acts, and what its jobs find."""

    EDIT = "edit"
    SUBMIT = "submit"
    SUBMIT_SMALL = "submit_small"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    APPROVE_GROWN = "approve_grown"
    REFUSE = "refuse"
    REFUSE_GROWN = "refuse_grown"
    START = "start"
    EXPANDED = "expanded"
    GROWN = "grown"
    PAUSE = "pause"
    RESUME_EXPANDING = "resume_expanding"
    RESUME_SENDING = "resume_sending"
    FINISH = "finish"
    REOPEN = "reopen"
    CANCEL = "cancel"


_S = CampaignStatus
TRANSITIONS: Mapping[tuple[CampaignStatus, Act], CampaignStatus] = {
    (_S.DRAFT, Act.EDIT): _S.DRAFT,
    (_S.DRAFT, Act.SUBMIT): _S.WAITING,
    (_S.DRAFT, Act.SUBMIT_SMALL): _S.APPROVED,
    (_S.DRAFT, Act.CANCEL): _S.CANCELLED,
    (_S.WAITING, Act.WITHDRAW): _S.DRAFT,
    (_S.WAITING, Act.APPROVE): _S.APPROVED,
    (_S.WAITING, Act.APPROVE_GROWN): _S.EXPANDING,
    (_S.WAITING, Act.REFUSE): _S.DRAFT,
    (_S.WAITING, Act.REFUSE_GROWN): _S.CANCELLED,
    (_S.WAITING, Act.CANCEL): _S.CANCELLED,
    (_S.APPROVED, Act.WITHDRAW): _S.DRAFT,
    (_S.APPROVED, Act.START): _S.EXPANDING,
    (_S.APPROVED, Act.CANCEL): _S.CANCELLED,
    (_S.EXPANDING, Act.EXPANDED): _S.SENDING,
    (_S.EXPANDING, Act.GROWN): _S.WAITING,
    (_S.EXPANDING, Act.PAUSE): _S.PAUSED,
    (_S.EXPANDING, Act.CANCEL): _S.CANCELLED,
    (_S.SENDING, Act.PAUSE): _S.PAUSED,
    (_S.SENDING, Act.FINISH): _S.FINISHED,
    (_S.SENDING, Act.CANCEL): _S.CANCELLED,
    (_S.PAUSED, Act.RESUME_EXPANDING): _S.EXPANDING,
    (_S.PAUSED, Act.RESUME_SENDING): _S.SENDING,
    (_S.PAUSED, Act.CANCEL): _S.CANCELLED,
    (_S.FINISHED, Act.REOPEN): _S.SENDING,
}
STATUS_TEXT: Mapping[CampaignStatus, str] = {
    _S.DRAFT: "草稿",
    _S.WAITING: "待审核",
    _S.APPROVED: "待发送",
    _S.EXPANDING: "生成名单中",
    _S.SENDING: "发送中",
    _S.PAUSED: "已暂停",
    _S.FINISHED: "已完成",
    _S.CANCELLED: "已取消",
}
_OF_STARTED = (Act.APPROVE_GROWN, Act.REFUSE_GROWN)
_OF_UNSTARTED = (Act.APPROVE, Act.REFUSE, Act.WITHDRAW)
_QUIET_FROM, _QUIET_UNTIL = time(21), time(8)


def after(status: CampaignStatus, act: Act, *, is_started: bool = False) -> CampaignStatus | None:
    """Return where an act leads; None where there is no such edge.

    One that grew while it was expanded waits with its notices written: it goes on or ends, but is no draft again.
    """
    if act in (_OF_UNSTARTED if is_started else _OF_STARTED):
        return None
    return TRANSITIONS.get((status, act))


def needs_approval(estimated: int, approval_size: int) -> bool:
    """Tell whether a second person must agree to a push to so many people."""
    return estimated > approval_size


def most_people(estimated: int, is_approved: bool, approval_size: int) -> int:
    """Return up to how many people a campaign may be expanded before it asks again.

    A tenth more than what the second person agreed to; without one, up to where one is needed.
    """
    return estimated + estimated // 10 if is_approved else approval_size


def schedule_fault(scheduled_at: datetime, now: datetime) -> str | None:
    """Return why a moment cannot be kept, or None."""
    if scheduled_at < now:
        return "发送时间已过，请选择以后的时间"
    if scheduled_at > now + timedelta(days=366):
        return "发送时间不能晚于一年"
    return None


def is_quiet(moment: datetime) -> bool:
    """Tell whether most people have their quiet time at a moment: from 21 to 8 o'clock in Beijing."""
    local = clock.to_beijing(moment).time()
    return local >= _QUIET_FROM or local < _QUIET_UNTIL
