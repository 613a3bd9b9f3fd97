"""Lets an act of staff claim the case it is done to, in the same transaction. Called by the desk with a move."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from app import clock
from app.db import Row, Transaction
from services.applications.routing import repository as queues
from services.applications.routing.guard import claim_by
from services.applications.routing.repository import Change
from services.applications.routing.types import AssignmentKind
from services.applications.states import Act
from services.staff.types import StaffCaller


def claiming(staff: StaffCaller, row: Row, act: Act, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan of a move with what it changes about who has the case, and the line of history of that."""
    at = plan.get("at") or clock.now()
    columns = claim_by(staff, row, act, at)
    if not columns or columns["officer"] == row["officer"]:
        return dict(plan)
    return {
        **plan,
        "sets": {**(plan.get("sets") or {}), **columns},
        "also": history(staff, row, columns["officer"], at),
    }


def history(staff: StaffCaller, row: Row, to_officer: str, at: datetime) -> Callable[[Transaction], Awaitable[None]]:
    """Return what writes the line: a claim, or a release where nobody has the case afterwards."""
    kind = AssignmentKind.CLAIM if to_officer else AssignmentKind.RELEASE
    change = Change(kind, {}, to_officer)

    async def write(tx: Transaction) -> None:
        await queues.add_assignment(tx, row, change, staff.username, at)

    return write
