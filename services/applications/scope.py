"""Finds a case for a member of staff, within scope. Used by every part of the room that has doors for staff."""

from __future__ import annotations

from app.db import Row
from app.errors import NotFound
from services.applications import repository
from services.applications.routing.guard import covers_intake
from services.applications.states import Status
from services.staff.types import StaffCaller


async def case_in_scope(staff: StaffCaller, application_no: str, *, at_intake: bool = False) -> Row:
    """Return a case that has been handed in and is within the caller's scope.

    Args:
        at_intake: whether a window of the place where it was handed in (受理地) counts as well as the deciding body's.
    Raises: NotFound, also out of scope.
    """
    row = await repository.find_case(application_no)
    if row is None or row["status"] == Status.DRAFT:
        raise NotFound("未找到该办件")
    if at_intake and covers_intake(staff, row):
        return row
    staff.require_scope(row["division_code"], row["department_code"])
    return row
