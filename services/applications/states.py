"""The life of a case (办件) as data: every edge with the domain event it emits; forced corrections stand apart.

Read by the use cases, the documentation page and the tests; must not await, import models or know HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.errors import InvalidTransition


class Status(StrEnum):
    """Where a case stands."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    RETURNED = "RETURNED"
    RECEIVED = "RECEIVED"
    CORRECTION = "CORRECTION"
    ACCEPTED = "ACCEPTED"
    SUSPENDED = "SUSPENDED"
    APPROVED = "APPROVED"
    DENIED = "DENIED"
    CERTIFYING = "CERTIFYING"
    DELIVERING = "DELIVERING"
    CLOSED = "CLOSED"


class Outcome(StrEnum):
    """How a case ended; set with the decision and kept when the case closes."""

    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    WITHDRAWN = "WITHDRAWN"
    TERMINATED = "TERMINATED"


class Act(StrEnum):
    """What may happen to a case (the event of the table)."""

    SUBMIT = "submit"
    RECEIVE = "receive"
    RETURN = "return"
    WITHDRAW = "withdraw"
    REQUEST_CORRECTION = "request_correction"
    RESUBMIT = "resubmit"
    EXPIRE = "expire"
    LAPSE = "lapse"
    ACCEPT = "accept"
    NOT_ACCEPT = "not_accept"
    SUSPEND = "suspend"
    RESUME = "resume"
    EXTEND = "extend"
    APPROVE = "approve"
    DENY = "deny"
    CERTIFY = "certify"
    DELIVER = "deliver"
    CLOSE = "close"
    REISSUE = "reissue"
    TERMINATE = "terminate"


class Correction(StrEnum):
    """Forced corrections by an administrator; each is named, audited and told to the citizen."""

    REVERSE_NOT_ACCEPTED = "reverse_not_accepted"
    REVERSE_DENIAL = "reverse_denial"
    RECALL_APPROVAL = "recall_approval"
    REOPEN_DELIVERY = "reopen_delivery"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow: where it leads, what it emits, how it reads in the timeline, and the outcome it sets.

    `outcome` None leaves the case's outcome alone; "" (only forced) clears it.
    """

    to: Status
    emits: str
    title: str
    outcome: Outcome | str | None = None


_WITHDRAWN = Edge(Status.CLOSED, "application.withdrawn", "申请人撤回申请", Outcome.WITHDRAWN)
_LAPSED = Edge(Status.CLOSED, "application.withdrawn", "逾期未补交材料，视为撤回", Outcome.WITHDRAWN)
_EXPIRED = Edge(Status.CLOSED, "application.closed", "逾期未补正，办件终止", Outcome.TERMINATED)
_RESUBMITTED = Edge(Status.SUBMITTED, "application.corrected", "提交补正材料")
_CORRECT = Edge(Status.CORRECTION, "application.correction_requested", "一次性告知补正")
_ACCEPT = Edge(Status.ACCEPTED, "application.accepted", "受理")
_NOT_ACCEPT = Edge(Status.CLOSED, "application.not_accepted", "不予受理", Outcome.NOT_ACCEPTED)
_DELIVER = Edge(Status.DELIVERING, "application.delivering", "办理结果送达中")
_REISSUE = Edge(Status.CERTIFYING, "application.reissuing", "证照遗失毁损，作废重制")
_TERMINATED = Edge(Status.CLOSED, "application.terminated", "办件终止", Outcome.TERMINATED)

TRANSITIONS: Mapping[tuple[Status, Act], Edge] = {
    (Status.DRAFT, Act.SUBMIT): Edge(Status.SUBMITTED, "application.submitted", "提交申请"),
    (Status.SUBMITTED, Act.WITHDRAW): _WITHDRAWN,
    (Status.SUBMITTED, Act.RECEIVE): Edge(Status.RECEIVED, "application.received", "预审通过，已收件"),
    (Status.SUBMITTED, Act.RETURN): Edge(Status.RETURNED, "application.returned", "预审退回"),
    (Status.SUBMITTED, Act.REQUEST_CORRECTION): _CORRECT,
    (Status.SUBMITTED, Act.ACCEPT): _ACCEPT,
    (Status.SUBMITTED, Act.NOT_ACCEPT): _NOT_ACCEPT,
    (Status.RETURNED, Act.RESUBMIT): _RESUBMITTED,
    (Status.RETURNED, Act.WITHDRAW): _WITHDRAWN,
    (Status.RETURNED, Act.EXPIRE): _EXPIRED,
    (Status.RECEIVED, Act.WITHDRAW): _WITHDRAWN,
    (Status.RECEIVED, Act.REQUEST_CORRECTION): _CORRECT,
    (Status.RECEIVED, Act.ACCEPT): _ACCEPT,
    (Status.RECEIVED, Act.NOT_ACCEPT): _NOT_ACCEPT,
    (Status.CORRECTION, Act.RESUBMIT): _RESUBMITTED,
    (Status.CORRECTION, Act.WITHDRAW): _WITHDRAWN,
    (Status.CORRECTION, Act.EXPIRE): _EXPIRED,
    (Status.ACCEPTED, Act.EXTEND): Edge(Status.ACCEPTED, "application.extended", "延长办理期限"),
    (Status.ACCEPTED, Act.SUSPEND): Edge(Status.SUSPENDED, "application.suspended", "进入特别程序，暂停计时"),
    (Status.ACCEPTED, Act.WITHDRAW): _WITHDRAWN,
    (Status.ACCEPTED, Act.LAPSE): _LAPSED,
    (Status.ACCEPTED, Act.APPROVE): Edge(Status.APPROVED, "application.approved", "准予", Outcome.GRANTED),
    (Status.ACCEPTED, Act.DENY): Edge(Status.DENIED, "application.denied", "不予批准", Outcome.REFUSED),
    (Status.SUSPENDED, Act.RESUME): Edge(Status.ACCEPTED, "application.resumed", "特别程序结束，恢复计时"),
    (Status.SUSPENDED, Act.WITHDRAW): _WITHDRAWN,
    (Status.SUSPENDED, Act.LAPSE): _LAPSED,
    (Status.RECEIVED, Act.TERMINATE): _TERMINATED,
    (Status.ACCEPTED, Act.TERMINATE): _TERMINATED,
    (Status.SUSPENDED, Act.TERMINATE): _TERMINATED,
    (Status.APPROVED, Act.CERTIFY): Edge(Status.CERTIFYING, "application.certifying", "制证中"),
    (Status.APPROVED, Act.DELIVER): _DELIVER,
    (Status.CERTIFYING, Act.DELIVER): _DELIVER,
    (Status.DENIED, Act.CLOSE): Edge(Status.CLOSED, "application.closed", "办结（不予批准）"),
    (Status.DELIVERING, Act.CLOSE): Edge(Status.CLOSED, "application.closed", "办结"),
    (Status.DELIVERING, Act.REISSUE): _REISSUE,
    (Status.CLOSED, Act.REISSUE): _REISSUE,
}

FORCED: Mapping[tuple[Status, Correction], Edge] = {
    (Status.CLOSED, Correction.REVERSE_NOT_ACCEPTED): Edge(
        Status.SUBMITTED, "application.reopened", "撤销不予受理，重新审核", ""
    ),
    (Status.CLOSED, Correction.REVERSE_DENIAL): Edge(
        Status.ACCEPTED, "application.reopened", "撤销不予批准，重新审查", ""
    ),
    (Status.APPROVED, Correction.RECALL_APPROVAL): Edge(
        Status.ACCEPTED, "application.reopened", "撤回准予，重新审查", ""
    ),
    (Status.CLOSED, Correction.REOPEN_DELIVERY): Edge(Status.DELIVERING, "application.reopened", "重新送达"),
    (Status.SUBMITTED, Correction.TERMINATE): _TERMINATED,
    (Status.RETURNED, Correction.TERMINATE): _TERMINATED,
    (Status.RECEIVED, Correction.TERMINATE): _TERMINATED,
    (Status.CORRECTION, Correction.TERMINATE): _TERMINATED,
    (Status.ACCEPTED, Correction.TERMINATE): _TERMINATED,
    (Status.SUSPENDED, Correction.TERMINATE): _TERMINATED,
}

REOPENS_AFTER: Mapping[Correction, Outcome] = {
    Correction.REVERSE_NOT_ACCEPTED: Outcome.NOT_ACCEPTED,
    Correction.REVERSE_DENIAL: Outcome.REFUSED,
    Correction.REOPEN_DELIVERY: Outcome.GRANTED,
}
"""Which outcome a closed case must have for a correction to make sense."""

STATUS_TEXT: Mapping[str, str] = {
    Status.DRAFT: "草稿",
    Status.SUBMITTED: "已提交",
    Status.RETURNED: "预审退回",
    Status.RECEIVED: "已收件",
    Status.CORRECTION: "待补正",
    Status.ACCEPTED: "已受理",
    Status.SUSPENDED: "已暂停",
    Status.APPROVED: "准予",
    Status.DENIED: "不予批准",
    Status.CERTIFYING: "制证中",
    Status.DELIVERING: "送达中",
    Status.CLOSED: "已办结",
}
OUTCOME_TEXT: Mapping[str, str] = {
    "": "",
    Outcome.GRANTED: "正常办结",
    Outcome.REFUSED: "不予批准",
    Outcome.NOT_ACCEPTED: "不予受理",
    Outcome.WITHDRAWN: "已撤回",
    Outcome.TERMINATED: "已终止",
}
TABS: Mapping[str, tuple[Status, ...]] = {
    "draft": (Status.DRAFT,),
    "handling": (
        Status.SUBMITTED,
        Status.RECEIVED,
        Status.ACCEPTED,
        Status.SUSPENDED,
        Status.APPROVED,
        Status.DENIED,
        Status.CERTIFYING,
        Status.DELIVERING,
    ),
    "correction": (Status.CORRECTION, Status.RETURNED),
    "rating": (Status.CLOSED,),
    "closed": (Status.CLOSED,),
}
"""The citizen's tabs: 草稿, 办理中, 待补正, 待评价 (those of the closed that have no rating yet), 已办结."""
TO_CORRECT = frozenset({Status.CORRECTION, Status.RETURNED})
"""Where the citizen is asked to mend and hand in again."""
EDITABLE = TO_CORRECT | {Status.DRAFT}
"""Where the citizen may change answers and materials."""
DELIVERY_OPEN = frozenset(Status) - {Status.DENIED, Status.CLOSED}
"""Where the citizen may still choose how the result comes; while it is delivered, until it was handed over."""


def may_reissue(status: str, outcome: str) -> bool:
    """Tell whether the result of a case may be made again: of one that was granted and is, or was, on its way."""
    return outcome == Outcome.GRANTED and (Status(status), Act.REISSUE) in TRANSITIONS


def next_edge(status: str, act: Act) -> Edge:
    """Return the edge that `act` takes from `status`. Raises InvalidTransition."""
    edge = TRANSITIONS.get((Status(status), act))
    if edge is None:
        raise InvalidTransition(f"办件当前为“{STATUS_TEXT[status]}”，不能进行此操作", status=status, act=act)
    return edge


def forced_edge(status: str, outcome: str, correction: Correction) -> Edge:
    """Return the edge of a forced correction. Raises InvalidTransition."""
    edge = FORCED.get((Status(status), correction))
    needed = REOPENS_AFTER.get(correction)
    if edge is None or (needed is not None and outcome != needed):
        raise InvalidTransition(
            f"办件当前为“{OUTCOME_TEXT[outcome] or STATUS_TEXT[status]}”，不能进行此更正",
            status=status,
            correction=correction,
        )
    return edge
