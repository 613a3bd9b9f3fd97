"""Examining an accepted case (审查): special procedures, extension by the head, opinions, the reason of lateness."""

from __future__ import annotations

from datetime import datetime

from app import clock
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, InvalidTransition, StaleVersion
from services.applications import moves, repository
from services.applications.documents import letters
from services.applications.dues import LONGEST_EXTENSION, computed, resumed_columns, stored_pauses
from services.applications.repository import NewPause
from services.applications.reviewing import repository as reviews
from services.applications.reviewing.acting import CaseActs
from services.applications.reviewing.repository import NewReview
from services.applications.reviewing.types import ReviewAction, ReviewView
from services.applications.scope import case_in_scope
from services.applications.states import STATUS_TEXT, Act, Status, next_edge
from services.applications.types import CaseSummary
from services.applications.views import case_summary
from services.catalogue.types import ItemRecord
from services.staff.types import Role, StaffCaller

_EXTENSION = "1"
"""Kind of a special procedure that is no pause but an extension. Source: GB/T 39046-2020, 特别程序."""
UNDER_EXAMINATION = (Status.ACCEPTED, Status.SUSPENDED)
EXAMINERS = (Role.REVIEWER, Role.APPROVER)


class Examination(CaseActs):
    """Use cases between acceptance and decision. All raise: NotFound, Forbidden, InvalidTransition, StaleVersion."""

    async def suspend(
        self,
        staff: StaffCaller,
        application_no: str,
        procedure: str,
        address: str,
        *,
        reason: str = "",
        expected_days: int | None = None,
        version: int | None = None,
    ) -> CaseSummary:
        """Stop the clock for a special procedure (特别程序) that the item lists, and say in writing how long it takes.

        Args:
            expected_days: working days; None for what the item says.
        Raises: InvalidRequest when the item has no such procedure.
        """
        row = await self._for(staff, application_no, Act.SUSPEND, version)
        next_edge(row["status"], Act.SUSPEND)
        record = (await self._item(row)).record
        listed = {each.name: each for each in record.special_procedures if each.kind.value != _EXTENSION}
        if procedure not in listed:
            raise InvalidRequest(faults=(FieldFault("procedure", "该事项没有此特别程序"),))
        days = listed[procedure].days if expected_days is None else expected_days
        return await self._move(
            staff,
            row,
            Act.SUSPEND,
            address,
            told=f"办件进入{procedure}，预计{days}个工作日，所需时间不计入办理时限",
            facts={"reason": procedure, "expected_days": days},
            pause_begins=NewPause(procedure, reason, days),
            document=letters.special_procedure(procedure, reason, days),
        )

    async def resume(
        self,
        staff: StaffCaller,
        application_no: str,
        address: str,
        *,
        result: str = "",
        version: int | None = None,
    ) -> CaseSummary:
        """Let the clock run again, with what the procedure found; the due dates move by the pause."""
        row = await self._for(staff, application_no, Act.RESUME, version)
        next_edge(row["status"], Act.RESUME)
        record = (await self._item(row)).record
        pauses = await repository.list_pauses(row["id"])
        columns, due = resumed_columns(self._calendar, record, row, pauses, clock.now())
        running = next((pause["name"] for pause in pauses if pause["ended_at"] is None), "特别程序")
        return await self._move(
            staff,
            row,
            Act.RESUME,
            address,
            told=f"特别程序结束，恢复办理，承诺于{due.on.isoformat()}前办结",
            facts={"promised_on": due.on.isoformat()},
            sets=columns,
            pause_ends=True,
            pause_result=result,
            document=letters.resumed(running, result, due),
        )

    async def extend(
        self,
        staff: StaffCaller,
        application_no: str,
        days: int,
        reason: str,
        address: str,
        *,
        version: int | None = None,
    ) -> CaseSummary:
        """Approve a longer time (延长审批), once; the head's own act, on the opinion of the officer in charge.

        Args:
            days: working days, at most ten and at most what the item lists.
        Raises: InvalidRequest, Conflict `already_extended`, `extension_too_late` after the legal day.
        """
        row = await self._for(staff, application_no, Act.EXTEND, version)
        next_edge(row["status"], Act.EXTEND)
        record = (await self._item(row)).record
        most = _most_days(record)
        if not 1 <= days <= most:
            raise InvalidRequest(faults=(FieldFault("days", f"延长时间应为1至{most}个工作日"),))
        if row["extension_days"]:
            raise Conflict("该办件已延长过一次，不能再次延长", code="already_extended")
        if row["legal_due_on"] < clock.beijing_date():
            raise Conflict("已超过法定期限，不能再延长", code="extension_too_late")
        pauses = stored_pauses(await repository.list_pauses(row["id"]))
        columns, due = computed(self._calendar, record, row["accepted_at"], pauses, days)
        return await self._move(
            staff,
            row,
            Act.EXTEND,
            address,
            told=f"经批准延长{days}个工作日，承诺于{due.on.isoformat()}前办结。理由：{reason}",
            facts={"reason": reason, "days": days, "promised_on": due.on.isoformat()},
            sets=columns | {"extension_days": days},
            document=letters.extended(days, reason, due),
        )

    async def review(
        self,
        staff: StaffCaller,
        application_no: str,
        step: str,
        action: ReviewAction,
        opinion: str,
        address: str,
        *,
        begun_at: datetime | None = None,
        version: int | None = None,
    ) -> ReviewView:
        """Keep an opinion on a case under examination (审查, 审核, 现场勘验); the case does not move.

        Raises: InvalidRequest when it begins later than now.
        """
        staff.require_role(*EXAMINERS)
        row = await self._under_examination(staff, application_no, version)
        now = clock.now()
        if begun_at is not None and begun_at > now:
            raise InvalidRequest(faults=(FieldFault("begun_at", "开始时间不能晚于现在"),))
        new = NewReview(step, action.value, opinion, staff.username, begun_at or now, now)
        act = self._act(staff, row, "reviewed", address, step=step, conclusion=action.value)
        if not await reviews.add_review(row, new, act, self._parts.audit):
            raise await _stale(application_no)
        return ReviewView(
            step=step,
            action=action,
            opinion=opinion,
            officer=staff.username,
            begun_at=clock.rfc3339(new.begun_at),
            ended_at=clock.rfc3339(now),
        )

    async def explain_overdue(
        self, staff: StaffCaller, application_no: str, reason: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Tell the citizen why a case is late (超期说明). Raises: Conflict `not_overdue`."""
        staff.require_role(*EXAMINERS)
        row = await self._under_examination(staff, application_no, version)
        if row["status"] != Status.ACCEPTED or row["promised_due_on"] >= clock.beijing_date():
            raise Conflict("办件尚未超过承诺期限，不需要说明", code="not_overdue")
        act = self._act(staff, row, "overdue_explained", address)
        told = await reviews.explain_overdue(row, reason, staff.username, clock.now(), act, self._parts.audit)
        if not told:
            raise await _stale(application_no)
        return case_summary(await case_in_scope(staff, application_no))

    async def _under_examination(self, staff: StaffCaller, application_no: str, version: int | None) -> Row:
        row = await case_in_scope(staff, application_no)
        moves.expect_version(row, version)
        if row["status"] not in UNDER_EXAMINATION:
            raise InvalidTransition(f"办件当前为“{STATUS_TEXT[row['status']]}”，不在审查之中")
        return row


def _most_days(record: ItemRecord) -> int:
    listed = [each.days for each in record.special_procedures if each.kind.value == _EXTENSION]
    return min((LONGEST_EXTENSION, *listed))


async def _stale(application_no: str) -> StaleVersion:
    now = await repository.find_case(application_no)
    return StaleVersion(current=moves.current(now) if now else None)
