"""The ratings' door: rate once, add words once, appeal once, read the figures.

Handlers call it; `desk` follows up what was bad. The officer who handled a case sees neither who rated it nor the
rating itself, only sums.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import msgspec

from app import clock, metrics
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, InvalidTransition, NotFound, StaleVersion
from app.events import DomainEvent
from app.identifiers import division_prefix
from app.ids import new_id
from app.tokens import Caller
from services.ratings import repository, states
from services.ratings.desk import RatingDesk
from services.ratings.ports import Audit, Raters, Subjects, WorkingDays
from services.ratings.repository import FollowUpDue, Step
from services.ratings.states import FEWEST, GRADE_TEXT, LOW, STATUS_TEXT, TAGS, FollowUpAct
from services.ratings.types import (
    Days,
    FollowUpView,
    GradeCount,
    GradeTags,
    NewRating,
    RatedFact,
    RatingFigures,
    RatingView,
    TagList,
)
from services.ratings.words import COMMENT, SUPPLEMENT, comment_of, supplement_of


class RatingService:
    """Use cases of ratings.

    Args:
        days: the clock of low ratings and the periods of citizens.
    """

    def __init__(
        self, subjects: Subjects, raters: Raters, calendar: WorkingDays, audit: Audit, cipher: FieldCipher, days: Days
    ) -> None:
        self._subjects, self._calendar = subjects, calendar
        self._cipher, self._days = cipher, days
        self.desk = RatingDesk(raters, calendar, audit, cipher, days)

    def tags(self) -> TagList:
        """Return what may be ticked with each grade, best first."""
        return TagList(
            data=[GradeTags(grade=grade, grade_text=text, tags=list(TAGS[grade])) for grade, text in GRADE_TEXT.items()]
        )

    async def rate(self, caller: Caller, new: NewRating) -> RatingView:
        """Rate an own case or package that has ended, once.

        Raises: NotFound, Conflict `not_closed`, `rated_as_package`, `rating_too_late`, `already_rated`; InvalidRequest
        for tags of another grade. Idempotent: no; the second of two gets Conflict `already_rated`.
        """
        wrong = states.unknown_tags(new.grade, new.tags)
        if wrong:
            raise InvalidRequest(faults=tuple(FieldFault(f"tags[{at}]", "不是此等级的评价标签") for at in wrong))
        subject, now = await self._subjects.ended(caller, new.subject_no), clock.now()
        if now > subject.closed_at + timedelta(days=self._days.rate):
            raise Conflict(f"办结已超过{self._days.rate}天，不能再评价", code="rating_too_late")
        fact = RatedFact(
            rating_id=new_id(),
            subject=subject,
            citizen_id=caller.citizen_id,
            provider=caller.provider,
            grade=new.grade,
            tags=tuple(dict.fromkeys(new.tags)),
            comment_cipher=self._cipher.encrypt(COMMENT, new.comment) if new.comment else None,
            at=now,
        )
        event = DomainEvent(
            name="rating.given", subject_no=subject.subject_no, citizen_id=caller.citizen_id.hex, occurred_at=now
        )
        if not await repository.add(fact, self._due(now) if new.grade in LOW else None, event):
            raise Conflict("您已评价过该办件", code="already_rated")
        return await self.own(caller, new.subject_no)

    async def own(self, caller: Caller, subject_no: str) -> RatingView:
        """Return an own rating and what is done about it. Raises: NotFound."""
        return self._view(await self._own(caller, subject_no))

    async def supplement(self, caller: Caller, subject_no: str, words: str) -> RatingView:
        """Add words to an own rating, once and in time; grade and first words stay. Raises: NotFound, Conflict."""
        row, now = await self._own(caller, subject_no), clock.now()
        if now > row["created_at"] + timedelta(days=self._days.supplement):
            raise Conflict(f"评价已超过{self._days.supplement}天，不能再追加", code="rating_too_late")
        if not await repository.supplement(row["id"], self._cipher.encrypt(SUPPLEMENT, words), now):
            raise Conflict("您已追加过评价", code="already_supplemented")
        return await self.own(caller, subject_no)

    async def appeal(self, caller: Caller, subject_no: str) -> RatingView:
        """Ask for another look at the answer to a low rating, once. Raises: NotFound, InvalidTransition, Conflict."""
        row = await self._own(caller, subject_no)
        if row["follow_up_id"] is None:
            raise InvalidTransition("该评价没有整改反馈，不能申诉")
        to_status = states.after(row["status"], FollowUpAct.APPEAL)
        if row["appealed_at"] is not None:
            raise Conflict("您已申诉过一次", code="already_appealed")
        now = clock.now()
        due_on = self._calendar.after(clock.beijing_date(now), self._days.correct_complex)
        sets = {"appealed_at": now, "correct_due_on": due_on, "is_complex": True}
        if not await repository.advance(Step(row["follow_up_id"], row["status"], row["version"], to_status, sets)):
            raise StaleVersion
        return await self.own(caller, subject_no)

    async def figures(self, division: str, department_code: str, item_code: str, months: int) -> RatingFigures:
        """Return public sums of the last so many months, this one included."""
        since = states.first_month(clock.beijing_date(), months)
        counts = await repository.figures(division_prefix(division), department_code, item_code, since)
        total = sum(counts.values())
        if total < FEWEST:
            return RatingFigures(total=total, too_few=True, grades=[], content_permille=None)
        content = sum(count for grade, count in counts.items() if grade not in LOW)
        grades = [
            GradeCount(grade=grade, grade_text=text, count=counts.get(grade, 0)) for grade, text in GRADE_TEXT.items()
        ]
        return RatingFigures(total=total, too_few=False, grades=grades, content_permille=content * 1000 // total)

    async def note_rated(self, subject_no: str) -> None:
        """Take a rated case off the list of those that wait. Idempotent."""
        await self._subjects.note_rated(subject_no)

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Move ratings of a merged citizen to the surviving one. Idempotent."""
        await repository.take_over(from_citizen_id, into_citizen_id)

    async def count_overdue(self) -> None:
        """Show in the metrics how many follow-ups are late."""
        metrics.LOW_RATINGS_OVERDUE.set(await repository.count_overdue(clock.beijing_date()))

    async def _own(self, caller: Caller, subject_no: str) -> Row:
        row = await repository.find_own(caller.citizen_id, subject_no)
        if row is None:
            raise NotFound("未找到该评价")
        return row

    def _due(self, at: datetime) -> FollowUpDue:
        today = clock.beijing_date(at)
        return FollowUpDue(
            self._calendar.after(today, self._days.contact), self._calendar.after(today, self._days.correct)
        )

    def _view(self, row: Row) -> RatingView:
        until = row["created_at"] + timedelta(days=self._days.supplement)
        may_add = row["supplemented_at"] is None and clock.now() <= until
        return RatingView(
            subject_no=row["subject_no"],
            item_name=row["item_name"],
            grade=row["grade"],
            grade_text=GRADE_TEXT[row["grade"]],
            tags=msgspec.json.decode(row["tags"]),
            comment=comment_of(self._cipher, row),
            supplement=supplement_of(self._cipher, row),
            rated_at=clock.rfc3339(row["created_at"]),
            may_supplement_until=clock.rfc3339(until) if may_add else None,
            follow_up=_follow_up(row) if row["follow_up_id"] is not None else None,
        )


def _follow_up(row: Row) -> FollowUpView:
    return FollowUpView(
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        contact_due_on=row["contact_due_on"].isoformat(),
        correct_due_on=row["correct_due_on"].isoformat(),
        answer=row["answer"],
        answered_at=clock.rfc3339_or_none(row["answered_at"]),
        may_appeal=row["status"] == "ANSWERED" and row["appealed_at"] is None,
    )
