"""The staff's check of promises after the decision (事中事后核查); a broken one bars its signer from further promises.

Handlers of the staff call it. What becomes of the decision itself is another act: the revocation of its licence.
"""

from __future__ import annotations

from app import clock
from app.errors import Conflict, NotFound
from services.applications.materials import repository
from services.applications.materials.listing import describe_materials
from services.applications.parts import Parts
from services.applications.scope import case_in_scope
from services.applications.states import Status
from services.applications.types import CaseMaterial
from services.staff.types import Act, Role, StaffCaller


class PromiseChecks:
    """Use cases of staff about promises of cases in their scope."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def note(
        self, staff: StaffCaller, application_no: str, material_code: str, was_false: bool, reason: str, address: str
    ) -> list[CaseMaterial]:
        """Note what the check of a promise found; return the case's materials. Idempotent; audited.

        Raises: NotFound (case, promise), Forbidden, Conflict `case_not_accepted` before acceptance.
        """
        staff.require_role(Role.REVIEWER)
        row = await case_in_scope(staff, application_no)
        if row["accepted_at"] is None or row["status"] == Status.DRAFT:
            raise Conflict("办件尚未受理，不需要核查承诺", code="case_not_accepted")
        details = {"material_code": material_code, "was_false": was_false, "reason": reason}
        act = Act(staff.username, "case.promise_checked", "application", application_no, details, address)
        found = (row["id"], material_code, was_false, clock.now())
        if not await repository.note_check(*found, act, self._parts.audit):
            raise NotFound("办件没有此项承诺")
        item = await self._parts.catalogue.item(row["item_code"], row["item_version"])
        return await describe_materials(row, item)
