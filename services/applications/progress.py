"""What the house does with a case by itself: bill the fee, note that it was paid, certify, deliver, close, expire.

Called by reactions and sweeps only. Every use case looks at the case as it is now, so that a repeated or late job
does nothing, and continues where an interrupted one stopped.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app import clock
from app.db import Row, Transaction
from app.errors import Conflict
from payments.service import PaymentService
from payments.types import BillLine, NewBill
from services.applications import calendar_days, moves, repository
from services.applications.clock import Calendar
from services.applications.documents import letters
from services.applications.dues import accepted_columns, computed, receipt_due, stored_pauses
from services.applications.moves import FormVault
from services.applications.paper.completeness import complete_since
from services.applications.ports import Catalogue, People
from services.applications.states import STATUS_TEXT, TO_CORRECT, Act, Status
from services.applications.types import Actor, ActorKind
from services.catalogue.types import ItemRecord
from services.delivery.collecting.types import NewCollection
from services.delivery.custody.types import NewPiece
from services.delivery.service import DeliveryService
from services.delivery.types import Contact, DeliveryMethod, ShipmentOrder
from services.licences.service import LicenceService
from services.licences.types import NewLicence

_HOUSE = Actor(ActorKind.SYSTEM)
FEE = "item_fee"
"""What bills of an item's fee are for; postage and whatever else is billed for a case has a word of its own."""


class Progress:
    """Steps that follow by themselves from decisions, payments and deliveries. All idempotent."""

    def __init__(
        self,
        catalogue: Catalogue,
        people: People,
        licences: LicenceService,
        delivery: DeliveryService,
        payments: PaymentService,
        vault: FormVault,
        calendar: Calendar,
    ) -> None:
        self._catalogue, self._people, self._licences = catalogue, people, licences
        self._delivery, self._payments, self._vault = delivery, payments, vault
        self._calendar = calendar

    async def bill_fee(self, application_no: str) -> None:
        """Issue the bill of an accepted case; none where there is no fee. A voided bill of a case that is reviewed
        anew is followed by another. Idempotent: yes, one bill per case that can be paid.
        """
        row = await repository.find_case(application_no)
        if row is not None and row["fee_fen"] and row["status"] in (Status.ACCEPTED, Status.SUSPENDED):
            await self._issue_bill(row)
            row = await repository.find_case(application_no)
        # The case may have ended between our look and the bill, also the look of an earlier try that died in between;
        # nobody shall be asked to pay for it then.
        if row is None or row["status"] in (Status.CLOSED, Status.DENIED):
            await self._payments.void_bills(application_no)

    async def _issue_bill(self, row: Row) -> None:
        item = await self._catalogue.item(row["item_code"], row["item_version"])
        due = item.fees(self._vault.open(row))
        earlier = await self._payments.bills_of(row["application_no"], FEE)
        voided = sum(bill.status == "VOID" for bill in earlier)
        await self._payments.issue_bill(
            NewBill(
                citizen_id=row["citizen_id"],
                subject_no=row["application_no"],
                purpose=f"{FEE}:{voided + 1}" if voided else FEE,
                title=row["item_name"][:100],
                amount_fen=row["fee_fen"],
                department_code=row["department_code"],
                division_code=row["division_code"],
                agency_name=item.record.body.name,
                lines=tuple(BillLine(fee.name, fee.amount_fen, fee.basis) for fee in due),
            )
        )

    async def note_paid(self, application_no: str, paid_at: datetime, title: str) -> None:
        """Note that the fee was paid, once the fiscal platform has confirmed it. Idempotent."""
        await repository.note_fee_paid(application_no, paid_at, clock.now(), f"已缴纳：{title}")

    async def certify(self, application_no: str) -> None:
        """Issue the licences of a granted case; one without licences goes on to delivery at once. Idempotent."""
        row = await repository.find_case(application_no)
        if row is None or row["status"] not in (Status.APPROVED, Status.CERTIFYING):
            return
        record = (await self._catalogue.item(row["item_code"], row["item_version"])).record
        if not _licence_types(record):
            await self.deliver(application_no)
            return
        if row["status"] == Status.APPROVED:
            row = await self._advance(row, Act.CERTIFY, told="正在制作证照")
            if row is None:
                return
        for new in await self._licences_of(row, record):
            await self._licences.issue(new)

    async def deliver(self, application_no: str) -> None:
        """Start delivery once everything is issued, in the way the citizen chose; electronic results close at once.

        Idempotent.
        """
        row = await repository.find_case(application_no)
        if row is None or row["status"] not in (Status.APPROVED, Status.CERTIFYING, Status.DELIVERING):
            return
        record = (await self._catalogue.item(row["item_code"], row["item_version"])).record
        if not _licence_types(record) <= await self._licences.issued_types(application_no):
            return
        usual = _usual_method(record)
        if row["status"] != Status.DELIVERING:
            choice = await self._delivery.choice_of(application_no)
            row = await self._advance(row, Act.DELIVER, told=_TOLD[DeliveryMethod(choice.method) if choice else usual])
            if row is None:
                return
        method = await self._delivery.lock_choice(application_no, row["citizen_id"], usual)
        if method is DeliveryMethod.ELECTRONIC:
            await self.close(application_no, "电子证照已送达，可在“我的证照”查看", clock.now())
            return
        numbers = await self._licences.remaking.numbers_of(application_no)
        await self._delivery.custody.print_results(_pieces(row, record, numbers))
        if method is DeliveryMethod.COURIER:
            await self._send(parcel_order(application_no, record))
        else:
            await self._delivery.collecting.prepare(
                NewCollection(
                    subject_no=application_no,
                    citizen_id=row["citizen_id"],
                    division_code=row["division_code"],
                    department_code=row["department_code"],
                )
            )

    async def _send(self, order: ShipmentOrder) -> None:
        """Ask for the parcel of a case; of a copy that was made again, for the one that follows its former parcel."""
        former_no = await self._delivery.custody.former_parcel(order.subject_no)
        if former_no is None:
            await self._delivery.request_shipment(order)
            return
        try:
            await self._delivery.booking.again(former_no, is_remade=True, record=_unrecorded)
        except Conflict as refusal:
            if refusal.stable_code != "parcel_redacted":
                raise
            await self._delivery.returning.ask_for_address([order.subject_no])

    async def close_denied(self, application_no: str) -> None:
        """Close a refused case: the decision reaches the applicant with the notice of it. Idempotent."""
        row = await repository.find_case(application_no)
        if row is not None and row["status"] == Status.DENIED:
            await self.close(application_no, "不予批准决定已送达，办件办结", clock.now())

    async def close_delivered(self, application_no: str, signed_at: datetime | None = None) -> None:
        """Close a case when every result that counts is with the citizen, as of the signature. Idempotent.

        Args:
            signed_at: of its parcel, for a case of before documents were kept track of.
        """
        served_at = await self._delivery.custody.served_at(application_no, signed_at)
        if served_at is not None:
            await self.close(application_no, "快递已签收，办件办结", served_at)

    async def close_collected(self, application_no: str, given_at: datetime) -> None:
        """Close a case whose result was fetched at a point or a locker. Idempotent."""
        await self.close(application_no, "办理结果已领取，办件办结", given_at)

    async def close(self, application_no: str, told: str, served_at: datetime) -> None:
        """Close a case whose result has arrived at that moment, or whose refusal was told. Idempotent."""
        row = await repository.find_case(application_no)
        if row is None or row["status"] not in (Status.DELIVERING, Status.DENIED):
            return
        await self._advance(
            row,
            Act.CLOSE,
            told=told,
            facts={"outcome": row["outcome"]},
            sets={"closed_at": clock.now()},
            document=letters.served(told, served_at),
        )

    async def continue_stalled(self, application_no: str) -> None:
        """Take the step that should have followed by itself, whose job was lost. Idempotent."""
        row = await repository.find_case(application_no)
        if row is None:
            return
        if row["status"] in (Status.ACCEPTED, Status.SUSPENDED):
            await self._continue_fee(row)
        elif row["status"] in (Status.APPROVED, Status.CERTIFYING):
            await self.certify(application_no)
            await self.deliver(application_no)
        elif row["status"] == Status.DELIVERING:
            await self.deliver(application_no)
            await self.close_delivered(application_no)
        elif row["status"] == Status.DENIED:
            await self.close_denied(application_no)

    async def _continue_fee(self, row: Row) -> None:
        if not row["fee_fen"] or row["fee_paid_at"] is not None:
            return
        for bill in await self._payments.bills_of(row["application_no"], FEE):
            if bill.status != "VOID":
                if bill.paid_at is not None and bill.status == "CONFIRMED":
                    await self.note_paid(row["application_no"], clock.parse_rfc3339(bill.paid_at), bill.title)
                return
        await self.bill_fee(row["application_no"])

    async def void_bill_of_ended(self, application_no: str) -> None:
        """Void what nobody has paid of a case that has ended; the job that should have done it was lost. Idempotent."""
        row = await repository.find_case(application_no)
        if row is not None and row["status"] == Status.CLOSED:
            await self._payments.void_bills(application_no)

    async def unsettled_cases(self, after: uuid.UUID | None) -> tuple[list[str], uuid.UUID | None]:
        """Return a page of cases with a bill that nobody has paid yet, and where the next page begins."""
        return await self._payments.unsettled_subjects(after)

    async def expire_correction(self, application_no: str) -> None:
        """End a case whose applicant let the time for correction, or to mend a returned one, pass. Idempotent."""
        row = await repository.find_case(application_no)
        now = clock.now()
        if row is None or row["status"] not in TO_CORRECT or row["correction_due_at"] > now:
            return
        record = (await self._catalogue.item(row["item_code"], row["item_version"])).record
        reason = f"办件处于“{STATUS_TEXT[row['status']]}”，逾期未重新提交"
        await self._advance(
            row,
            Act.EXPIRE,
            told="逾期未补正，办件已终止，您可以重新申请",
            facts={"outcome": "TERMINATED"},
            sets={"closed_at": now},
            document=letters.terminated(record, reason, with_remedy=False),
        )

    async def accept_by_silence(self, application_no: str) -> None:
        """Accept a case that nobody answered within five working days, as of the day it came in. Idempotent.

        Originals that were asked for in time hold it up until they are here. See `complete_since`.
        Source: 行政许可法 第三十二条 (逾期不告知的，自收到申请材料之日起即为受理).
        """
        row = await repository.find_case(application_no)
        if row is None or row["status"] not in (Status.SUBMITTED, Status.RECEIVED):
            return
        since = await complete_since(self._delivery, self._calendar, row)
        if since is None or clock.beijing_date() <= receipt_due(self._calendar, since).on:
            return
        record = (await self._catalogue.item(row["item_code"], row["item_version"])).record
        columns, due = accepted_columns(self._calendar, record, self._calendar.received_at(since))
        await self._advance(
            row,
            Act.ACCEPT,
            told=f"超过5个工作日未告知，视为已受理，承诺于{due.on.isoformat()}前办结",
            facts={"promised_on": due.on.isoformat(), "fee_fen": row["fee_fen"]},
            sets=columns,
            document=letters.accepted(due, columns["legal_due_on"], by_silence=True),
        )

    async def read_calendar(self) -> None:
        """Take over what was published since this process began."""
        await calendar_days.refresh(self._calendar)

    async def recompute_due(self, application_no: str) -> None:
        """Count the due days again, now that more of the calendar may be published. Idempotent."""
        row = await repository.find_case(application_no)
        if row is None or row["accepted_at"] is None:
            return
        record = (await self._catalogue.item(row["item_code"], row["item_version"])).record
        pauses = stored_pauses(await repository.list_pauses(row["id"]))
        columns, _ = computed(self._calendar, record, row["accepted_at"], pauses, row["extension_days"])
        await repository.set_due(row, columns)

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Move cases and files of a merged citizen to the surviving one. Idempotent."""
        await repository.take_over(from_citizen_id, into_citizen_id)

    async def _advance(self, row: Row, act: Act, **plan: Any) -> Row | None:
        # None: somebody moved the case meanwhile, and that move has its own event and its own jobs.
        return await repository.advance(moves.planned(row, act, _HOUSE, **plan))

    async def _licences_of(self, row: Row, record: ItemRecord) -> list[NewLicence]:
        profile = await self._people.profile(row["citizen_id"])
        answers = self._vault.open(row)
        issued_on = clock.beijing_date(row["decided_at"])
        return [
            NewLicence(
                subject_no=row["application_no"],
                citizen_id=row["citizen_id"],
                type_code=result.licence_type,
                type_name=result.name,
                holder_name=profile.name,
                holder_id_number=profile.id_number,
                issuer_code=row["department_code"],
                issuer_name=record.body.name,
                issued_on=issued_on,
                expires_on=clock.last_day_of_months(issued_on, result.validity_months),
                enterprise_id=row["enterprise_id"],
                answers=answers,
            )
            for result in record.results
            if result.licence_type
        ]


_TOLD = {
    DeliveryMethod.COURIER: "证照已制成，正在交寄快递",
    DeliveryMethod.COUNTER: "办理结果已备好，请到窗口领取",
    DeliveryMethod.LOCKER: "办理结果正在放入自助柜，放好后会通知您领取",
    DeliveryMethod.ELECTRONIC: "办理结果将以电子方式送达",
}


def is_fee(purpose: str) -> bool:
    """Tell whether a bill is for the fee of an item; one that was voided is followed by another with a number."""
    return purpose.partition(":")[0] == FEE


async def _unrecorded(tx: Transaction) -> None:
    """Write down nothing: the case's own steps tell why."""


def _usual_method(record: ItemRecord) -> DeliveryMethod:
    ways = {way.value for result in record.results for way in result.delivery}
    return DeliveryMethod.ELECTRONIC if "electronic" in ways else DeliveryMethod.COUNTER


def _licence_types(record: ItemRecord) -> frozenset[str]:
    return frozenset(result.licence_type for result in record.results if result.licence_type)


def _pieces(row: Row, record: ItemRecord, numbers: Mapping[str, str]) -> list[NewPiece]:
    """Return the results that are handed over on paper; one that only exists electronically is no document to hold."""
    return [
        NewPiece(
            subject_no=row["application_no"],
            citizen_id=row["citizen_id"],
            division_code=row["division_code"],
            department_code=row["department_code"],
            code=result.code,
            title=result.name,
            licence_no=numbers.get(result.licence_type, ""),
        )
        for result in record.results
        if any(way.value != "electronic" for way in result.delivery)
    ]


def parcel_order(application_no: str, record: ItemRecord) -> ShipmentOrder:
    """Return the order of a case's parcel: from the counter that its item names."""
    leg = next((leg for leg in record.delivery.legs if leg.direction.value == "to_citizen"), None)
    sender = Contact(name=leg.contact, phone=leg.phone, address=leg.address) if leg else _department(record)
    cargo = leg.contents if leg else "办理结果"
    paid_by_receiver = leg is not None and leg.payer == "citizen"
    body = (record.division_code, record.department_code)
    codes = (record.item_code,)
    return ShipmentOrder(application_no, cargo, sender, *body, paid_by_receiver=paid_by_receiver, item_codes=codes)


def _department(record: ItemRecord) -> Contact:
    place = next((channel for channel in record.complaints if channel.address), None)
    return Contact(name=record.body.name, phone=record.phone, address=place.address if place else record.body.name)
