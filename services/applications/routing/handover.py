"""Hands a case to another division's body that offers the same item (移送), and sees to its bill afterwards.

The case keeps its number, answers, materials and due days; item and body become those of the other one. The citizen
is told. Handlers of the staff and the reaction to the hand-over call it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app import clock
from app.db import Row, Transaction
from app.errors import Conflict, FieldFault, InvalidRequest, InvalidTransition, NotFound
from services.applications import moves, repository
from services.applications.parts import Parts
from services.applications.progress import FEE, Progress
from services.applications.routing import repository as queues
from services.applications.routing.guard import ClaimedByOther, covers_body, require_sight
from services.applications.routing.repository import Change
from services.applications.routing.types import AssignmentKind, CaseHold
from services.applications.states import STATUS_TEXT, Edge, Status
from services.applications.types import Actor, ActorKind
from services.catalogue.types import Item
from services.staff.types import Act as StaffAct
from services.staff.types import Role, StaffCaller

_MAY_HAND_OVER = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.ADMINISTRATOR)
_OPEN = frozenset({Status.SUBMITTED, Status.RECEIVED, Status.ACCEPTED})
"""Before the decision, and not while the citizen mends something or the clock stands for a procedure of this body."""


class Handover:
    """Use cases of handing a case to another body."""

    def __init__(self, parts: Parts, progress: Progress) -> None:
        self._parts, self._progress = parts, progress

    async def hand_over(
        self,
        staff: StaffCaller,
        application_no: str,
        division_code: str,
        department_code: str,
        reason: str,
        address: str,
        *,
        version: int | None = None,
    ) -> CaseHold:
        """Make another body decide a case; it waits there unclaimed.

        Raises: NotFound, Forbidden, StaleVersion, InvalidTransition, InvalidRequest (that body does not offer the
        item), Conflict `claimed_by_other`, `fee_paid` (the money is with this body),
        `form_differs` or `materials_differ`.
        """
        staff.require_role(*_MAY_HAND_OVER)
        row = await self._own(staff, application_no, version)
        item = await self._item_there(row, division_code, department_code)
        now, columns = clock.now(), self._columns_there(row, item)
        record = item.record
        from_body = f"{row['division_code']}/{row['department_code']}"
        to_body = f"{record.division_code}/{record.department_code}"
        change = Change(AssignmentKind.HAND_OVER, {}, "", reason)

        async def write(tx: Transaction) -> None:
            await queues.add_assignment(tx, row, change, staff.username, now, from_body, to_body)

        move = moves.along(
            row,
            Edge(Status(row["status"]), "application.handed_over", "移送其他机关办理"),
            Actor(ActorKind.STAFF, staff.username, staff.display_name),
            told=f"您的办件已移送{record.body.name}办理：{reason}",
            facts={"body_name": record.body.name, "reason": reason},
            sets=columns,
            at=now,
            also=write,
        )
        seen = {"from": from_body, "to": to_body, "reason": reason, "version": row["version"]}
        act = StaffAct(staff.username, "case.handed_over", "application", application_no, seen, address)
        return _hold(await moves.make(move, act=act, audit=self._parts.audit))

    async def rebill(self, application_no: str, handed_over_at: datetime) -> None:
        """Void the unpaid bill of the former body and issue that of the new one. Idempotent.

        Raises: as `void_bills`; the job comes again then. What was paid meanwhile stays paid.
        """
        row = await repository.find_case(application_no)
        if row is None or row["status"] != Status.ACCEPTED or row["fee_paid_at"] is not None:
            return
        payments, since = self._parts.payments, handed_over_at.replace(microsecond=0)  # bills tell whole seconds
        bills = [bill for bill in await payments.bills_of(application_no, FEE) if bill.status != "VOID"]
        if any(clock.parse_rfc3339(bill.created_at) < since for bill in bills):
            await payments.void_bills(application_no, purpose=FEE)
        if all(bill.status == "VOID" for bill in await payments.bills_of(application_no, FEE)):
            await self._progress.bill_fee(application_no)

    async def _own(self, staff: StaffCaller, application_no: str, version: int | None) -> Row:
        row = await repository.find_case(application_no)
        if row is None or row["status"] == Status.DRAFT:
            raise NotFound("未找到该办件")
        require_sight(staff, row)
        if not covers_body(staff, row):
            raise NotFound("未找到该办件")
        moves.expect_version(row, version)
        if row["status"] not in _OPEN:
            raise InvalidTransition(f"办件当前为“{STATUS_TEXT[row['status']]}”，不能移送")
        if row["officer"] not in ("", staff.username) and not staff.may(Role.APPROVER, Role.ADMINISTRATOR):
            raise ClaimedByOther(current={**moves.current(row), "officer": row["officer"]})
        return row

    async def _item_there(self, row: Row, division_code: str, department_code: str) -> Item:
        if (division_code, department_code) == (row["division_code"], row["department_code"]):
            raise InvalidRequest(faults=(FieldFault("department_code", "办件已由该机关办理"),))
        own = await self._parts.catalogue.item(row["item_code"], row["item_version"])
        item = await self._parts.catalogue.item_of_body(own.record.basic_code, division_code, department_code)
        if item is None or not item.is_open:
            raise InvalidRequest(faults=(FieldFault("department_code", "该机关不办理此事项"),))
        return item

    def _columns_there(self, row: Row, item: Item) -> dict[str, Any]:
        record, answers = item.record, self._parts.vault.open(row)
        if item.form_faults(answers):
            raise Conflict("接收机关对该事项的表单要求不同，请申请人重新申请", code="form_differs")
        if moves.material_codes(row) - {material.code for material in record.materials}:
            raise Conflict("接收机关对该事项的材料要求不同，请申请人重新申请", code="materials_differ")
        if row["fee_paid_at"] is not None:
            raise Conflict("申请人已向本机关缴费，请先退费再移送", code="fee_paid")
        return {
            "division_code": record.division_code,
            "department_code": record.department_code,
            "item_code": record.item_code,
            "item_version": record.version,
            "item_name": record.name,
            "fee_fen": item.fee_fen(answers),
            "officer": "",
            "claimed_at": None,
        }


def _hold(row: Row) -> CaseHold:
    return CaseHold(
        application_no=row["application_no"],
        version=row["version"],
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        division_code=row["division_code"],
        department_code=row["department_code"],
        officer="",
        claimed_at=None,
    )
