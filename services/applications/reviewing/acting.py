"""What every act of staff on a case shares: role, scope, version, and the audited move. Base of the desk's parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.db import Row
from services.applications import moves
from services.applications.clock import Calendar
from services.applications.moves import FormVault
from services.applications.parts import Parts
from services.applications.routing.claiming import claiming
from services.applications.routing.guard import guard
from services.applications.scope import case_in_scope
from services.applications.states import Act
from services.applications.types import Actor, ActorKind, CaseSummary
from services.applications.views import case_summary
from services.catalogue.types import Item
from services.staff.types import Act as StaffAct
from services.staff.types import Role, StaffCaller

ROLES: Mapping[Act, tuple[Role, ...]] = {
    Act.RECEIVE: (Role.WINDOW, Role.REVIEWER),
    Act.RETURN: (Role.WINDOW, Role.REVIEWER),
    Act.ACCEPT: (Role.WINDOW, Role.REVIEWER),
    Act.REQUEST_CORRECTION: (Role.WINDOW, Role.REVIEWER),
    Act.NOT_ACCEPT: (Role.WINDOW, Role.REVIEWER),
    Act.SUSPEND: (Role.REVIEWER,),
    Act.RESUME: (Role.REVIEWER,),
    Act.EXTEND: (Role.APPROVER,),
    Act.APPROVE: (Role.REVIEWER,),
    Act.DENY: (Role.REVIEWER,),
    Act.TERMINATE: (Role.REVIEWER, Role.APPROVER),
    Act.CLOSE: (Role.WINDOW, Role.DISPATCHER),
}
"""Who may do what: windows receive, reviewers decide, the head (负责人) extends, windows hand the result over."""
AT_INTAKE = frozenset({Act.RECEIVE, Act.RETURN})
"""What the place where a case was handed in (受理地) may do; everything else is the deciding body's."""


class CaseActs:
    """Use cases of staff about cases in their scope. Two who act at once: the second gets a Conflict."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def _calendar(self) -> Calendar:
        return self._parts.calendar

    @property
    def _vault(self) -> FormVault:
        return self._parts.vault

    async def _for(self, staff: StaffCaller, application_no: str, act: Act, version: int | None) -> Row:
        staff.require_role(*ROLES[act])
        row = await case_in_scope(staff, application_no, at_intake=True)
        moves.expect_version(row, version)
        guard(staff, row, act)
        return row

    async def _item(self, row: Row) -> Item:
        return await self._parts.catalogue.item(row["item_code"], row["item_version"])

    async def _move(self, staff: StaffCaller, row: Row, act: Act, address: str, **plan: Any) -> CaseSummary:
        plan = claiming(staff, row, act, plan)
        move = moves.planned(row, act, self._actor(staff), **plan)
        written = self._act(staff, row, act.value, address, to=move.to_status)
        return case_summary(await moves.make(move, act=written, audit=self._parts.audit))

    @staticmethod
    def _actor(staff: StaffCaller) -> Actor:
        return Actor(ActorKind.STAFF, staff.username, staff.display_name)

    @staticmethod
    def _act(staff: StaffCaller, row: Row, action: str, address: str, **details: Any) -> StaffAct:
        seen = {"status": row["status"], "version": row["version"], **details}
        return StaffAct(staff.username, f"case.{action}", "application", row["application_no"], seen, address)
