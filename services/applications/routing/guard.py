"""Who may act on a case: by scope, by the place where it was filed, and by who has claimed it. Pure.

Called by the desk and by routing before every act; asks no database.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.db import Row
from app.errors import Conflict, Forbidden, NotFound
from services.applications import moves
from services.applications.states import Act
from services.staff.types import Role, StaffCaller

INTAKE_ACTS = frozenset({Act.RECEIVE, Act.RETURN})
"""What the window of the place where a case was filed (受理地) may do; deciding is the other body's."""
_FREE_ACTS = frozenset({Act.CLOSE})
"""What any window of the scope may do: hand over the result of a case that was decided."""
_KEEPERS = (Role.REVIEWER, Role.APPROVER)


class ClaimedByOther(Conflict):
    """The case is a colleague's; they release it, or the chief transfers it."""

    code, message = "claimed_by_other", "该办件已由其他工作人员认领，请先转办或由负责人指派"


def covers_body(staff: StaffCaller, row: Row) -> bool:
    """Tell whether the body that decides the case is within the caller's scope."""
    return staff.covers(row["division_code"], row["department_code"])


def covers_intake(staff: StaffCaller, row: Row) -> bool:
    """Tell whether the caller is at a window of the place where the case was filed, if that is not the body's own.

    At the body's own place its departments count, and no window of another one reads their cases.
    """
    intake = row["intake_division_code"]
    return staff.may(Role.WINDOW) and intake != row["division_code"] and staff.covers(intake)


def require_sight(staff: StaffCaller, row: Row) -> None:
    """Refuse a case that the caller may not even see. Raises: NotFound."""
    if not (covers_body(staff, row) or covers_intake(staff, row)):
        raise NotFound("未找到该办件")


def guard(staff: StaffCaller, row: Row, act: Act) -> None:
    """Refuse an act on a case that somebody else has claimed, or that is decided elsewhere.

    Raises: NotFound out of scope, Forbidden `intake_only`, Conflict `claimed_by_other`.
    """
    require_sight(staff, row)
    if not covers_body(staff, row):
        if act not in INTAKE_ACTS:
            raise Forbidden("受理地窗口只能收件或退回，不能作出决定", code="intake_only")
        return
    if is_held_from(staff, row, act):
        raise ClaimedByOther(current={**moves.current(row), "officer": row["officer"]})


def is_held_from(staff: StaffCaller, row: Row, act: Act) -> bool:
    """Tell whether a colleague's claim keeps the caller from an act; an approver of the scope is never kept."""
    return not (act in _FREE_ACTS or row["officer"] in ("", staff.username) or staff.may(Role.APPROVER))


def claim_by(staff: StaffCaller, row: Row, act: Act, at: datetime) -> dict[str, Any]:
    """Return the columns by which an act claims an unclaimed case, or passes it on to those who decide.

    A window that accepts a case is done with it: it waits for a reviewer, unless the same person reviews too.
    """
    if not covers_body(staff, row) or act in _FREE_ACTS:
        return {}
    if act is Act.ACCEPT and not staff.may(*_KEEPERS):
        return {"officer": "", "claimed_at": None}
    return {"officer": staff.username, "claimed_at": at} if row["officer"] == "" else {}
