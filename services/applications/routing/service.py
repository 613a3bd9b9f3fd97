"""Use cases of routing: look at queues, take a case, give it back, give it to somebody, accept many at once.

Handlers of the staff call it. Deciding is the desk's; handing a case to another body stands in handover.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from app import clock, db
from app.db import Row
from app.errors import (
    Conflict,
    FieldFault,
    Forbidden,
    InvalidRequest,
    InvalidTransition,
    NotFound,
    SanjinError,
    StaleVersion,
)
from services.applications import moves, repository
from services.applications.ports import Audit
from services.applications.routing import repository as queues
from services.applications.routing.guard import ClaimedByOther, covers_body, require_sight
from services.applications.routing.repository import Change, Reach
from services.applications.routing.types import (
    ASSIGNMENT_TEXT,
    MOST_COUNTED,
    QUEUE_TITLES,
    Assignment,
    AssignmentKind,
    Assignments,
    BatchResult,
    BatchResults,
    CaseHold,
    QueueCount,
    QueueCounts,
    QueuedCase,
    QueueFilter,
    QueueName,
)
from services.applications.states import STATUS_TEXT, Status
from services.applications.types import CaseSummary
from services.applications.views import moment
from services.staff.types import Act as StaffAct
from services.staff.types import Colleague, Role, StaffCaller

_LOOKERS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
_HOLDERS = (Role.WINDOW, Role.REVIEWER)
_CHIEFS = (Role.APPROVER, Role.ADMINISTRATOR)
_UNHELD = frozenset({Status.DRAFT, Status.CLOSED})
Accept = Callable[..., Awaitable[CaseSummary]]


class Routing:
    """Queues of staff, and who has which case. Of two who take a case at once one wins, the other gets a Conflict.

    Args:
        accept: the desk's own use case, which a batch calls for each case.
    """

    def __init__(self, audit: Audit, accept: Accept) -> None:
        self._audit, self._accept = audit, accept

    async def counts(self, staff: StaffCaller) -> QueueCounts:
        """Count every queue of the caller, each up to MOST_COUNTED. Raises: Forbidden."""
        staff.require_role(*_LOOKERS)
        found = await queues.count_queues(_reach(staff), clock.beijing_date())
        return QueueCounts(
            data=[
                QueueCount(
                    name=name,
                    title=title,
                    count=min(found[name.value], MOST_COUNTED),
                    is_more=found[name.value] > MOST_COUNTED,
                )
                for name, title in QUEUE_TITLES.items()
            ]
        )

    async def queue(
        self, staff: StaffCaller, name: QueueName, wanted: QueueFilter, after: uuid.UUID | None, limit: int
    ) -> tuple[list[QueuedCase], uuid.UUID | None]:
        """Return a page of a queue, oldest first, and the id to continue after. Raises: Forbidden."""
        staff.require_role(*_LOOKERS)
        rows = await queues.list_queue(name, _reach(staff), wanted, clock.beijing_date(), after, limit + 1)
        page = [_line(row) for row in rows[:limit]]
        return page, rows[limit - 1]["id"] if len(rows) > limit else None

    async def claim(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> CaseHold:
        """Take an unclaimed case. Idempotent: a case that the caller has already stays as it is.

        Raises: NotFound, Forbidden, InvalidTransition (closed), StaleVersion, Conflict `claimed_by_other`.
        """
        staff.require_role(*_HOLDERS)
        row = await self._found(staff, application_no, version)
        if row["officer"] == staff.username:
            return await self._hold(application_no)
        if row["officer"]:
            raise ClaimedByOther(current={**moves.current(row), "officer": row["officer"]})
        now = clock.now()
        change = Change(AssignmentKind.CLAIM, {"officer": staff.username, "claimed_at": now}, staff.username)
        return await self._change(staff, row, change, address, now)

    async def release(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> CaseHold:
        """Put a case back among the unclaimed; its officer or the chief may. Idempotent. Raises: as `claim`."""
        staff.require_role(*_HOLDERS, *_CHIEFS)
        row = await self._found(staff, application_no, version)
        if not row["officer"]:
            return await self._hold(application_no)
        self._require_hold(staff, row)
        change = Change(AssignmentKind.RELEASE, {"officer": "", "claimed_at": None})
        return await self._change(staff, row, change, address, clock.now())

    async def assign(
        self, staff: StaffCaller, application_no: str, to: Colleague, address: str, *, version: int | None = None
    ) -> CaseHold:
        """Give a case to somebody of its scope, whoever has it; the chief may (指派).

        Raises: as `claim`; InvalidRequest when the colleague could not handle it.
        """
        staff.require_role(*_CHIEFS)
        row = await self._found(staff, application_no, version)
        return await self._give(staff, row, AssignmentKind.ASSIGN, to, "", address)

    async def transfer(
        self,
        staff: StaffCaller,
        application_no: str,
        to: Colleague,
        reason: str,
        address: str,
        *,
        version: int | None = None,
    ) -> CaseHold:
        """Pass an own case on to a colleague, with the reason (转办). Raises: as `assign`."""
        staff.require_role(*_HOLDERS, *_CHIEFS)
        row = await self._found(staff, application_no, version)
        if not row["officer"]:
            raise Conflict("该办件尚未认领，请先认领再转办", code="not_claimed")
        self._require_hold(staff, row)
        return await self._give(staff, row, AssignmentKind.TRANSFER, to, reason, address)

    async def batch_accept(self, staff: StaffCaller, application_nos: Sequence[str], address: str) -> BatchResults:
        """Accept several cases, each on its own; one that cannot be accepted does not hold up the others.

        Idempotent: a case that is accepted already counts as accepted. Raises: Forbidden.
        """
        staff.require_role(*_HOLDERS)
        listed = dict.fromkeys(application_nos)
        return BatchResults(data=[await self._accept_one(staff, number, address) for number in listed])

    async def assignments(self, staff: StaffCaller, application_no: str) -> Assignments:
        """Return every change of who has a case. Raises: NotFound, Forbidden."""
        staff.require_role(*_LOOKERS)
        row = await self._seen(staff, application_no)
        return Assignments(data=[_assignment(each) for each in await queues.list_assignments(row["id"])])

    async def _accept_one(self, staff: StaffCaller, number: str, address: str) -> BatchResult:
        try:
            row = await self._seen(staff, number)
            if row["accepted_at"] is not None and row["status"] != Status.CLOSED:
                return _batch_result(number, row["status"], row["version"])
            view = await self._accept(staff, number, address, version=row["version"])
        except SanjinError as refusal:
            if refusal.status >= 500:
                raise
            return BatchResult(
                application_no=number,
                accepted=False,
                status="",
                version=0,
                code=refusal.stable_code,
                detail=refusal.detail,
            )
        return _batch_result(number, view.status, view.version)

    async def _give(
        self, staff: StaffCaller, row: Row, kind: AssignmentKind, to: Colleague, reason: str, address: str
    ) -> CaseHold:
        if not (to.may(*_HOLDERS) and to.covers(row["division_code"], row["department_code"])):
            raise InvalidRequest(faults=(FieldFault("username", "该工作人员不在本办件的办理范围内"),))
        if row["officer"] == to.username:
            return await self._hold(row["application_no"])
        now = clock.now()
        change = Change(kind, {"officer": to.username, "claimed_at": now}, to.username, reason)
        return await self._change(staff, row, change, address, now)

    async def _change(self, staff: StaffCaller, row: Row, change: Change, address: str, at: datetime) -> CaseHold:
        details = {"from": row["officer"], "to": change.to_officer, "version": row["version"]}
        if change.reason:
            details["reason"] = change.reason
        act = StaffAct(staff.username, _AUDITED[change.kind], "application", row["application_no"], details, address)
        async with db.transaction() as tx:
            changed = await queues.change_hands(tx, row, change, staff.username, at)
            if changed is not None:
                await self._audit.record(act, tx)
        if changed is None:
            await self._refuse_late(row["application_no"], staff)
        assert changed is not None
        return _hold(changed)

    async def _refuse_late(self, application_no: str, staff: StaffCaller) -> None:
        """Tell whoever was too late what the case is now. Raises: ClaimedByOther, StaleVersion."""
        now = await repository.find_case(application_no)
        if now is not None and now["officer"] not in ("", staff.username):
            raise ClaimedByOther(current={**moves.current(now), "officer": now["officer"]})
        raise StaleVersion(current=moves.current(now) if now else None)

    async def _found(self, staff: StaffCaller, application_no: str, version: int | None) -> Row:
        row = await self._seen(staff, application_no)
        if not covers_body(staff, row):
            raise Forbidden("该办件由其他机关办理", code="intake_only")
        moves.expect_version(row, version)
        if row["status"] in _UNHELD:
            raise InvalidTransition("办件已办结，不能再认领或转办")
        return row

    async def _seen(self, staff: StaffCaller, application_no: str) -> Row:
        row = await repository.find_case(application_no)
        if row is None or row["status"] == Status.DRAFT:
            raise NotFound("未找到该办件")
        require_sight(staff, row)
        return row

    async def _hold(self, application_no: str) -> CaseHold:
        row = await queues.find_line(application_no)
        assert row is not None
        return _hold(row)

    @staticmethod
    def _require_hold(staff: StaffCaller, row: Row) -> None:
        if row["officer"] != staff.username and not staff.may(*_CHIEFS):
            raise ClaimedByOther(current={**moves.current(row), "officer": row["officer"]})


_AUDITED = {
    AssignmentKind.CLAIM: "case.claimed",
    AssignmentKind.RELEASE: "case.released",
    AssignmentKind.ASSIGN: "case.assigned",
    AssignmentKind.TRANSFER: "case.transferred",
}


def _reach(staff: StaffCaller) -> Reach:
    return queues.reach(staff.divisions, staff.departments, staff.username)


def _line(row: Row) -> QueuedCase:
    due = row["promised_due_on"]
    return QueuedCase(
        application_no=row["application_no"],
        item_code=row["item_code"],
        item_name=row["item_name"],
        division_code=row["division_code"],
        department_code=row["department_code"],
        intake_division_code=row["intake_division_code"],
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        version=row["version"],
        applicant_shown=row["applicant_shown"],
        officer=row["officer"],
        claimed_at=moment(row["claimed_at"]),
        submitted_at=moment(row["submitted_at"]),
        promised_due_on=None if due is None else due.isoformat(),
        is_overdue=due is not None and row["status"] == Status.ACCEPTED and due < clock.beijing_date(),
        person_asked_at=moment(row["person_asked_at"]),
    )


def _hold(row: Row) -> CaseHold:
    return CaseHold(
        application_no=row["application_no"],
        version=row["version"],
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        division_code=row["division_code"],
        department_code=row["department_code"],
        officer=row["officer"],
        claimed_at=moment(row["claimed_at"]),
    )


def _batch_result(number: str, status: str, version: int) -> BatchResult:
    return BatchResult(application_no=number, accepted=True, status=status, version=version, code="", detail="")


def _assignment(row: Row) -> Assignment:
    kind = AssignmentKind(row["kind"])
    return Assignment(
        occurred_at=clock.rfc3339(row["created_at"]),
        kind=kind,
        kind_text=ASSIGNMENT_TEXT[kind],
        from_officer=row["from_officer"],
        to_officer=row["to_officer"],
        from_body=row["from_body"],
        to_body=row["to_body"],
        reason=row["reason"],
        by_staff=row["by_staff"],
    )
