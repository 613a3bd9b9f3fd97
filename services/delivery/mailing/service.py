"""Originals on their way to the window (申请材料寄送): asked for, sent by courier or by themselves, received.

The delivery room shows it as `.mailing`; the applications room calls it for citizens and staff. An inbound parcel that
was signed for ends nothing: the window's receipt does, with the condition in which everything came.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence

from app import clock, db
from app.db import Row, Transaction
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, SanjinError, StaleVersion
from services.delivery.booking.notes import cancelled_note
from services.delivery.mailing import back_repository, repository, views
from services.delivery.mailing.carriers import carrier_of, typed_number
from services.delivery.mailing.states import Act, may, next_status
from services.delivery.mailing.types import (
    CONDITION_TEXT,
    Condition,
    MailingDetail,
    MailingLine,
    MailingStatus,
    MailingView,
    NewMailing,
    Receipt,
    Record,
)
from services.delivery.rules.types import Errand, Terms
from services.delivery.states import TERMINAL, ShipmentStatus
from services.delivery.tasks.facts import Subject
from services.delivery.tasks.opening import close_task, open_task
from services.delivery.tasks.states import Outcome, TaskKind
from services.delivery.tracking.recording import Recorder
from services.delivery.types import Contact, Leg, ShipmentView
from services.staff.types import Role, StaffCaller

READERS = (Role.WINDOW, Role.REVIEWER, Role.DISPATCHER, Role.ADMINISTRATOR)
Withdraw = Callable[[str, str, Record], Awaitable[object]]
"""Cancels a parcel by its number, with the reason and the record; a Conflict where its courier has it already."""
FindTerms = Callable[[Errand, Sequence[str], str], Awaitable[Terms]]
"""Says who may pay for a parcel of these items."""
FindShipment = Callable[[str], Awaitable[ShipmentView]]
_WORDS_NEEDED = 2
_TO_GIVE_BACK = "办件已办结，请将窗口留存的材料原件退还申请人并登记，或寄回申请人"


class Mailings:
    """Use cases of the inbound leg. Ownership and scope of single cases are the caller's business."""

    def __init__(self, withdraw: Withdraw, recorder: Recorder, terms: FindTerms, shipment: FindShipment) -> None:
        self._withdraw, self._recorder = withdraw, recorder
        self._terms, self._shipment = terms, shipment

    async def ask(self, new: NewMailing) -> None:
        """Ask a citizen for the originals of their case, and tell them where to. Idempotent: yes, by case."""
        await repository.ask(new, clock.now(), views.asked_event(new))

    async def find(self, subject_no: str) -> MailingView | None:
        """Return the mailing of a case; None where it needs no originals."""
        row = await repository.find(subject_no)
        return views.mailing_view(row) if row else None

    async def of_cases(self, subject_nos: Sequence[str]) -> dict[str, MailingView]:
        """Return the mailings of some cases by case; one that needs no originals has none."""
        return {row["subject_no"]: views.mailing_view(row) for row in await repository.list_of(subject_nos)}

    async def detail(
        self, subject_no: str, window: Contact, item_codes: Sequence[str], leg_payer: str
    ) -> MailingDetail:
        """Return the mailing of a case with all that a citizen needs to send it. Raises: NotFound."""
        row = await self._row(subject_no)
        errand = Errand(division_code=row["division_code"], leg=Leg.INBOUND)
        terms = await self._terms(errand, item_codes, leg_payer)
        may_send, has_parcel = may(row["status"], Act.SEND), bool(row["shipment_no"])
        return MailingDetail(
            mailing=views.mailing_view(row),
            window_name=window.name,
            window_phone=window.phone,
            window_address=window.address,
            slots=views.slots(clock.now()) if may_send else [],
            payers=[payer.value for payer in terms.payers],
            postage_fen=terms.postage_fen,
            carriers=views.carrier_names(),
            shipment=await self._shipment(row["shipment_no"]) if has_parcel else None,
            acts=["pickup", "own"] if may_send else ["cancel"] if has_parcel and may(row["status"], Act.CANCEL) else [],
        )

    @staticmethod
    def typed(waybill_no: str, carrier: str) -> tuple[str, str]:
        """Return a typed number as carriers print it, and whose it is, "" where its shape does not tell.

        Raises: InvalidRequest.
        """
        number = typed_number(waybill_no)
        return number, carrier_of(number, carrier)

    async def page(
        self,
        staff: StaffCaller,
        statuses: Sequence[MailingStatus],
        after: uuid.UUID | None = None,
        limit: int = 20,
    ) -> tuple[list[MailingLine], uuid.UUID | None]:
        """Return mailings in scope with their parcels, oldest first. Raises: Forbidden."""
        staff.require_role(*READERS)
        rows = await repository.list_page(
            staff.divisions, staff.departments, [status.value for status in statuses], after, limit + 1
        )
        return [views.line(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def cases_of(self, number: str) -> Sequence[str]:
        """Return the cases whose parcels to the window carry a number; scope is the caller's business."""
        return await repository.find_by_waybill(number)

    async def send(self, subject_no: str, made: Callable[[str], Awaitable[str]]) -> None:
        """Have a parcel made of the originals and note it; of two at once one wins.

        Args:
            made: makes the parcel of this content and returns its number, in its own transaction.

        Raises: NotFound, Conflict `mailing_state`, and as `made`; then the originals are asked for as before.
        """
        row = await self._row(subject_no)
        next_status(row["status"], Act.SEND)
        if not await repository.claim(row):
            raise Conflict("材料原件已安排寄送，请刷新后再试", code="mailing_state")
        try:
            earlier = await repository.count_earlier(subject_no)
            number = await made(views.cargo(repository.contents_of(row), earlier))
        except SanjinError:
            await repository.release(row)
            raise
        if not await repository.sent(row, number, clock.now(), views.sent_event(row, number)):
            await self._call_off(number, "办件已结束")
            raise Conflict("办件已结束，不再需要寄送材料原件", code="mailing_state")

    async def cancel(self, subject_no: str) -> None:
        """Withdraw the parcel before it is picked up; the originals are asked for as before.

        Raises: NotFound, Conflict `mailing_state`, and as booking's cancel where the courier has it already.
        """
        row = await self._row(subject_no)
        next_status(row["status"], Act.CANCEL)
        if not row["shipment_no"]:
            raise Conflict("正在安排寄送，请稍后再试", code="mailing_state")
        await self._call_off(row["shipment_no"], "申请人取消寄送")
        async with db.transaction() as tx:
            await repository.unlink(tx, row["shipment_no"], clock.now())

    async def receive(self, subject_no: str, receipt: Receipt, by: str, record: Record) -> None:
        """Confirm at the window that a parcel came, and in which condition; what is wrong opens a task and is told.

        Raises: NotFound, StaleVersion, InvalidRequest (no note where something is wrong), Conflict `mailing_state`.
        """
        is_faulty = receipt.condition is not Condition.INTACT
        if is_faulty and len(receipt.note.strip()) < _WORDS_NEEDED:
            raise InvalidRequest(faults=(FieldFault("note", "请写明破损、缺少或不符的内容"),))

        async def settled(tx: Transaction, row: Row) -> None:
            now, words = clock.now(), CONDITION_TEXT[receipt.condition]
            await repository.settle(tx, row, "RECEIVED", now, by, receipt.condition, receipt.note.strip())
            await repository.at_window(tx, row, now, by, f"窗口收到寄来的原件，{words}")
            subject = _subject(row)
            if is_faulty:
                await open_task(tx, subject, TaskKind.ORIGINALS, f"寄来的原件{words}", by=by)
            else:
                await close_task(tx, subject.shipment_id, (TaskKind.ORIGINALS,), Outcome.CONFIRMED, by)
            tx.emit(views.received_event(row, receipt))

        await self._settle(subject_no, Act.RECEIVE, receipt.version, settled, record)

    async def bring(self, subject_no: str, by: str, record: Record, *, version: int | None = None) -> None:
        """Note that the citizen brought the originals in person. Raises: as `receive`, and as booking's cancel."""
        await self._give_parcel_up(subject_no, Act.BRING, "申请人已现场提交", version)

        async def settled(tx: Transaction, row: Row) -> None:
            now = clock.now()
            await repository.settle(tx, row, "BROUGHT", now, by)
            await repository.at_window(tx, row, now, by, "申请人现场提交")

        await self._settle(subject_no, Act.BRING, None, settled, record)

    async def waive(self, subject_no: str, reason: str, by: str, record: Record, *, version: int | None = None) -> None:
        """Do without the originals, for a reason that staff write down. Raises: as `receive`."""
        if len(reason.strip()) < _WORDS_NEEDED:
            raise InvalidRequest(faults=(FieldFault("reason", "请写明无需提交原件的理由"),))
        await self._give_parcel_up(subject_no, Act.WAIVE, "无需提交原件", version)

        async def settled(tx: Transaction, row: Row) -> None:
            await repository.settle(tx, row, "WAIVED", clock.now(), by, note=reason.strip())
            tx.emit(views.waived_event(row))

        await self._settle(subject_no, Act.WAIVE, None, settled, record)

    async def ask_again(
        self, subject_no: str, reason: str, by: str, record: Record, *, version: int | None = None
    ) -> None:
        """Ask once more for what was missing, damaged or wrong. Raises: as `receive`."""
        if len(reason.strip()) < _WORDS_NEEDED:
            raise InvalidRequest(faults=(FieldFault("reason", "请写明需要补寄的内容"),))

        async def settled(tx: Transaction, row: Row) -> None:
            await repository.settle(tx, row, "ASKED", clock.now(), by, row["condition"], reason.strip())
            tx.emit(views.asked_again_event(row, reason.strip()))

        await self._settle(subject_no, Act.ASK_AGAIN, version, settled, record)

    async def give_back(self, subject_no: str, reason: str, by: str, record: Record) -> None:
        """Note that the citizen took their originals back at the window, and tell them so.

        A parcel that shall take them back is withdrawn first.
        Raises: NotFound, Conflict `no_originals`, `cancel_pending`, and as booking's cancel where the courier has it.
        """
        told = views.given_back_event(await self._row(subject_no))
        for number in await back_repository.list_live(subject_no):
            if await self._withdraw(number, "申请人到窗口取回原件", _unrecorded) != ShipmentStatus.CANCELLED:
                raise Conflict("正在向快递公司取消订单，请稍后再试", code="cancel_pending")

        async def at_hand(tx: Transaction) -> None:
            if await back_repository.live_of(tx, subject_no) is not None:
                raise Conflict("原件刚刚安排寄回，请刷新后再试", code="mailing_state")
            await back_repository.settle_former(tx, subject_no, Outcome.TO_COLLECT, by)

        words = reason.strip() or "窗口退还"
        given = await repository.give_back(subject_no, clock.now(), by, words, told, at_hand=at_hand, record=record)
        if given == 0:
            raise Conflict("窗口没有该办件的材料原件", code="no_originals")

    async def ask_to_give_back(self, subject_no: str) -> None:
        """Have staff give back or send back the originals at the window of a case that ended. Idempotent."""
        await repository.ask_to_give_back(subject_no, _TO_GIVE_BACK)

    async def is_awaited(self, subject_no: str) -> bool:
        """Tell whether a case cannot go on yet: a parcel is under way, or what is asked for nothing stands in for."""
        row = await repository.find(subject_no)
        if row is None:
            return False
        if row["status"] == MailingStatus.ASKED:
            return any(content.required for content in repository.contents_of(row))
        return bool(row["status"] == MailingStatus.SENT)

    async def end(self, subject_no: str) -> None:
        """End what is open with its case, and withdraw its parcel; one that is under way still comes, to be received
        and given back. Idempotent: yes."""
        row = await repository.find(subject_no)
        if row is None or row["status"] not in (MailingStatus.ASKED, MailingStatus.SENT):
            return
        if row["shipment_no"]:
            try:
                await self._call_off(row["shipment_no"], "办件已结束")
            except Conflict:
                return
        await repository.end(row, clock.now())

    async def _row(self, subject_no: str) -> Row:
        row = await repository.find(subject_no)
        if row is None:
            raise NotFound("该办件不需要寄送材料原件")
        return row

    async def _call_off(self, shipment_no: str, reason: str) -> None:
        """Withdraw a parcel; of a number that was only typed nobody needs to be asked. Raises: Conflict."""
        parcel = await repository.find_parcel(shipment_no)
        if parcel is None or parcel["status"] in TERMINAL:
            return
        if parcel["is_own"]:
            await self._recorder.record(shipment_no, [cancelled_note(shipment_no, reason)], confirmed=True)
            return
        await self._withdraw(shipment_no, reason, _unrecorded)

    async def _give_parcel_up(self, subject_no: str, act: Act, reason: str, version: int | None) -> None:
        """Withdraw the parcel of what needs none any more; that by itself moves the mailing on from its version."""
        row = await self._row(subject_no)
        next_status(row["status"], act)
        _require_version(row, version)
        if row["status"] == MailingStatus.SENT and row["shipment_no"]:
            try:
                await self._call_off(row["shipment_no"], reason)
            except Conflict:
                # It is on its way or has come; whatever is in it will be given back.
                return

    async def _settle(
        self,
        subject_no: str,
        act: Act,
        version: int | None,
        settled: Callable[[Transaction, Row], Awaitable[None]],
        record: Record,
    ) -> None:
        async with db.transaction() as tx:
            row = await repository.lock(tx, subject_no)
            if row is None:
                raise NotFound("该办件不需要寄送材料原件")
            _require_version(row, version)
            next_status(row["status"], act)
            await settled(tx, row)
            await record(tx)


def _require_version(row: Row, version: int | None) -> None:
    if version is not None and row["version"] != version:
        raise StaleVersion(current={"version": row["version"], "status": row["status"]})


async def _unrecorded(tx: Transaction) -> None:
    """Leave no further trace: the act itself, or the case's own, has one."""


def _subject(row: Row) -> Subject:
    return Subject(
        row["shipment_id"] or row["id"],
        row["shipment_no"],
        row["subject_no"],
        row["division_code"],
        row["department_code"],
    )
