"""The staff's use cases (收件、受理、审查、决定): the queue, one case, and every decision, within role and scope.

Handlers of the console call it. Out of scope is not found; every decision and every look leaves an audit entry in
the same transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app import clock
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from services.applications import desk_repository, moves, repository, upload_repository
from services.applications.clock import Calendar
from services.applications.dues import accepted_columns, resumed_columns
from services.applications.moves import FormVault
from services.applications.ports import Audit, Catalogue, People
from services.applications.states import STATUS_TEXT, TABS, TRANSITIONS, Act, Correction, Status, forced_edge
from services.applications.types import (
    Actor,
    ActorKind,
    ApplicantView,
    CaseMaterial,
    CaseSummary,
    CaseView,
    StatusCount,
)
from services.applications.views import case_summary, moment, timeline_view
from services.catalogue.types import Item
from services.staff.types import Act as StaffAct
from services.staff.types import Role, StaffCaller

RECEIPT_WORKING_DAYS = 5
"""Within so many working days a case is accepted, refused or sent back; else it counts as accepted.

Source: 行政许可法 第三十二条.
"""
CORRECTION_DAYS = 30
"""So many calendar days the citizen has for a correction; the law names none, so this is the project's choice."""

_READERS = (Role.WINDOW, Role.REVIEWER, Role.CASHIER, Role.DISPATCHER, Role.AUDITOR, Role.ADMINISTRATOR)
_ROLES: Mapping[Act, tuple[Role, ...]] = {
    Act.ACCEPT: (Role.WINDOW, Role.REVIEWER),
    Act.REQUEST_CORRECTION: (Role.WINDOW, Role.REVIEWER),
    Act.NOT_ACCEPT: (Role.WINDOW, Role.REVIEWER),
    Act.SUSPEND: (Role.REVIEWER,),
    Act.RESUME: (Role.REVIEWER,),
    Act.APPROVE: (Role.REVIEWER,),
    Act.DENY: (Role.REVIEWER,),
    Act.CLOSE: (Role.WINDOW, Role.DISPATCHER),
}
"""Who may do what: windows receive, reviewers decide, windows hand the result over."""


class CaseDesk:
    """Use cases of staff about cases in their scope. Two who decide at once: the second gets a Conflict."""

    def __init__(
        self, catalogue: Catalogue, people: People, audit: Audit, vault: FormVault, calendar: Calendar
    ) -> None:
        self._catalogue, self._people, self._audit = catalogue, people, audit
        self._vault, self._calendar = vault, calendar

    async def queue(
        self, staff: StaffCaller, tab: str = "", after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[CaseSummary], uuid.UUID | None]:
        """Return a page of the cases in scope and the id to continue after. Raises: Forbidden.

        Args:
            tab: a status or a citizen's tab; empty for everything open. Open cases come oldest first, closed newest.
        """
        staff.require_role(*_READERS)
        scope = desk_repository.Scope(staff.divisions, staff.departments)
        if tab in ("closed", Status.CLOSED):
            rows = await desk_repository.list_closed(scope, after, limit + 1)
        else:
            statuses = TABS[tab] if tab in TABS else (tab,) if tab else tuple(Status)
            rows = await desk_repository.list_open(scope, statuses, after, limit + 1)
        page = [case_summary(row) for row in rows[:limit]]
        return page, rows[limit - 1]["id"] if len(rows) > limit else None

    async def tally(self, staff: StaffCaller) -> list[StatusCount]:
        """Count the open cases in scope by status, in the order of a case's life. Raises: Forbidden."""
        staff.require_role(*_READERS)
        scope = desk_repository.Scope(staff.divisions, staff.departments)
        rows = {row["status"]: row for row in await desk_repository.count_open(scope, clock.beijing_date())}
        return [
            StatusCount(
                status=status,
                status_text=STATUS_TEXT[status],
                count=rows[status]["count"] if status in rows else 0,
                overdue=rows[status]["overdue"] if status in rows else 0,
            )
            for status in Status
            if status not in (Status.DRAFT, Status.CLOSED)
        ]

    async def summary(self, staff: StaffCaller, application_no: str) -> CaseSummary:
        """Return the line of one case in scope, applicant masked. Raises: NotFound, Forbidden."""
        staff.require_role(*_READERS)
        return case_summary(await self._in_scope(staff, application_no))

    async def case(self, staff: StaffCaller, application_no: str, address: str) -> CaseView:
        """Return a case in scope with the applicant in plain text; the look is audited. Raises: NotFound, Forbidden."""
        staff.require_role(Role.WINDOW, Role.REVIEWER)
        row = await self._in_scope(staff, application_no)
        await self._audit.record(self._act(staff, row, "viewed", address))
        item = await self._catalogue.item(row["item_code"], row["item_version"])
        profile = await self._people.profile(row["citizen_id"])
        return CaseView(
            case=case_summary(row),
            applicant=ApplicantView(name=profile.name, id_number=profile.id_number, phone=profile.phone),
            form=self._vault.open(row),
            materials=[_file(each, item) for each in await upload_repository.list_case_files(row["id"])],
            reason=row["reason"],
            due_is_provisional=row["due_is_provisional"],
            decided_at=moment(row["decided_at"]),
            closed_at=moment(row["closed_at"]),
            acts=[act for act, roles in _ROLES.items() if (row["status"], act) in TRANSITIONS and staff.may(*roles)],
            timeline=[timeline_view(step) for step in await repository.list_steps(row["id"])],
        )

    async def accept(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Accept a case (受理): its time runs from today, its fee is billed.

        Raises: NotFound, Forbidden, InvalidTransition, StaleVersion.
        """
        row = await self._for(staff, application_no, Act.ACCEPT, version)
        item = await self._catalogue.item(row["item_code"], row["item_version"])
        now = clock.now()
        columns, due = accepted_columns(self._calendar, item.record, now)
        told = f"您的办件已受理，承诺于{due.on.isoformat()}前办结" + (
            "（日期待国家公布放假安排后确认）" if due.provisional else ""
        )
        facts = {"promised_on": due.on.isoformat(), "fee_fen": row["fee_fen"]}
        return await self._move(staff, row, Act.ACCEPT, address, told=told, facts=facts, sets=columns)

    async def request_correction(
        self, staff: StaffCaller, application_no: str, reason: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Send a case back once, listing everything that is missing (一次性告知补正).

        Raises: NotFound, Forbidden, InvalidTransition, StaleVersion, Conflict `notice_too_late` after five working
        days, when the case counts as accepted.
        """
        row = await self._for(staff, application_no, Act.REQUEST_CORRECTION, version)
        now = clock.now()
        passed = self._calendar.working_days_between(clock.beijing_date(row["received_at"]), clock.beijing_date(now))
        if passed > RECEIPT_WORKING_DAYS:
            raise Conflict("已超过5个工作日，逾期未告知视为受理，请直接受理", code="notice_too_late")
        due_at = now + timedelta(days=CORRECTION_DAYS)
        told = f"请于{clock.beijing_date(due_at).isoformat()}前补正：{reason}"
        columns = {"reason": reason, "correction_due_at": due_at}
        return await self._move(
            staff, row, Act.REQUEST_CORRECTION, address, told=told, facts={"reason": reason}, sets=columns
        )

    async def not_accept(
        self, staff: StaffCaller, application_no: str, reason: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Refuse to take a case, with the reason in writing (不予受理). Raises: as `accept`."""
        row = await self._for(staff, application_no, Act.NOT_ACCEPT, version)
        columns = {"reason": reason, "closed_at": clock.now()}
        told = f"不予受理：{reason}。如有异议，可依法申请行政复议或提起行政诉讼"
        return await self._move(staff, row, Act.NOT_ACCEPT, address, told=told, facts={"reason": reason}, sets=columns)

    async def suspend(
        self, staff: StaffCaller, application_no: str, procedure: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Stop the clock for a special procedure (特别程序) that the item lists.

        Raises: as `accept`; InvalidRequest when the item has no such procedure.
        """
        row = await self._for(staff, application_no, Act.SUSPEND, version)
        item = await self._catalogue.item(row["item_code"], row["item_version"])
        if procedure not in {each.name for each in item.record.special_procedures}:
            raise InvalidRequest(faults=(FieldFault("procedure", "该事项没有此特别程序"),))
        told = f"办件进入{procedure}，所需时间不计入办理时限"
        return await self._move(
            staff, row, Act.SUSPEND, address, told=told, facts={"reason": procedure}, pause_begins=procedure
        )

    async def resume(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Let the clock run again; the due dates move by the pause. Raises: as `accept`."""
        row = await self._for(staff, application_no, Act.RESUME, version)
        item = await self._catalogue.item(row["item_code"], row["item_version"])
        pauses = await repository.list_pauses(row["id"])
        columns, due = resumed_columns(self._calendar, item.record, row, pauses, clock.now())
        told = f"特别程序结束，恢复办理，承诺于{due.on.isoformat()}前办结"
        facts = {"promised_on": due.on.isoformat()}
        return await self._move(staff, row, Act.RESUME, address, told=told, facts=facts, sets=columns, pause_ends=True)

    async def approve(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Grant a case (准予). Raises: as `accept`; Conflict `fee_unpaid` until its fee is paid."""
        row = await self._for(staff, application_no, Act.APPROVE, version)
        if row["fee_fen"] and row["fee_paid_at"] is None:
            raise Conflict("申请人尚未缴费，缴费后才能准予", code="fee_unpaid")
        told = "您的申请已准予，正在制证和安排送达"
        return await self._move(staff, row, Act.APPROVE, address, told=told, sets={"decided_at": clock.now()})

    async def deny(
        self, staff: StaffCaller, application_no: str, reason: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Refuse a case with reason and remedy (不予批准). Raises: as `accept`."""
        row = await self._for(staff, application_no, Act.DENY, version)
        columns = {"reason": reason, "decided_at": clock.now()}
        told = f"不予批准：{reason}。如有异议，可依法申请行政复议或提起行政诉讼"
        return await self._move(staff, row, Act.DENY, address, told=told, facts={"reason": reason}, sets=columns)

    async def hand_over(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Note that the applicant took the result at the window, which closes the case. Raises: as `accept`."""
        row = await self._for(staff, application_no, Act.CLOSE, version)
        if row["status"] != Status.DELIVERING:
            raise Conflict("办件尚未进入送达环节", code="not_delivering")
        facts = {"outcome": row["outcome"]}
        return await self._move(
            staff, row, Act.CLOSE, address, told="办理结果已在窗口领取", facts=facts, sets={"closed_at": clock.now()}
        )

    async def force(
        self,
        staff: StaffCaller,
        application_no: str,
        correction: Correction,
        reason: str,
        address: str,
        *,
        version: int | None = None,
    ) -> CaseSummary:
        """Correct a case against its ordinary course; administrators only, named and audited apart.

        Raises: NotFound, Forbidden, InvalidTransition, StaleVersion.
        """
        staff.require_role(Role.ADMINISTRATOR)
        row = await self._in_scope(staff, application_no)
        moves.expect_version(row, version)
        edge = forced_edge(row["status"], row["outcome"], correction)
        now = clock.now()
        columns = {"reason": reason, "closed_at": now if edge.to is Status.CLOSED else None}
        if edge.to is Status.SUBMITTED:
            columns["received_at"] = now
        facts = {"correction": correction.value, "reason": reason}
        suspended = row["status"] == Status.SUSPENDED
        move = moves.along(
            row, edge, self._actor(staff), told=reason, facts=facts, sets=columns, at=now, pause_ends=suspended
        )
        act = self._act(staff, row, f"forced_{correction.value}", address, reason=reason)
        return case_summary(await moves.make(move, act=act, audit=self._audit))

    async def _for(self, staff: StaffCaller, application_no: str, act: Act, version: int | None) -> Row:
        staff.require_role(*_ROLES[act])
        row = await self._in_scope(staff, application_no)
        moves.expect_version(row, version)
        return row

    async def _in_scope(self, staff: StaffCaller, application_no: str) -> Row:
        row = await repository.find_case(application_no)
        if row is None or row["status"] == Status.DRAFT:
            raise NotFound("未找到该办件")
        staff.require_scope(row["division_code"], row["department_code"])
        return row

    async def _move(self, staff: StaffCaller, row: Row, act: Act, address: str, **plan: Any) -> CaseSummary:
        move = moves.planned(row, act, self._actor(staff), **plan)
        written = self._act(staff, row, act.value, address, to=move.to_status)
        return case_summary(await moves.make(move, act=written, audit=self._audit))

    @staticmethod
    def _actor(staff: StaffCaller) -> Actor:
        return Actor(ActorKind.STAFF, staff.username, staff.display_name)

    @staticmethod
    def _act(staff: StaffCaller, row: Row, action: str, address: str, **details: Any) -> StaffAct:
        seen = {"status": row["status"], "version": row["version"], **details}
        return StaffAct(staff.username, f"case.{action}", "application", row["application_no"], seen, address)


def _file(row: Row, item: Item) -> CaseMaterial:
    material = item.material(row["material_code"])
    return CaseMaterial(
        material_code=row["material_code"],
        material_name=material.name if material else row["material_code"],
        page=row["page"],
        upload_id=str(row["upload_id"]),
        content_type=row["content_type"],
        size=row["size_bytes"],
        sha256=row["sha256"],
    )
