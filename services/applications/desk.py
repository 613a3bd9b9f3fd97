"""The staff's desk (收件、受理、审查、决定): the queue and one case to read, and every act of its parts.

Handlers of the console call it. Out of scope is not found; every decision and every look leaves an audit entry in
the same transaction.
"""

from __future__ import annotations

import uuid

import msgspec

from app import clock
from app.db import Row
from app.errors import Forbidden
from app.identifiers import mask_id_number, mask_name, mask_phone
from services.accounts.types import CitizenProfile
from services.applications import desk_repository, repository
from services.applications.cards import repository as card_repository
from services.applications.cards.types import COLOUR_TEXT, STAGE_TEXT, CaseCard
from services.applications.documents.service import shown_documents
from services.applications.dues import OVERDUE, days_spent, due_text, receipt_due
from services.applications.materials.listing import describe_materials
from services.applications.packages.siblings import siblings_of
from services.applications.paper.completeness import complete_since
from services.applications.reviewing import repository as reviews
from services.applications.reviewing.acting import AT_INTAKE, ROLES
from services.applications.reviewing.decisions import Decisions
from services.applications.reviewing.examination import EXAMINERS, UNDER_EXAMINATION, Examination
from services.applications.reviewing.intake import Intake
from services.applications.reviewing.types import CourseView, PauseView, PointView, ReviewView
from services.applications.routing.guard import is_held_from
from services.applications.scope import case_in_scope
from services.applications.states import STATUS_TEXT, TABS, TRANSITIONS, Status
from services.applications.types import (
    ApplicantView,
    CaseClock,
    CaseSummary,
    CaseView,
    StatusCount,
    ToldPerson,
)
from services.applications.views import case_summary, moment, timeline_view
from services.staff.types import Role, StaffCaller

_READERS = (
    Role.WINDOW,
    Role.REVIEWER,
    Role.APPROVER,
    Role.CASHIER,
    Role.DISPATCHER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)
_LOOKERS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)


class CaseDesk(Intake, Examination, Decisions):
    """Use cases of staff about cases in their scope. Two who decide at once: the second gets a Conflict."""

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
        return case_summary(await case_in_scope(staff, application_no, at_intake=True))

    async def told_person(self, staff: StaffCaller, application_no: str) -> ToldPerson:
        """Return whom a notice about a case in scope reaches. Raises: NotFound, Forbidden."""
        staff.require_role(*_READERS)
        row = await case_in_scope(staff, application_no, at_intake=True)
        return ToldPerson(row["application_no"], row["item_name"], row["citizen_id"])

    async def case(self, staff: StaffCaller, application_no: str, address: str, *, is_masked: bool = False) -> CaseView:
        """Return a case in scope; the look is audited. Raises: NotFound, Forbidden.

        Args:
            is_masked: hide personal data, as for everybody who may not unmask them.
        """
        staff.require_role(*_LOOKERS)
        row = await case_in_scope(staff, application_no, at_intake=True)
        hides = is_masked or not staff.may_unmask
        await self._parts.audit.record(self._act(staff, row, "viewed", address, masked=hides))
        return await self._file(staff, row, hides)

    async def unmasked(self, staff: StaffCaller, application_no: str, address: str) -> CaseView:
        """Return a case in scope with all personal data; audited as an unmasking. Raises: NotFound, Forbidden."""
        if not staff.may_unmask:
            raise Forbidden(code="role_required")
        row = await case_in_scope(staff, application_no, at_intake=True)
        await self._parts.audit.record(self._act(staff, row, "unmasked", address))
        return await self._file(staff, row, hides=False)

    async def _file(self, staff: StaffCaller, row: Row, hides: bool) -> CaseView:
        item = await self._item(row)
        return CaseView(
            case=case_summary(row),
            applicant=_applicant(await self._parts.people.profile(row["citizen_id"]), hides),
            form=self._vault.shown(row) if hides else self._vault.open(row),
            materials=await describe_materials(row, item),
            reason=row["reason"],
            due_is_provisional=row["due_is_provisional"],
            decided_at=moment(row["decided_at"]),
            closed_at=moment(row["closed_at"]),
            acts=_open_acts(staff, row),
            course=await self._course(row),
            timeline=[timeline_view(step) for step in await repository.list_steps(row["id"])],
            siblings=await siblings_of(self._parts.catalogue, row["application_no"]),
            clock=await self._clock(row),
            cards=[_card(each) for each in await card_repository.list_of_case(row["id"])],
            is_masked=hides,
        )

    async def _clock(self, row: Row) -> CaseClock | None:
        spent = days_spent(self._calendar, row, await repository.list_pauses(row["id"]), clock.beijing_date())
        if spent is None:
            return None
        return CaseClock(used_days=spent[0], left_days=spent[1], is_paused=row["status"] == Status.SUSPENDED)

    async def _course(self, row: Row) -> CourseView:
        is_waiting = row["status"] in (Status.SUBMITTED, Status.RECEIVED)
        since = await complete_since(self._parts.delivery, self._calendar, row) if is_waiting else None
        return CourseView(
            officer=row["officer"],
            corrections=row["corrections"],
            correction_points=msgspec.json.decode(row["correction_points"], type=list[PointView]),
            extension_days=row["extension_days"],
            overdue_reason=row["overdue_reason"],
            due_text=due_text(row, clock.beijing_date()),
            receipt_due_on=receipt_due(self._calendar, since).on.isoformat() if since else None,
            reviews=[_review(each) for each in await reviews.list_reviews(row["id"])],
            pauses=[_pause(each) for each in await repository.list_pauses(row["id"])],
            documents=await shown_documents(row["id"]),
        )


def _applicant(profile: CitizenProfile, hides: bool) -> ApplicantView:
    if hides:
        return ApplicantView(
            name=mask_name(profile.name), id_number=mask_id_number(profile.id_number), phone=mask_phone(profile.phone)
        )
    return ApplicantView(name=profile.name, id_number=profile.id_number, phone=profile.phone)


def _open_acts(staff: StaffCaller, row: Row) -> list[str]:
    decides = staff.covers(row["division_code"], row["department_code"])
    acts = [
        act.value
        for act, roles in ROLES.items()
        if (row["status"], act) in TRANSITIONS and staff.may(*roles) and (decides or act in AT_INTAKE)
        if not (decides and is_held_from(staff, row, act))
    ]
    if decides and row["status"] in UNDER_EXAMINATION and staff.may(*EXAMINERS):
        acts.append("review")
        acts += ["explain_overdue"] if due_text(row, clock.beijing_date()) == OVERDUE else []
    return acts


def _card(row: Row) -> CaseCard:
    return CaseCard(
        stage_text=STAGE_TEXT[row["stage"]],
        colour=row["colour"],
        colour_text=COLOUR_TEXT[row["colour"]],
        due_on=row["due_on"].isoformat(),
        issued_at=clock.rfc3339(row["created_at"]),
        settled_at=moment(row["settled_at"]),
    )


def _review(row: Row) -> ReviewView:
    return ReviewView(
        step=row["step"],
        action=row["action"],
        opinion=row["opinion"],
        officer=row["officer"],
        begun_at=clock.rfc3339(row["begun_at"]),
        ended_at=clock.rfc3339(row["ended_at"]),
    )


def _pause(row: Row) -> PauseView:
    return PauseView(
        name=row["name"],
        reason=row["reason"],
        expected_days=row["expected_days"],
        result=row["result"],
        begun_at=clock.rfc3339(row["begun_at"]),
        ended_at=moment(row["ended_at"]),
    )
