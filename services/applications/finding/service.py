"""Use cases of finding: a page by filters, an applicant's cases by a number in full, the rows of an export.

Handlers of the staff call it. Whatever shows or uses personal data is audited; nothing of it is kept or logged.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

from app.errors import FieldFault, Forbidden, InvalidRequest
from services.applications.finding import repository
from services.applications.finding.types import MOST_UNMASKED, CaseFilter, ExportedCase, Reach, reach_of
from services.applications.ports import Audit, People
from services.applications.types import CaseSummary
from services.applications.views import case_summary
from services.staff.types import Act, Role, StaffCaller

READERS = (
    Role.WINDOW,
    Role.REVIEWER,
    Role.APPROVER,
    Role.CASHIER,
    Role.DISPATCHER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)
_MOST_FOUND = 50
_EXPORT_PAGE = 500
_MOST_LETTERS = 200


class Finding:
    """Use cases of lists of cases, within the caller's scope."""

    def __init__(self, people: People, audit: Audit) -> None:
        self._people, self._audit = people, audit

    async def page(
        self, staff: StaffCaller, wanted: CaseFilter, after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[CaseSummary], uuid.UUID | None]:
        """Return a page of cases and the id to continue after. Raises: Forbidden, InvalidRequest (days in reverse)."""
        staff.require_role(*READERS)
        _require_days(wanted)
        reach = reach_of(staff, wanted)
        if not reach.divisions:
            return [], None
        rows = await repository.list_cases(reach, wanted, staff.username, after, limit + 1)
        return [case_summary(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def look_up(self, staff: StaffCaller, number: str, address: str) -> list[CaseSummary]:
        """Return the cases of whoever has this phone or ID number, newest first; audited without the number.

        Raises: Forbidden, InvalidRequest `lookup_incomplete`.
        """
        if not staff.may_unmask:
            raise Forbidden(code="role_required")
        is_id_number = len("".join(number.split())) == 18
        people = await self._people.find_citizens(**{"id_number" if is_id_number else "phone": number})
        reach = Reach(staff.divisions, staff.departments)
        found = await repository.list_of_citizens(reach, people, _MOST_FOUND) if people else []
        details = {"by": "id_number" if is_id_number else "phone", "found": len(found)}
        await self._audit.record(Act(staff.username, "case.looked_up", "application", "", details, address))
        return [case_summary(row) for row in found]

    async def begin_export(self, staff: StaffCaller, wanted: CaseFilter, *, reason: str = "", address: str) -> bool:
        """Say whether an export may name its applicants, which a reason asks for; that is audited before it begins.

        Raises: Forbidden, InvalidRequest.
        """
        staff.require_role(*READERS)
        _require_days(wanted)
        if not reason:
            return False
        if not staff.may_unmask:
            raise Forbidden(code="role_required")
        if len(reason) > _MOST_LETTERS:
            raise InvalidRequest(faults=(FieldFault("reason", f"不能超过{_MOST_LETTERS}字"),))
        details = {"reason": reason}
        await self._audit.record(Act(staff.username, "case.export_unmasked", "application", "", details, address))
        return True

    async def exported(
        self, staff: StaffCaller, wanted: CaseFilter, *, names: bool
    ) -> AsyncIterator[list[ExportedCase]]:
        """Yield the cases of an export in pages; with applicants where `begin_export` has allowed it.

        Raises: InvalidRequest for more than MOST_UNMASKED cases with applicants.
        """
        reach, after = reach_of(staff, wanted), None
        length = MOST_UNMASKED + 1 if names else _EXPORT_PAGE
        while reach.divisions:
            rows = await repository.list_cases(reach, wanted, staff.username, after, length)
            if names and len(rows) == length:
                raise InvalidRequest(f"含个人信息的导出最多{MOST_UNMASKED}件，请缩小范围", code="export_too_large")
            people = await self._people.profiles([row["citizen_id"] for row in rows]) if names else {}
            yield [ExportedCase(case_summary(row), people.get(row["citizen_id"])) for row in rows]
            if len(rows) < length:
                return
            after = rows[-1]["id"]


def _require_days(wanted: CaseFilter) -> None:
    first, last = wanted.submitted_from, wanted.submitted_until
    if first and last and first > last:
        raise InvalidRequest(faults=(FieldFault("submitted_until", "截止日期不能早于起始日期"),))
