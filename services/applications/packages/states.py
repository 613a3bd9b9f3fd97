"""How a package case stands, as a pure function of its parts and their cases; nothing else decides it.

Read by the use cases, the sweep and the tests; must not await, import models or know HTTP. A part's stored status is
only what followed when its package was last looked at; `course` computes it anew every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.applications.clock import Calendar
from services.applications.states import OUTCOME_TEXT, Outcome, Status
from services.catalogue.types import TimeLimit


class PackageStatus(StrEnum):
    """Where a package case stands."""

    DRAFT = "DRAFT"
    HANDLING = "HANDLING"
    DELIVERING = "DELIVERING"
    CLOSED = "CLOSED"


class PartStatus(StrEnum):
    """Where one part stands: before it is a case of its own, while it is one, and how it ended."""

    WAITING = "WAITING"
    ASKED = "ASKED"
    STARTED = "STARTED"
    DONE = "DONE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


DECIDED = frozenset({PartStatus.DONE, PartStatus.FAILED, PartStatus.SKIPPED})
"""Nothing is decided about these parts any more."""
_DEAD = frozenset({PartStatus.FAILED, PartStatus.SKIPPED})
OPEN = frozenset({PackageStatus.HANDLING, PackageStatus.DELIVERING})
"""Handed in and not ended."""
TABS: Mapping[str, tuple[PackageStatus, ...]] = {
    "draft": (PackageStatus.DRAFT,),
    "handling": (PackageStatus.HANDLING, PackageStatus.DELIVERING),
    "closed": (PackageStatus.CLOSED,),
}
STATUS_TEXT: Mapping[str, str] = {
    PackageStatus.DRAFT: "草稿",
    PackageStatus.HANDLING: "办理中",
    PackageStatus.DELIVERING: "送达中",
    PackageStatus.CLOSED: "已办结",
}
PART_TEXT: Mapping[str, str] = {
    PartStatus.WAITING: "等待前置事项",
    PartStatus.ASKED: "待补充信息",
    PartStatus.STARTED: "办理中",
    PartStatus.DONE: "已准予",
    PartStatus.FAILED: "未办成",
    PartStatus.SKIPPED: "不再办理",
}
EMITS: Mapping[tuple[PackageStatus, PackageStatus], str] = {
    (PackageStatus.DRAFT, PackageStatus.HANDLING): "package.submitted",
    (PackageStatus.HANDLING, PackageStatus.DELIVERING): "",
    (PackageStatus.DELIVERING, PackageStatus.HANDLING): "",
    (PackageStatus.HANDLING, PackageStatus.CLOSED): "package.closed",
    (PackageStatus.DELIVERING, PackageStatus.CLOSED): "package.closed",
    (PackageStatus.CLOSED, PackageStatus.HANDLING): "package.reopened",
    (PackageStatus.CLOSED, PackageStatus.DELIVERING): "package.reopened",
}
"""Every move of a package case with its domain event. Only a forced correction of a part leads back."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it is stored, with the case that it became, if any."""

    item_code: str
    depends_on: tuple[str, ...] = ()
    status: PartStatus = PartStatus.WAITING
    application_no: str | None = None
    case_status: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """What follows from the parts: each one's status, those whose turn has come, and the status of the whole."""

    standing: Mapping[str, PartStatus]
    ready: tuple[str, ...]
    status: PackageStatus


def course(parts: Sequence[Part], *, withdrawn: bool = False) -> Course:
    """Compute how a package stands. `withdrawn`: the citizen wants no further part to begin.

    A part begins when all that it depends on is granted; it is skipped when something that it depends on never will be.
    """
    by_code = {part.item_code: part for part in parts}
    standing: dict[str, PartStatus] = {}
    ready = []

    def stand(part: Part) -> PartStatus:
        known = standing.get(part.item_code)
        if known is None:
            before = [stand(by_code[code]) for code in part.depends_on if code in by_code]
            known = standing[part.item_code] = _standing(part, before, withdrawn)
        return known

    for part in parts:
        stand(part)
        before = [standing[code] for code in part.depends_on if code in by_code]
        if _is_ready(part, before, withdrawn):
            ready.append(part.item_code)
    return Course(standing, tuple(ready), _whole(parts, standing))


def promised_on(parts: Mapping[str, tuple[Iterable[str], TimeLimit]], start: date, calendar: Calendar) -> date:
    """Return the day promised for a package: the longest path over its parts (item → what it waits for, its time)."""
    ends: dict[str, date] = {}

    def end(code: str) -> date:
        if code not in ends:
            waits_for, limit = parts[code]
            begun = max((end(other) for other in waits_for if other in parts), default=start)
            ends[code] = calendar.due(begun, limit.length, limit.unit.value).on
        return ends[code]

    return max(map(end, parts), default=start)


def explanation(part: Part, by_code: Mapping[str, Part], names: Mapping[str, str], *, withdrawn: bool) -> str:
    """Tell the citizen why a part waits, is asked about or is not done; "" where its own case says everything."""
    if part.status is PartStatus.SKIPPED:
        lost = [names[code] for code in part.depends_on if code in by_code and by_code[code].status in _DEAD]
        if lost:
            return f"前置事项“{'、'.join(lost)}”未办成，本事项不再办理；您可以另行单独申请"
        return "您已撤回一件事，本事项不再办理" if withdrawn else "本事项不再办理"
    if part.status is PartStatus.FAILED:
        return OUTCOME_TEXT[part.outcome]
    if part.status is PartStatus.ASKED:
        return "前置事项已办成，请补充以下信息后继续办理"
    if part.status is PartStatus.WAITING:
        waits = [names[code] for code in part.depends_on if code in by_code and by_code[code].status not in DECIDED]
        return f"待“{'、'.join(waits)}”准予后自动提交" if waits else "即将自动提交"
    return ""


def _standing(part: Part, before: Sequence[PartStatus], withdrawn: bool) -> PartStatus:
    if part.application_no is not None:
        if not part.outcome:
            return PartStatus.STARTED
        return PartStatus.DONE if part.outcome == Outcome.GRANTED else PartStatus.FAILED
    if withdrawn or any(status in _DEAD for status in before):
        return PartStatus.SKIPPED
    is_asked = part.status is PartStatus.ASKED and _is_ready(part, before, withdrawn)
    return PartStatus.ASKED if is_asked else PartStatus.WAITING


def _is_ready(part: Part, before: Sequence[PartStatus], withdrawn: bool) -> bool:
    return part.application_no is None and not withdrawn and all(status is PartStatus.DONE for status in before)


def _whole(parts: Sequence[Part], standing: Mapping[str, PartStatus]) -> PackageStatus:
    if not all(status in DECIDED for status in standing.values()):
        return PackageStatus.HANDLING
    ended = all(part.case_status == Status.CLOSED for part in parts if part.application_no is not None)
    return PackageStatus.CLOSED if ended else PackageStatus.DELIVERING
