"""Results of cases that are fetched at a point or a locker: the citizen's doors and the acts of staff there.

Handlers call it; it knows whose case it is and who may act, the delivery room knows the collection and its code.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from app.errors import NotFound
from app.tokens import Caller
from services.applications import own
from services.applications.parts import Parts
from services.applications.scope import case_in_scope
from services.delivery.collecting.types import (
    CodeView,
    CollectionView,
    Collector,
    Deposit,
    LockerOpened,
    PlaceView,
    Proof,
)
from services.staff.types import Act, Role, StaffCaller

_GIVERS = (Role.WINDOW, Role.DISPATCHER)


class Collections:
    """Use cases of fetching a result."""

    def __init__(self, parts: Parts) -> None:
        self._people, self._audit = parts.people, parts.audit
        self._collecting, self._lockers = parts.delivery.collecting, parts.delivery.lockers

    async def places(self, caller: Caller, application_no: str) -> list[PlaceView]:
        """Return where the result of an own case may be fetched. Raises: NotFound."""
        row = (await own.find(self._people, caller, application_no)).row
        return await self._collecting.places_of(row["division_code"], row["department_code"])

    async def view(self, caller: Caller, application_no: str) -> CollectionView:
        """Return the collection of an own case. Raises: NotFound, also where its result goes another way."""
        await own.find(self._people, caller, application_no)
        return await self._found(application_no)

    async def code(self, caller: Caller, application_no: str) -> CodeView:
        """Make a one-time code for the result of an own case; whoever acts for another leaves a trace.

        Raises: NotFound, Conflict `not_ready`.
        """
        held = await own.find(self._people, caller, application_no)
        is_self = held.acting is None and caller.citizen_id == held.row["citizen_id"]
        made = await self._collecting.new_code(application_no, Collector.SELF if is_self else Collector.AGENT)
        trace = held.trace("collection_code")
        if trace is not None:
            await self._audit.record(trace)
        return made

    async def of_case(self, staff: StaffCaller, application_no: str) -> CollectionView:
        """Return the collection of a case in scope. Raises: NotFound, Forbidden."""
        staff.require_role(*_GIVERS, Role.ADMINISTRATOR)
        await case_in_scope(staff, application_no)
        return await self._found(application_no)

    async def places_for(self, staff: StaffCaller, application_no: str) -> list[PlaceView]:
        """Return where the result of a case in scope may be put. Raises: NotFound, Forbidden."""
        staff.require_role(*_GIVERS, Role.ADMINISTRATOR)
        row = await case_in_scope(staff, application_no)
        return await self._collecting.places_of(row["division_code"], row["department_code"])

    async def deposit(
        self,
        staff: StaffCaller,
        application_no: str,
        deposit: Deposit,
        address: str,
        *,
        version: int | None = None,
    ) -> CollectionView:
        """Note that a result lies ready at its place. Raises: NotFound, Forbidden, and as the room."""
        staff.require_role(*_GIVERS)
        await case_in_scope(staff, application_no)
        details = {"place_code": deposit.place_code, "box": deposit.box}
        act = Act(staff.username, "collection.deposited", "collection", application_no, details, address)
        await self._collecting.deposit(application_no, deposit, partial(self._audit.record, act), version=version)
        return await self._found(application_no)

    async def hand_over(
        self,
        staff: StaffCaller,
        application_no: str,
        proof: Proof,
        address: str,
        *,
        version: int | None = None,
    ) -> CollectionView:
        """Hand a result over, against its code or to whom staff have identified. Raises: NotFound, Forbidden, and as
        the room."""
        staff.require_role(*_GIVERS)
        await case_in_scope(staff, application_no)
        details = {"by_code": bool(proof.code), "collector": proof.collector.value, "reason": proof.reason}
        act = Act(staff.username, "collection.handed_over", "collection", application_no, details, address)
        await self._collecting.hand_over(
            application_no, proof, staff.username, partial(self._audit.record, act), version=version
        )
        return await self._found(application_no)

    async def open_box(
        self, departments: Sequence[str], place_code: str, code: str, system: str, address: str
    ) -> LockerOpened:
        """Hand a result over at a locker whose terminal belongs to these departments. Raises: as `Lockers.open`."""
        act = Act(system, "collection.handed_over", "locker", place_code, {"by_code": True}, address)
        return await self._lockers.open(departments, place_code, code, system, partial(self._audit.record, act))

    async def _found(self, application_no: str) -> CollectionView:
        view = await self._collecting.find(application_no)
        if view is None:
            raise NotFound("该办件的结果不在自取点领取")
        return view
