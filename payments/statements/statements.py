"""Use cases of statements: a payer's history, the summary of a cashier's days, and the lines of one day.

The room's door holds it as `payments.statements`. It reads only.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta

from app.clock import BEIJING
from app.errors import FieldFault, InvalidRequest
from app.tokens import Caller
from payments.statements import repository, summing, views
from payments.types import PaidView, StaffScope, Statement, StatementLine

LONGEST_DAYS = 92
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
_PAGE_LINES = 2000
_LINE_FIELDS = StatementLine.__struct_fields__


class Statements:
    """What was paid, by whom and where."""

    async def own_history(
        self, caller: Caller, after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[PaidView], uuid.UUID | None]:
        """Return a page of the caller's successful payments, newest first, and where the next page begins."""
        rows = await repository.list_paid(caller.citizen_id, after, limit + 1)
        page = rows[:limit]
        return [views.paid(row) for row in page], page[-1]["id"] if len(rows) > limit else None

    async def summary(
        self, scope: StaffScope, first_on: date, until: date | None = None, department: str = ""
    ) -> Statement:
        """Sum up the Beijing days from `first_on` to `until` (included; default the one day) by department, channel
        and merchant account. Raises: InvalidRequest (`date`, `until`)."""
        last_on = until or first_on
        begin, end = _moments(first_on, last_on)
        return summing.statement(
            await repository.sums_of(begin, end, first_on, last_on), scope, first_on, last_on, department
        )

    def lines(self, scope: StaffScope, day: date) -> AsyncIterator[list[StatementLine]]:
        """Yield every payment and refund of a Beijing day, page by page: payments, refunds, refunds that came back,
        each in order of time. The statement's sums are the sums of these lines.

        Raises: InvalidRequest (`date`), at once.
        """
        begin, end = _moments(day, day)
        return _pages(scope, begin, end)


async def _pages(scope: StaffScope, begin: datetime, end: datetime) -> AsyncIterator[list[StatementLine]]:
    for part in repository.LINES:
        start, after = begin, None
        while True:
            rows = await repository.list_lines(part, scope, start, end, after, _PAGE_LINES)
            if rows:
                yield [StatementLine(**{name: row[name] for name in _LINE_FIELDS}) for row in rows]
            if len(rows) < _PAGE_LINES:
                break
            start, after = rows[-1]["occurred_at"], rows[-1]["id"]


def _moments(first_on: date, last_on: date) -> tuple[datetime, datetime]:
    """Return where the days begin and end. Raises: InvalidRequest."""
    for name, day in (("date", first_on), ("until", last_on)):
        if not _FIRST_DAY <= day <= _LAST_DAY:
            raise InvalidRequest(faults=(FieldFault(name, "日期应在2000年至2199年之间"),))
    if last_on < first_on:
        raise InvalidRequest(faults=(FieldFault("until", "结束日期不能早于开始日期"),))
    if (last_on - first_on).days >= LONGEST_DAYS:
        raise InvalidRequest(faults=(FieldFault("until", f"最多查询{LONGEST_DAYS}天"),))
    return _midnight(first_on), _midnight(last_on + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, BEIJING)
