"""Use cases about what may be rated: the ratings room asks by a port, citizens never call it themselves."""

from __future__ import annotations

from app import clock
from app.errors import Conflict, NotFound
from app.tokens import Caller
from services.applications.parts import Parts
from services.applications.rateable import repository
from services.applications.rateable.types import EndedCase

_CLOSED = "CLOSED"


class RateableCases:
    """Cases and packages of citizens that have ended."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def ended(self, caller: Caller, subject_no: str) -> EndedCase:
        """Return an own case or package that has ended.

        Raises: NotFound, Conflict `not_closed` while it goes on, `rated_as_package` for a part of a package.
        """
        case = await repository.find_case(caller.citizen_id, subject_no)
        if case is None:
            return await self._package(caller, subject_no)
        if case["package_no"]:
            raise Conflict("该办件属于一件事套餐，请对套餐整体评价", code="rated_as_package")
        if case["status"] != _CLOSED:
            raise _not_closed()
        return EndedCase(
            subject_no=subject_no,
            item_code=case["item_code"],
            item_name=case["item_name"],
            division_code=case["division_code"],
            department_code=case["department_code"],
            officer=case["officer"],
            closed_at=case["closed_at"],
        )

    async def note_rated(self, subject_no: str) -> None:
        """Note that a case or package was rated. Idempotent."""
        await repository.note_rated(subject_no, clock.now())

    async def _package(self, caller: Caller, package_no: str) -> EndedCase:
        package = await repository.find_package(caller.citizen_id, package_no)
        if package is None:
            raise NotFound("未找到该办件")
        if package["status"] != _CLOSED:
            raise _not_closed()
        terms = await self._parts.catalogue.package_terms(package["package_code"], package["package_version"])
        return EndedCase(
            subject_no=package_no,
            item_code=package["package_code"],
            item_name=package["package_name"],
            division_code=package["division_code"],
            department_code=terms.record.department_code,
            officer="",
            closed_at=package["closed_at"],
        )


def _not_closed() -> Conflict:
    return Conflict("办结后才能评价", code="not_closed")
