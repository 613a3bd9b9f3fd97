"""The staff's use cases after the decision: parcels that need a person, licences that must change. Scope is the case's.

Handlers of the console call it; parcels and licences know nothing of staff, so their cases are asked.
"""

from __future__ import annotations

from functools import partial

from app.errors import NotFound
from services.applications import repository
from services.applications.packages import repository as package_repository
from services.applications.ports import Audit
from services.applications.types import LicenceChanged, ShipmentList
from services.delivery.booking.types import ShipmentChange
from services.delivery.rules.types import Carriage
from services.delivery.service import DeliveryService
from services.delivery.types import ShipmentView
from services.licences.service import LicenceService
from services.licences.types import Change, LicenceHistory
from services.staff.types import Act, Role, StaffCaller


class Aftercare:
    """Use cases of staff about the parcels and licences of cases in their scope."""

    def __init__(self, delivery: DeliveryService, licences: LicenceService, audit: Audit) -> None:
        self._delivery, self._licences, self._audit = delivery, licences, audit

    async def shipments(self, staff: StaffCaller, application_no: str) -> ShipmentList:
        """Return the parcels of a case in scope. Raises: NotFound, Forbidden."""
        staff.require_role(Role.WINDOW, Role.REVIEWER, Role.DISPATCHER)
        await _require_scope(staff, application_no)
        return ShipmentList(data=await self._delivery.shipments_of(application_no))

    async def shipment(self, staff: StaffCaller, shipment_no: str) -> ShipmentView:
        """Return one parcel of a case in scope. Raises: NotFound, Forbidden."""
        staff.require_role(Role.WINDOW, Role.REVIEWER, Role.DISPATCHER, Role.ADMINISTRATOR)
        found = await self._delivery.find_shipment(shipment_no)
        await _require_scope(staff, found.application_no)
        return found

    async def rebook(self, staff: StaffCaller, shipment_no: str, address: str) -> str:
        """Have a parcel ordered again that its courier refused, did not pick up or cancelled; return its number then.

        Raises: NotFound, Forbidden, Conflict as `BookingDesk.rebook`.
        """
        staff.require_role(Role.WINDOW, Role.DISPATCHER)
        await _require_scope(staff, await self._delivery.subject_of(shipment_no))
        act = Act(staff.username, "shipment.rebooked", "shipment", shipment_no, {}, address)
        return await self._delivery.booking.rebook(shipment_no, partial(self._audit.record, act), by=staff.username)

    async def cancel(self, staff: StaffCaller, shipment_no: str, reason: str, address: str) -> ShipmentView:
        """Withdraw a parcel before pick-up; paid postage goes back. Where the courier is away, a job goes on asking.

        Raises: NotFound, Forbidden; Conflict `parcel_collected`, `withdrawal_refused`, `parcel_ended`,
            `cancel_not_offered`.
        """
        staff.require_role(Role.WINDOW, Role.DISPATCHER)
        await _require_scope(staff, await self._delivery.subject_of(shipment_no))
        act = Act(staff.username, "shipment.cancelled", "shipment", shipment_no, {"reason": reason}, address)
        await self._delivery.booking.cancel(shipment_no, reason, partial(self._audit.record, act))
        return await self._delivery.find_shipment(shipment_no)

    async def change_courier(
        self, staff: StaffCaller, shipment_no: str, carriage: Carriage, reason: str, address: str
    ) -> ShipmentChange:
        """Send a parcel with another courier before pick-up.

        Raises: NotFound (also for a courier that is not here), Forbidden; Conflict as `cancel`, `same_courier`.
        """
        staff.require_role(Role.WINDOW, Role.DISPATCHER)
        await _require_scope(staff, await self._delivery.subject_of(shipment_no))
        details = {"courier": carriage.courier, "carrier": carriage.carrier, "reason": reason}
        act = Act(staff.username, "shipment.courier_changed", "shipment", shipment_no, details, address)
        return await self._delivery.booking.change_courier(shipment_no, carriage, partial(self._audit.record, act))

    async def licence(self, staff: StaffCaller, licence_no: str) -> LicenceHistory:
        """Return a licence of a case in scope with its history. Raises: NotFound, Forbidden."""
        staff.require_role(Role.WINDOW, Role.REVIEWER)
        await _require_scope(staff, await self._licences.subject_of(licence_no))
        return await self._licences.history(licence_no)

    async def change_licence(
        self, staff: StaffCaller, licence_no: str, change: Change, reason: str, address: str
    ) -> LicenceChanged:
        """Suspend, restore, revoke, cancel or withdraw a licence of a case in scope.

        Raises: NotFound, Forbidden, InvalidTransition, StaleVersion.
        """
        staff.require_role(Role.REVIEWER)
        await _require_scope(staff, await self._licences.subject_of(licence_no))
        # Written first: an audit entry without its change is a question, a change without its entry a hole.
        details = {"change": change.value, "reason": reason}
        await self._audit.record(Act(staff.username, "licence.changed", "licence", licence_no, details, address))
        status = await self._licences.change_status(licence_no, change, actor=staff.username, reason=reason)
        return LicenceChanged(licence_no=licence_no, status=status)


async def _require_scope(staff: StaffCaller, subject_no: str) -> None:
    """Refuse what is no case in scope, nor a package whose shared parcel holds results of a case in scope."""
    row = await repository.find_case(subject_no)
    bodies = await package_repository.list_bodies(subject_no) if row is None else [row]
    if not any(staff.covers(body["division_code"], body["department_code"]) for body in bodies):
        raise NotFound("未找到该办件")
