"""The follow-up of low ratings (差评整改): who is called, what is put right, what the figures leave out.

Handlers of the console call it. Whoever handled a case finds none of its ratings; whoever follows one up learns who
has rated only by the contact that is audited.
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import NotFound, StaleVersion
from app.events import DomainEvent
from services.ratings import repository, states
from services.ratings.ports import Audit, Raters, WorkingDays
from services.ratings.repository import Step
from services.ratings.states import (
    FEWEST,
    GRADE_TEXT,
    STATUS_TEXT,
    SUM_COLUMNS,
    TRANSITIONS,
    UNDER_WAY,
    FollowUpAct,
    SumsBy,
)
from services.ratings.types import Days, FollowUpLine, FollowUpTally, RaterContact, RatingSum, StatusCount
from services.ratings.words import comment_of, supplement_of
from services.staff.types import Act, Role, StaffCaller

_HANDLERS = (Role.APPROVER, Role.ADMINISTRATOR)
_READERS = (*_HANDLERS, Role.AUDITOR)
_MOST_SUMS = 200


class RatingDesk:
    """Use cases of staff about low ratings in their scope."""

    def __init__(self, raters: Raters, calendar: WorkingDays, audit: Audit, cipher: FieldCipher, days: Days) -> None:
        self._raters, self._calendar, self._audit = raters, calendar, audit
        self._cipher, self._days = cipher, days

    async def follow_ups(
        self,
        staff: StaffCaller,
        status: str = "",
        after: uuid.UUID | None = None,
        limit: int = 20,
        *,
        only_late: bool = False,
    ) -> tuple[list[FollowUpLine], uuid.UUID | None]:
        """Return low ratings in scope, oldest first, but none of a case that the caller handled. Raises: Forbidden."""
        staff.require_role(*_READERS)
        statuses = (status,) if status else tuple(UNDER_WAY)
        late_on = clock.beijing_date() if only_late else None
        rows = await repository.list_follow_ups(
            staff.divisions, staff.departments, staff.username, statuses, after, limit + 1, late_on
        )
        page = [self._line(row, staff) for row in rows[:limit]]
        return page, rows[limit - 1]["follow_up_id"] if len(rows) > limit else None

    async def tally(self, staff: StaffCaller) -> FollowUpTally:
        """Count the low ratings under way in scope by status, and those that are late. Raises: Forbidden."""
        staff.require_role(*_READERS)
        rows = await repository.tally_follow_ups(
            staff.divisions, staff.departments, staff.username, tuple(UNDER_WAY), clock.beijing_date()
        )
        found = {row["status"]: row["total"] for row in rows}
        counts = [
            StatusCount(status=status, status_text=text, count=found.get(status, 0))
            for status, text in STATUS_TEXT.items()
            if status in UNDER_WAY
        ]
        return FollowUpTally(data=counts, overdue=sum(row["overdue"] for row in rows))

    async def follow_up(self, staff: StaffCaller, follow_up_id: uuid.UUID) -> FollowUpLine:
        """Return one low rating in scope. Raises: NotFound (also the caller's own cases), Forbidden."""
        return self._line(await self._in_scope(staff, follow_up_id, *_READERS), staff)

    async def sums(self, staff: StaffCaller, by: SumsBy, months: int) -> list[RatingSum]:
        """Return the ratings in scope of the last so many months by department or item, the most rated first.

        A sum of few ratings tells only that there are few, as in public. Raises: Forbidden.
        """
        staff.require_role(*_READERS)
        since = states.first_month(clock.beijing_date(), months)
        rows = await repository.sums_by(SUM_COLUMNS[by], staff.divisions, staff.departments, since, _MOST_SUMS)
        return [_sum(row) for row in rows]

    async def contact(self, staff: StaffCaller, follow_up_id: uuid.UUID, address: str) -> RaterContact:
        """Return how the rater is reached; audited. Raises: NotFound, Forbidden."""
        row = await self._in_scope(staff, follow_up_id)
        await self._audit.record(_act(staff, row, "rating.contact_viewed", address))
        return await self._raters.contact(row["citizen_id"])

    async def note_contact(
        self, staff: StaffCaller, follow_up_id: uuid.UUID, *, is_complex: bool, version: int | None, address: str
    ) -> FollowUpLine:
        """Note that the rater was called; a complex matter gets more days. Raises: as `answer`."""
        now = clock.now()
        days = self._days.correct_complex if is_complex else self._days.correct
        sets: dict[str, Any] = {"contacted_at": now, "handler": staff.username, "is_complex": is_complex}
        row = await self._in_scope(staff, follow_up_id)
        sets["correct_due_on"] = self._calendar.after(clock.beijing_date(row["rated_at"]), days)
        return await self._take(staff, row, FollowUpAct.CONTACT, sets, version, address)

    async def answer(
        self, staff: StaffCaller, follow_up_id: uuid.UUID, answer: str, *, version: int | None, address: str
    ) -> FollowUpLine:
        """Answer with what was put right; the rater is told.

        Raises: NotFound (also the officer's own cases), Forbidden, InvalidTransition, StaleVersion.
        """
        row, now = await self._in_scope(staff, follow_up_id), clock.now()
        event = DomainEvent(
            name="rating.answered",
            subject_no=row["subject_no"],
            citizen_id=row["citizen_id"].hex,
            occurred_at=now,
            facts={"item_name": row["item_name"]},
        )
        sets = {"answer": answer, "answered_at": now, "handler": staff.username}
        return await self._take(staff, row, FollowUpAct.ANSWER, sets, version, address, event=event)

    async def call_back(
        self, staff: StaffCaller, follow_up_id: uuid.UUID, *, was_content: bool, version: int | None, address: str
    ) -> FollowUpLine:
        """Note the call-back (回访), which closes the matter. Raises: as `answer`."""
        now = clock.now()
        sets = {"called_back_at": now, "was_content": was_content, "closed_at": now}
        row = await self._in_scope(staff, follow_up_id)
        return await self._take(staff, row, FollowUpAct.CALL_BACK, sets, version, address)

    async def exclude(
        self, staff: StaffCaller, follow_up_id: uuid.UUID, reason: str, *, version: int | None, address: str
    ) -> FollowUpLine:
        """Take a malicious or mistaken rating out of the figures; it stays with its reason. Raises: as `answer`."""
        row, now = await self._in_scope(staff, follow_up_id), clock.now()
        step = _step(row, FollowUpAct.EXCLUDE, {"closed_at": now}, version)
        act = _act(staff, row, "rating.excluded", address, reason=reason)
        if not await repository.exclude(step, row, reason, staff.username, now, act, self._audit):
            raise StaleVersion
        return self._line(await self._in_scope(staff, follow_up_id), staff)

    async def _take(
        self,
        staff: StaffCaller,
        row: Row,
        act: FollowUpAct,
        sets: dict[str, Any],
        version: int | None,
        address: str,
        event: DomainEvent | None = None,
    ) -> FollowUpLine:
        trace = _act(staff, row, f"rating.{act.value}", address)
        if not await repository.advance(_step(row, act, sets, version), event=event, act=trace, audit=self._audit):
            raise StaleVersion
        return self._line(await self._in_scope(staff, row["follow_up_id"]), staff)

    async def _in_scope(self, staff: StaffCaller, follow_up_id: uuid.UUID, *roles: Role) -> Row:
        staff.require_role(*(roles or _HANDLERS))
        row = await repository.find_follow_up(follow_up_id)
        if row is None or row["officer"] == staff.username:
            raise NotFound("未找到该差评")
        staff.require_scope(row["division_code"], row["department_code"])
        return row

    def _line(self, row: Row, staff: StaffCaller) -> FollowUpLine:
        due_on = row["contact_due_on"] if row["status"] == "OPEN" else row["correct_due_on"]
        may = staff.may(*_HANDLERS)
        return FollowUpLine(
            follow_up_id=str(row["follow_up_id"]),
            version=row["version"],
            status=row["status"],
            status_text=STATUS_TEXT[row["status"]],
            item_code=row["item_code"],
            item_name=row["item_name"],
            division_code=row["division_code"],
            department_code=row["department_code"],
            grade=row["grade"],
            grade_text=GRADE_TEXT[row["grade"]],
            tags=msgspec.json.decode(row["tags"]),
            comment=comment_of(self._cipher, row),
            supplement=supplement_of(self._cipher, row),
            rated_at=clock.rfc3339(row["rated_at"]),
            handler=row["handler"],
            is_complex=row["is_complex"],
            contact_due_on=row["contact_due_on"].isoformat(),
            correct_due_on=row["correct_due_on"].isoformat(),
            is_overdue=row["status"] in ("OPEN", "CONTACTED", "APPEALED") and due_on < clock.beijing_date(),
            answer=row["answer"],
            was_content=row["was_content"],
            acts=[act.value for act in FollowUpAct if may and _is_for_staff(row["status"], act)],
        )


def _sum(row: Row) -> RatingSum:
    few = row["total"] < FEWEST
    permille = None if few else (row["total"] - (row["low"] or 0)) * 1000 // row["total"]
    return RatingSum(code=row["code"], name=row["name"] or "", total=row["total"], content_permille=permille)


def _is_for_staff(status: str, act: FollowUpAct) -> bool:
    return act is not FollowUpAct.APPEAL and (status, act) in TRANSITIONS


def _step(row: Row, act: FollowUpAct, sets: dict[str, Any], version: int | None) -> Step:
    if version is not None and version != row["version"]:
        raise StaleVersion(current={"version": row["version"], "status": row["status"]})
    return Step(row["follow_up_id"], row["status"], row["version"], states.after(row["status"], act), sets)


def _act(staff: StaffCaller, row: Row, action: str, address: str, **details: Any) -> Act:
    return Act(staff.username, action, "rating", row["follow_up_id"].hex, details, address)
