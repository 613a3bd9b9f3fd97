"""What crosses the door of routing: queues and their lines, who has a case, and every change of it. Frozen."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

MOST_COUNTED = 1000
"""A queue is counted up to here; `is_more` says that there are more, so that counting never grows with the load."""
MOST_AT_ONCE = 100


class QueueName(StrEnum):
    """The queues that a member of staff looks at."""

    UNCLAIMED = "unclaimed"
    MINE = "mine"
    DEPARTMENT = "department"
    OVERDUE = "overdue"
    YELLOW = "yellow"
    RED = "red"
    INTAKE = "intake"
    ASKED = "asked"


QUEUE_TITLES = {
    QueueName.UNCLAIMED: "待认领",
    QueueName.MINE: "我的办件",
    QueueName.DEPARTMENT: "本部门在办",
    QueueName.OVERDUE: "已超期",
    QueueName.YELLOW: "黄牌",
    QueueName.RED: "红牌",
    QueueName.INTAKE: "异地代收",
    QueueName.ASKED: "申请人要求人工办理",
}


class AssignmentKind(StrEnum):
    """How a case changed hands."""

    CLAIM = "CLAIM"
    RELEASE = "RELEASE"
    ASSIGN = "ASSIGN"
    TRANSFER = "TRANSFER"
    HAND_OVER = "HAND_OVER"


ASSIGNMENT_TEXT = {
    AssignmentKind.CLAIM: "认领",
    AssignmentKind.RELEASE: "退回待认领",
    AssignmentKind.ASSIGN: "指派",
    AssignmentKind.TRANSFER: "转办",
    AssignmentKind.HAND_OVER: "移送其他机关",
}


class QueueCount(Struct, frozen=True, kw_only=True):
    """How many cases stand in a queue."""

    name: QueueName
    title: str
    count: int
    is_more: bool


class QueueCounts(Struct, frozen=True, kw_only=True):
    """All queues of the caller."""

    data: list[QueueCount]
    next_cursor: None = None


class QueuedCase(Struct, frozen=True, kw_only=True):
    """A line of a queue; the applicant is masked."""

    application_no: str
    item_code: str
    item_name: str
    division_code: str
    department_code: str
    intake_division_code: str
    status: str
    status_text: str
    version: int
    applicant_shown: str
    officer: str
    claimed_at: str | None
    submitted_at: str | None
    promised_due_on: str | None
    is_overdue: bool
    person_asked_at: str | None


class QueuePage(Struct, frozen=True, kw_only=True):
    """A page of a queue, oldest first."""

    data: list[QueuedCase]
    next_cursor: str | None


class CaseHold(Struct, frozen=True, kw_only=True):
    """Who has a case now."""

    application_no: str
    version: int
    status: str
    status_text: str
    division_code: str
    department_code: str
    officer: str
    claimed_at: str | None


class Assignment(Struct, frozen=True, kw_only=True):
    """One change of who has a case."""

    occurred_at: str
    kind: AssignmentKind
    kind_text: str
    from_officer: str
    to_officer: str
    from_body: str
    to_body: str
    reason: str
    by_staff: str


class Assignments(Struct, frozen=True, kw_only=True):
    """All changes of a case, oldest first; there is never a next page."""

    data: list[Assignment]
    next_cursor: None = None


class BatchResult(Struct, frozen=True, kw_only=True):
    """What became of one case of a batch: accepted now, accepted before, or why not."""

    application_no: str
    accepted: bool
    status: str
    version: int
    code: str
    detail: str


class BatchResults(Struct, frozen=True, kw_only=True):
    """Every case of a batch, in the order of the request."""

    data: list[BatchResult]
    next_cursor: None = None


class QueueFilter(Struct, frozen=True, kw_only=True):
    """Which lines of a queue."""

    status: str = ""
    item_code: str = ""
    words: Annotated[str, Meta(max_length=64)] = ""
