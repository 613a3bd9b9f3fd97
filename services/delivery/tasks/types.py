"""What crosses the door of tasks: lines for the staff's list, what is asked of it; frozen, without personal data."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from services.delivery.tasks.states import KIND_TEXT, OUTCOME_TEXT, Outcome, TaskKind

__all__ = ["KIND_TEXT", "OUTCOME_TEXT", "Outcome", "TaskKind"]

Words = Annotated[str, Meta(max_length=300, pattern=r"^[^\x00]*$")]


class TaskList(StrEnum):
    """Which tasks: open ones by age, those beyond the time of complaints, one's own, what was settled."""

    OPEN = "OPEN"
    OVERDUE = "OVERDUE"
    MINE = "MINE"
    CLOSED = "CLOSED"


LIST_TEXT = {
    TaskList.OPEN: "待处理",
    TaskList.OVERDUE: "超过7日",
    TaskList.MINE: "我处理的",
    TaskList.CLOSED: "已处理",
}


class OutcomeView(Struct, frozen=True, kw_only=True):
    """A way in which a task may be settled."""

    outcome: str
    text: str


class TaskView(Struct, frozen=True, kw_only=True):
    """A task about a parcel; `closed_by` "" with an outcome: the parcel went on by itself."""

    task_id: str
    shipment_no: str
    application_no: str
    division_code: str
    department_code: str
    kind: str
    kind_text: str
    reason: str
    opened_at: str
    opened_by: str
    due_at: str
    is_overdue: bool
    is_light: bool
    officer: str
    closed_at: str | None
    closed_by: str
    outcome: str
    outcome_text: str
    note: str
    outcomes: list[OutcomeView]


class TaskPage(Struct, frozen=True, kw_only=True):
    """A page of tasks in the caller's scope."""

    data: list[TaskView]
    next_cursor: str | None = None


class TaskCount(Struct, frozen=True, kw_only=True):
    """How many tasks wait in the caller's scope."""

    open: int
    overdue: int
