"""Staff add to a waiting part what their own part has brought about, as a child's number after its registration.

The staff's door of packages calls it. What the citizen has answered is never touched, and nothing of it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app import clock
from app.db import Row, Transaction
from app.errors import FieldFault, Forbidden, InvalidRequest, InvalidTransition, NotFound, StaleVersion
from services.applications import forms, moves
from services.applications.packages import repository, views
from services.applications.packages.course import PackageCourse
from services.applications.packages.repository import Change
from services.applications.packages.siblings import siblings_of
from services.applications.packages.states import OPEN, STATUS_TEXT, Part, PartStatus
from services.applications.packages.vault import PackageVault
from services.applications.parts import Parts
from services.applications.routing.guard import ClaimedByOther, is_held_from
from services.applications.scope import case_in_scope
from services.applications.states import Act, Outcome
from services.applications.types import Sibling
from services.catalogue.types import PackageTerms
from services.staff.types import Act as StaffAct
from services.staff.types import Role, StaffCaller


class PartFilling:
    """Use cases of staff whose own part is granted."""

    def __init__(self, parts: Parts, vault: PackageVault, course: PackageCourse) -> None:
        self._catalogue, self._audit = parts.catalogue, parts.audit
        self._vault, self._course = vault, course

    async def fill(
        self, staff: StaffCaller, application_no: str, item_code: str, form: Mapping[str, Any], address: str
    ) -> list[Sibling]:
        """Add missing answers of a part that waits for the caller's granted case; audited by their names only.

        The part begins at once where nothing else is missing.
        Raises: NotFound, Forbidden `not_predecessor`, Conflict `claimed_by_other`, InvalidTransition, StaleVersion,
        InvalidRequest with the path of every fault.
        """
        staff.require_role(Role.WINDOW, Role.REVIEWER)
        case = await case_in_scope(staff, application_no)
        if is_held_from(staff, case, Act.APPROVE):
            raise ClaimedByOther(current={**moves.current(case), "officer": case["officer"]})
        row = await self._package(application_no)
        parts = {part.item_code: part for part in views.stored_parts(await repository.list_parts(row["id"]))}
        _require_predecessor(parts, application_no, item_code)
        terms = await self._catalogue.package_terms(row["package_code"], row["package_version"])
        answers = self._checked(row, terms, item_code, form)
        details = {"package_no": row["package_no"], "item_code": item_code, "fields": sorted(form)}
        act = StaffAct(staff.username, "package.part_filled", "application", application_no, details, address)

        async def record(tx: Transaction) -> None:
            await self._audit.record(act, tx)

        sealed = self._vault.close(answers, terms)
        sets = {"form": sealed.form, "form_cipher": sealed.form_cipher}
        change = Change(status=row["status"], at=clock.now(), sets=sets, also=record)
        if await repository.change(row, change) is None:
            raise StaleVersion
        await self._course.follow(row["package_no"])
        return await siblings_of(self._catalogue, application_no)

    async def _package(self, application_no: str) -> Row:
        package_no = await repository.find_of_case(application_no)
        row = await repository.find(package_no) if package_no else None
        if row is None:
            raise NotFound("该办件不属于一件事")
        if row["status"] not in OPEN:
            raise InvalidTransition(f"一件事当前为“{STATUS_TEXT[row['status']]}”，不能补充信息")
        return row

    def _checked(self, row: Row, terms: PackageTerms, item_code: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return all answers with the new ones among them. Raises: InvalidRequest."""
        stored = self._vault.open(row)
        answers = stored | dict(form)
        faults = [*_not_missing(terms, item_code, stored, form), *forms.draft_faults(terms, answers)]
        if faults or not form:
            raise InvalidRequest(faults=tuple(faults) or (FieldFault("form", "请填写需要补充的内容"),))
        return answers


def _require_predecessor(parts: Mapping[str, Part], application_no: str, item_code: str) -> None:
    part = parts.get(item_code)
    if part is None:
        raise NotFound("该一件事没有此事项")
    own = next(each for each in parts.values() if each.application_no == application_no)
    if own.item_code not in part.depends_on or own.outcome != Outcome.GRANTED:
        raise Forbidden("只有该事项的前置事项准予后，其办理机关才能补充信息", code="not_predecessor")
    if part.status not in (PartStatus.WAITING, PartStatus.ASKED):
        raise InvalidTransition("该事项已提交或不再办理，不能补充信息")


def _not_missing(
    terms: PackageTerms, item_code: str, stored: Mapping[str, Any], form: Mapping[str, Any]
) -> Iterator[FieldFault]:
    asked = {name for part in terms.record.items if part.item_code == item_code for name in part.field_map.values()}
    for name in form:
        if name not in asked:
            yield FieldFault(f"form.{name}", "该事项不需要此项")
        elif name in stored:
            yield FieldFault(f"form.{name}", "申请人已填写，不能修改")
