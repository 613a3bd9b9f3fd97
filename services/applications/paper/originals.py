"""Originals of a case on their way in: the citizen's doors, the window's acts, and what follows from the case.

Handlers and reactions call it; it knows whose case it is and who may act, the delivery room knows the parcel.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import partial

from app import clock
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from app.identifiers import mask_name, mask_phone
from app.tokens import Caller
from services.applications import own, repository
from services.applications.couriering import contact_of, require_collectable, shown_line
from services.applications.materials.rules import listed
from services.applications.own import Held
from services.applications.paper.wanted import payer_of, wanted, window_of
from services.applications.parts import Parts
from services.applications.scope import case_in_scope
from services.applications.states import Status
from services.catalogue.types import ItemRecord
from services.delivery.booking.types import InboundOrder, OwnParcel
from services.delivery.mailing.types import MailingDetail, MailingView, NewMailing, Receipt, Record
from services.delivery.service import DeliveryService
from services.delivery.types import Contact
from services.staff.types import Act, Role, StaffCaller

_RECEIVERS = (Role.WINDOW, Role.REVIEWER, Role.DISPATCHER)
_DECIDERS = (Role.WINDOW, Role.REVIEWER)


class Originals:
    """Use cases of the inbound leg."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._mailing, self._booking = parts.delivery.mailing, parts.delivery.booking

    async def ask(self, application_no: str) -> None:
        """Ask for the originals of a case that passed its pre-check, where its item takes any by post. Idempotent."""
        row = await repository.find_case(application_no)
        if row is None or row["status"] != Status.RECEIVED:
            return
        item = await self._parts.catalogue.item(row["item_code"], row["item_version"])
        contents = wanted(item, self._parts.vault.open(row), listed(row))
        if contents:
            place = window_of(item.record)
            await self._mailing.ask(
                NewMailing(
                    subject_no=application_no,
                    citizen_id=row["citizen_id"],
                    division_code=row["division_code"],
                    department_code=row["department_code"],
                    contents=contents,
                    item_name=row["item_name"],
                    place=f"{place.address} {place.name} {place.phone}",
                )
            )

    async def end(self, application_no: str) -> None:
        """End what is open of a case that ended; what no result took along staff give or send back. Idempotent."""
        await self._mailing.end(application_no)
        await self._mailing.ask_to_give_back(application_no)

    async def detail(self, caller: Caller, application_no: str) -> MailingDetail:
        """Return the originals that an own case needs, where they go and what may be done. Raises: NotFound."""
        held = await self._held(caller, application_no)
        record = await self._record(held.row)
        return await self._mailing.detail(application_no, window_of(record), (record.item_code,), payer_of(record))

    async def order_pickup(
        self, caller: Caller, application_no: str, address_id: uuid.UUID, since: str, until: str, payer: str
    ) -> MailingDetail:
        """Have a courier pick the originals up at an own address (上门取件).

        Raises: NotFound (case, address), InvalidRequest (time), Conflict `mailing_state`, `payer_not_offered`,
            `address_not_served`.
        """
        held = await self._held(caller, application_no)
        record = await self._record(held.row)
        begins, ends = _moment("pickup_from", since), _moment("pickup_until", until)
        address = await self._parts.people.plain_address(held.caller.citizen_id, address_id)

        async def made(cargo: str) -> str:
            order = InboundOrder(
                subject_no=application_no,
                citizen_id=held.row["citizen_id"],
                cargo=cargo,
                window=window_of(record),
                citizen=contact_of(address),
                citizen_shown=shown_line(address),
                citizen_division_code=address.division_code,
                division_code=held.row["division_code"],
                department_code=held.row["department_code"],
                item_codes=(record.item_code,),
                leg_payer=payer_of(record),
                payer=payer,
                pickup_from=begins,
                pickup_until=ends,
            )
            await require_collectable(self._parts.delivery, order)
            return await self._booking.order_inbound(order)

        await self._mailing.send(application_no, made)
        await self._traced(held, "originals_pickup")
        return await self.detail(caller, application_no)

    async def follow_own(self, caller: Caller, application_no: str, waybill_no: str, carrier: str) -> MailingDetail:
        """Take the number of a parcel that the citizen has sent by themselves.

        Raises: NotFound, InvalidRequest (number, carrier), Conflict `mailing_state`, `waybill_taken`.
        """
        held = await self._held(caller, application_no)
        record = await self._record(held.row)
        number, whose = self._mailing.typed(waybill_no, carrier)
        # Some carriers tell of a parcel only to whoever knows a phone on it: that of the one who typed the number.
        person = await self._parts.people.profile(held.caller.citizen_id)

        async def made(cargo: str) -> str:
            return await self._booking.follow_own(
                OwnParcel(
                    subject_no=application_no,
                    citizen_id=held.row["citizen_id"],
                    cargo=cargo,
                    window=window_of(record),
                    citizen=Contact(name=person.name, phone=person.phone, address=""),
                    citizen_shown=f"{mask_name(person.name)} {mask_phone(person.phone)}",
                    division_code=held.row["division_code"],
                    department_code=held.row["department_code"],
                    waybill_no=number,
                    carrier=whose,
                )
            )

        await self._mailing.send(application_no, made)
        await self._traced(held, "originals_sent")
        return await self.detail(caller, application_no)

    async def cancel(self, caller: Caller, application_no: str) -> MailingDetail:
        """Withdraw the parcel before it is picked up. Raises: NotFound, Conflict."""
        held = await self._held(caller, application_no)
        await self._mailing.cancel(application_no)
        await self._traced(held, "originals_cancelled")
        return await self.detail(caller, application_no)

    async def of_case(self, staff: StaffCaller, application_no: str) -> MailingView:
        """Return the originals of a case in scope. Raises: NotFound, Forbidden."""
        await self._scoped(staff, application_no, *_RECEIVERS, Role.APPROVER, Role.ADMINISTRATOR)
        return await self._found(application_no)

    async def find_for_receipt(self, staff: StaffCaller, number: str) -> str:
        """Return the case in scope that a number on a parcel, or of a case, belongs to. Raises: NotFound, Forbidden."""
        staff.require_role(*_RECEIVERS)
        for application_no in (*await self._mailing.cases_of(number), number):
            row = await repository.find_case(application_no)
            if row is not None and staff.covers(row["division_code"], row["department_code"]):
                return application_no
        raise NotFound("未找到该单号对应的办件")

    async def receive(self, staff: StaffCaller, application_no: str, receipt: Receipt, address: str) -> MailingView:
        """Confirm that the originals came, and in which condition. Raises: NotFound, Forbidden, and as the room."""
        await self._scoped(staff, application_no, *_RECEIVERS)
        record = self._audit(staff, "received", application_no, address, condition=receipt.condition)
        await self._mailing.receive(application_no, receipt, staff.username, record)
        return await self._found(application_no)

    async def bring(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> MailingView:
        """Note that the citizen brought the originals in person. Raises: NotFound, Forbidden, and as the room."""
        await self._scoped(staff, application_no, *_RECEIVERS)
        record = self._audit(staff, "brought", application_no, address)
        await self._mailing.bring(application_no, staff.username, record, version=version)
        return await self._found(application_no)

    async def waive(
        self, staff: StaffCaller, application_no: str, reason: str, address: str, *, version: int | None = None
    ) -> MailingView:
        """Do without the originals, for a reason. Raises: NotFound, Forbidden, and as the room."""
        await self._scoped(staff, application_no, *_DECIDERS)
        record = self._audit(staff, "waived", application_no, address, reason=reason)
        await self._mailing.waive(application_no, reason, staff.username, record, version=version)
        return await self._found(application_no)

    async def ask_again(
        self, staff: StaffCaller, application_no: str, reason: str, address: str, *, version: int | None = None
    ) -> MailingView:
        """Ask once more for what was missing, damaged or wrong. Raises: NotFound, Forbidden, and as the room."""
        await self._scoped(staff, application_no, *_DECIDERS)
        record = self._audit(staff, "asked_again", application_no, address, reason=reason)
        await self._mailing.ask_again(application_no, reason, staff.username, record, version=version)
        return await self._found(application_no)

    async def give_back(self, staff: StaffCaller, application_no: str, reason: str, address: str) -> MailingView:
        """Note that the citizen took the originals back at the window. Raises: NotFound, Forbidden, Conflict."""
        await self._scoped(staff, application_no, *_RECEIVERS)
        record = self._audit(staff, "given_back", application_no, address, reason=reason)
        await self._mailing.give_back(application_no, reason, staff.username, record)
        return await self._found(application_no)

    async def send_back(self, staff: StaffCaller, application_no: str, address: str) -> MailingView:
        """Have the originals of a case that ended go back by parcel to where they were sent from.

        Raises: NotFound, Forbidden, Conflict `case_not_ended`, `no_originals`, `no_return_address`.
        """
        await self._scoped(staff, application_no, *_RECEIVERS)
        row = await repository.find_case(application_no)
        if row is None or row["status"] != Status.CLOSED:
            raise Conflict("办件尚未办结：原件会随办理结果一并寄回", code="case_not_ended")
        codes, record = (row["item_code"],), self._audit(staff, "sent_back", application_no, address)
        await self._parts.delivery.sending_back.order(application_no, codes, staff.username, record)
        return await self._found(application_no)

    async def _held(self, caller: Caller, application_no: str) -> Held:
        return await own.find(self._parts.people, caller, application_no)

    async def _traced(self, held: Held, action: str) -> None:
        """Leave a trace of whoever acts for another."""
        trace = held.trace(action)
        if trace is not None:
            await self._parts.audit.record(trace)

    async def _record(self, row: Row) -> ItemRecord:
        return (await self._parts.catalogue.item(row["item_code"], row["item_version"])).record

    async def _found(self, application_no: str) -> MailingView:
        view = await self._mailing.find(application_no)
        if view is None:
            raise NotFound("该办件不需要寄送材料原件")
        return view

    @staticmethod
    async def _scoped(staff: StaffCaller, application_no: str, *roles: Role) -> None:
        staff.require_role(*roles)
        await case_in_scope(staff, application_no)

    def _audit(self, staff: StaffCaller, done: str, application_no: str, address: str, **details: str) -> Record:
        act = Act(staff.username, f"mailing.{done}", "mailing", application_no, details, address)
        return partial(self._parts.audit.record, act)


async def require_arrived(delivery: DeliveryService, application_no: str) -> None:
    """Refuse to accept a case whose originals are under way, or are asked for and nothing stands in for them.

    Raises: Conflict `originals_awaited`.
    """
    if await delivery.mailing.is_awaited(application_no):
        raise Conflict("申请材料原件尚未收到：请先在“待收原件”中确认收到，或登记无需提交原件", code="originals_awaited")


def _moment(path: str, text: str) -> datetime:
    try:
        return clock.parse_rfc3339(text)
    except ValueError:
        raise InvalidRequest(faults=(FieldFault(path, "时间格式不正确"),)) from None
