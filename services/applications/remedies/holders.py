"""Who holds a document and how it came there, for staff: by case, by licence, by parcel, within scope.

Handlers of the console call it. A shared parcel shows only the documents of cases in scope.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.applications import repository
from services.applications.parts import Parts
from services.applications.scope import case_in_scope
from services.delivery.custody.types import PieceList, PieceView
from services.staff.types import Role, StaffCaller

READERS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.DISPATCHER, Role.AUDITOR, Role.ADMINISTRATOR)
_LICENCE, _PARCEL = "ZZ", "SJ"
"""How our numbers of licences and parcels begin."""


class Holders:
    """Use cases of looking where a document is."""

    def __init__(self, parts: Parts) -> None:
        self._custody, self._licences = parts.delivery.custody, parts.licences

    @staticmethod
    def require_reader(staff: StaffCaller) -> None:
        """Refuse whoever may not look where documents are. Raises: Forbidden."""
        staff.require_role(*READERS)

    async def of_case(self, staff: StaffCaller, application_no: str) -> PieceList:
        """Return the documents of a case with their chains. Raises: NotFound, Forbidden."""
        self.require_reader(staff)
        await case_in_scope(staff, application_no, at_intake=True)
        return PieceList(data=await self._custody.of_case(application_no))

    async def of_licence(self, staff: StaffCaller, licence_no: str) -> PieceList:
        """Return the physical copy of a licence with its chain. Raises: NotFound, Forbidden."""
        self.require_reader(staff)
        subject_no = await self._licences.subject_of(licence_no)
        await case_in_scope(staff, subject_no)
        return PieceList(data=await self._custody.of_licence(subject_no, licence_no))

    async def of_parcel(self, staff: StaffCaller, shipment_no: str) -> PieceList:
        """Return what of the cases in scope lies, or lay, in a parcel. Raises: Forbidden."""
        self.require_reader(staff)
        return PieceList(data=await _in_scope(staff, await self._custody.of_parcel(shipment_no)))

    async def find(self, staff: StaffCaller, number: str) -> PieceList:
        """Return the documents of a number, whatever it is the number of. Raises: NotFound, Forbidden."""
        if number.startswith(_PARCEL):
            return await self.of_parcel(staff, number)
        if number.startswith(_LICENCE):
            return await self.of_licence(staff, number)
        return await self.of_case(staff, number)


async def _in_scope(staff: StaffCaller, pieces: Sequence[PieceView]) -> list[PieceView]:
    seen: dict[str, bool] = {}
    for number in {piece.application_no for piece in pieces}:
        row = await repository.find_case(number)
        seen[number] = row is not None and staff.covers(row["division_code"], row["department_code"])
    return [piece for piece in pieces if seen[piece.application_no]]
