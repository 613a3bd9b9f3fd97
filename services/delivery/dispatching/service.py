"""Batches of a day (交寄批次): made, labelled, handed over by scan, closed or cancelled. Called by doors of staff."""

from __future__ import annotations

import asyncio
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from app import clock
from app.crypto import FieldCipher
from app.db import Row, Transaction
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from app.ids import dated_no
from app.jobs import JobFunction
from app.storage import FileStore
from services.delivery import repository as parcel_repository
from services.delivery.couriers.table import CourierTable
from services.delivery.custody import moves
from services.delivery.custody.states import Holder
from services.delivery.dispatching import repository, views
from services.delivery.dispatching.labelling import Labelling, labels_key
from services.delivery.dispatching.labels import Labels
from services.delivery.dispatching.printed import Manifest, ManifestLine
from services.delivery.dispatching.states import AT_OUR_END, OPEN, Scan
from services.delivery.dispatching.types import (
    READERS,
    SENDERS,
    Closing,
    DispatchDetail,
    DispatchView,
    NewDispatch,
    Scanned,
    ScanResult,
    Waiting,
)
from services.delivery.ports import Announce, Audit
from services.delivery.states import ShipmentStatus
from services.staff.types import Act, Role, StaffCaller

_OLDEST_DAY = timedelta(days=7)
_NUMBER_LENGTH = 40


class DispatchDesk:
    """Use cases of staff about the parcels that their bodies send."""

    def __init__(
        self, couriers: CourierTable, cipher: FieldCipher, audit: Audit, storage: FileStore, announce: Announce
    ) -> None:
        self._couriers = couriers
        self._audit = audit
        self._storage = storage
        self._announce = announce
        self.labels = Labels(couriers, cipher, storage)
        self._labelling = Labelling(self.labels, storage, announce)

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload."""
        return {repository.LABEL: self._labelling.run}

    async def waiting(self, staff: StaffCaller) -> list[Waiting]:
        """Return how many booked parcels wait for a batch, by body and courier. Raises: Forbidden."""
        staff.require_role(*READERS)
        rows = await repository.list_waiting(_prefixes(staff), staff.departments)
        return [views.waiting(row, self._couriers.name(row["courier"])) for row in rows]

    async def create(self, staff: StaffCaller, new: NewDispatch, address: str) -> DispatchView:
        """Put all booked parcels of a body at a courier that are in no batch into one; a job makes their labels.

        Those booked until the end of the day count, also of the days before.
        Raises: Forbidden, NotFound, InvalidRequest for the day, Conflict `nothing_to_send`.
        """
        staff.require_role(*SENDERS)
        staff.require_scope(new.division_code, new.department_code)
        today = clock.beijing_date()
        day = new.day or today
        if not today - _OLDEST_DAY <= day <= today:
            raise InvalidRequest(faults=(FieldFault("day", "交寄日期应为今天或最近7天"),))
        now = clock.now()
        batch = repository.NewBatch(
            dispatch_no=dated_no("JJ", now, 8),
            division_code=new.division_code,
            department_code=new.department_code,
            courier=new.courier,
            day=day,
            booked_before=clock.from_beijing(f"{day + timedelta(days=1)} 00:00:00"),
            made_by=staff.username,
            at=now,
        )
        facts = {"courier": new.courier, "day": day.isoformat()}
        record = self._recorder(staff, "created", batch.dispatch_no, address, facts)
        if not await repository.create(batch, record):
            raise Conflict("没有待交寄的快递，可能已列入其他批次", code="nothing_to_send")
        await self._announce("shipments")
        return await self._view(batch.dispatch_no)

    async def page(
        self, staff: StaffCaller, after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[DispatchView], uuid.UUID | None]:
        """Return batches in scope, newest first, and where the next page begins. Raises: Forbidden."""
        staff.require_role(*READERS)
        rows = await repository.list_page(_prefixes(staff), staff.departments, after, limit + 1)
        shown = [views.dispatch(row, self._couriers.name(row["courier"])) for row in rows[:limit]]
        return shown, rows[limit - 1]["id"] if len(rows) > limit else None

    async def summary(self, staff: StaffCaller, dispatch_no: str) -> DispatchView:
        """Return one batch. Raises: Forbidden, NotFound."""
        row = await self._row(staff, dispatch_no, READERS)
        return views.dispatch(row, self._couriers.name(row["courier"]))

    async def show(self, staff: StaffCaller, dispatch_no: str) -> DispatchDetail:
        """Return one batch with its parcels. Raises: Forbidden, NotFound."""
        shown = await self.summary(staff, dispatch_no)
        parcels = await repository.list_parcels(dispatch_no)
        return DispatchDetail(dispatch=shown, parcels=[views.line(row) for row in parcels])

    async def repeat_labels(self, staff: StaffCaller, dispatch_no: str, address: str) -> DispatchView:
        """Have the missing labels of a batch made, and all bound again.

        Raises: Forbidden, NotFound, Conflict `dispatch_ended`. Idempotent: yes.
        """
        await self._row(staff, dispatch_no, SENDERS)
        record = self._recorder(staff, "labels_repeated", dispatch_no, address, {})
        if not await repository.repeat_labels(dispatch_no, clock.now(), record):
            raise _ended()
        return await self._view(dispatch_no)

    async def all_labels(self, staff: StaffCaller, dispatch_no: str, address: str) -> bytes:
        """Return the labels of a batch as one PDF; that they were taken is recorded, for they show addresses.

        Raises: Forbidden, NotFound, Conflict `labels_not_made`.
        """
        row = await self._row(staff, dispatch_no, SENDERS)
        try:
            content = await self._storage.get(labels_key(dispatch_no))
        except NotFound as error:
            raise Conflict("面单尚未生成，请稍候或重新生成", code="labels_not_made") from error
        details = {"parcels": row["labelled"]}
        await self._audit.record(_act(staff, "labels_printed", dispatch_no, address, details))
        return content

    async def label(self, staff: StaffCaller, shipment_no: str, address: str) -> bytes:
        """Return the label of one parcel that a body in scope sends; that it was taken is recorded.

        Raises: Forbidden, NotFound, Conflict, as `Labels.pdf`.
        """
        staff.require_role(*SENDERS)
        row = await parcel_repository.find_shipment(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        staff.require_scope(row.division_code, row.department_code)
        content = await self.labels.pdf(shipment_no)
        act = Act(staff.username, "shipment.label_printed", "shipment", shipment_no, {}, address)
        await self._audit.record(act)
        return content

    async def manifest(self, staff: StaffCaller, dispatch_no: str) -> bytes:
        """Return the list of a batch as PDF, receivers masked. Raises: Forbidden, NotFound."""
        row = await self._row(staff, dispatch_no, READERS)
        parcels = await repository.list_parcels(dispatch_no)
        lines = [
            ManifestLine(each["waybill_no"], each["shipment_no"], each["receiver_shown"])
            for each in parcels
            if not views.is_cancelled(each)
        ]
        drawn = Manifest(
            dispatch_no=dispatch_no,
            body_name=views.sender_name(parcels[0]) if parcels else "",
            courier_name=self._couriers.name(row["courier"]),
            day=row["day"].isoformat(),
            lines=lines,
        )
        return await asyncio.to_thread(_drawn, drawn)

    async def scan(self, staff: StaffCaller, dispatch_no: str, numbers: Sequence[str], address: str) -> Scanned:
        """Note the parcels that were handed over to the courier, by waybill number or ours, one after the other.

        Whoever holds what lies in them changes with it. Raises: Forbidden, NotFound, Conflict `dispatch_ended`.
        Idempotent: yes, a second scan changes nothing and says so.
        """
        row = await self._row(staff, dispatch_no, SENDERS)
        if row["status"] not in OPEN:
            raise _ended()
        results = [await self._scanned(staff, dispatch_no, number, address) for number in _cleaned(numbers)]
        if any(each.is_good for each in results):
            await self._announce(f"dispatch:{dispatch_no}")
        shown = await self._view(dispatch_no)
        return Scanned(results=results, handed_over=shown.handed_over, remaining=shown.remaining)

    async def close(self, staff: StaffCaller, dispatch_no: str, closing: Closing, address: str) -> DispatchView:
        """End the hand-over; parcels that were not scanned are named and wait for another batch.

        Raises: Forbidden, NotFound, Conflict `dispatch_ended`, `parcels_missing` where no reason is given.
        """
        await self._row(staff, dispatch_no, SENDERS)
        collector, reason = closing.collector.strip(), closing.reason.strip()
        if not all(letter.isalnum() or letter in "-_" for letter in collector):
            raise InvalidRequest(faults=(FieldFault("collector", "请填写揽收员工号，只含字母和数字，不要填写姓名"),))
        record = self._recorder(staff, "handed_over", dispatch_no, address, {"reason": reason, "collector": collector})
        missing = await repository.close(dispatch_no, staff.username, collector, reason, clock.now(), record)
        if missing is None:
            raise _ended()
        if missing and not reason:
            raise Conflict(
                f"还有{missing}件未扫描；仍要结束请填写理由，这些件将退回待交寄",
                code="parcels_missing",
                faults=(FieldFault("reason", "请填写理由"),),
            )
        await self._announce(f"dispatch:{dispatch_no}")
        return await self._view(dispatch_no)

    async def cancel(self, staff: StaffCaller, dispatch_no: str, address: str) -> DispatchView:
        """Give up a batch before anything of it was handed over; its parcels wait for another.

        Raises: Forbidden, NotFound, Conflict `dispatch_begun`.
        """
        await self._row(staff, dispatch_no, SENDERS)
        record = self._recorder(staff, "cancelled", dispatch_no, address, {})
        if not await repository.cancel(dispatch_no, clock.now(), record):
            raise Conflict("本批次已结束或已有快递交出，不能取消", code="dispatch_begun")
        # It shows addresses, and no parcel leads to it any more that would have it forgotten in time.
        await self._storage.delete(labels_key(dispatch_no))
        await self._announce(f"dispatch:{dispatch_no}")
        return await self._view(dispatch_no)

    async def _scanned(self, staff: StaffCaller, dispatch_no: str, number: str, address: str) -> ScanResult:
        row = await repository.find_scanned(number) if len(number) <= _NUMBER_LENGTH else None
        if row is None or not staff.covers(row["division_code"], row["department_code"]):
            return views.scan_result(number, Scan.UNKNOWN)
        shipment_no = row["shipment_no"]
        if views.is_cancelled(row):
            return views.scan_result(number, Scan.CANCELLED, shipment_no)
        if row["dispatch_no"] != dispatch_no:
            outcome = Scan.OTHER_BATCH if row["dispatch_no"] else Scan.NO_BATCH
            return views.scan_result(number, outcome, shipment_no, row["dispatch_no"])
        follow = partial(self._give_away, staff, dispatch_no, shipment_no, address)
        if await repository.hand_over(dispatch_no, shipment_no, staff.username, clock.now(), follow):
            return views.scan_result(number, Scan.HANDED_OVER, shipment_no)
        now = await repository.find_scanned(shipment_no)
        is_withdrawn = now is not None and views.is_cancelled(now)
        return views.scan_result(number, Scan.CANCELLED if is_withdrawn else Scan.TWICE, shipment_no)

    async def _give_away(
        self, staff: StaffCaller, dispatch_no: str, shipment_no: str, address: str, tx: Transaction, status: str
    ) -> None:
        # What the courier has told meanwhile is further on than a scan: documents do not go back.
        if ShipmentStatus(status) in AT_OUR_END:
            reason = f"交寄批次{dispatch_no}"
            await moves.move_parcel(
                tx, shipment_no, Holder.HANDED_OVER, clock.now(), reason=reason, actor=staff.username
            )
        details = {"dispatch_no": dispatch_no}
        await self._audit.record(
            Act(staff.username, "shipment.handed_over", "shipment", shipment_no, details, address), tx
        )

    async def _row(self, staff: StaffCaller, dispatch_no: str, roles: Sequence[Role]) -> Row:
        staff.require_role(*roles)
        row = await repository.find(dispatch_no)
        if row is None:
            raise NotFound("未找到该批次")
        staff.require_scope(row["division_code"], row["department_code"])
        return row

    async def _view(self, dispatch_no: str) -> DispatchView:
        row = await repository.find(dispatch_no)
        assert row is not None, "batches are never deleted"
        return views.dispatch(row, self._couriers.name(row["courier"]))

    def _recorder(
        self, staff: StaffCaller, action: str, dispatch_no: str, address: str, details: Mapping[str, Any]
    ) -> repository.Record:
        async def record(tx: Transaction, parcels: int) -> None:
            await self._audit.record(_act(staff, action, dispatch_no, address, {**details, "parcels": parcels}), tx)

        return record


def _act(staff: StaffCaller, action: str, dispatch_no: str, address: str, details: Mapping[str, Any]) -> Act:
    return Act(staff.username, f"dispatch.{action}", "dispatch", dispatch_no, details, address)


def _prefixes(staff: StaffCaller) -> list[str]:
    return [f"{prefix}%" for prefix in staff.divisions]


def _cleaned(numbers: Sequence[str]) -> list[str]:
    """Return what was scanned as numbers are written: a phone's keyboard makes broad or small letters of them."""
    found = (unicodedata.normalize("NFKC", number).upper() for number in numbers)
    written = ("".join(letter for letter in number if letter.isprintable() and letter != " ") for number in found)
    return [number for number in written if number]


def _ended() -> Conflict:
    return Conflict("本批次已结束", code="dispatch_ended")


def _drawn(manifest: Manifest) -> bytes:
    # Loaded with the first list, in its thread, as for labels.
    from services.delivery.dispatching import manifest_drawing

    return manifest_drawing.draw(manifest)
