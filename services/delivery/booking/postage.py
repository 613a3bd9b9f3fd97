"""Postage that the citizen pays before dispatch: billed by a job, paid before the order, given back with the parcel.

Jobs, the reaction to a paid bill and a sweep call it. Money itself is the payments room's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from app import clock
from app.errors import SanjinError
from services.delivery import repository
from services.delivery.booking import postage_repository
from services.delivery.ports import Postage, PostageBill
from services.delivery.states import TERMINAL, ShipmentStatus
from services.delivery.types import Payer

PURPOSE = "postage"
_PAYABLE_FOR = timedelta(days=7)
_NOT_SENT_AFTER = timedelta(hours=24)
_NOT_BACK = timedelta(minutes=10)
"""Shorter than the tries of a job take: before it is given up, its bill is known to the sweep."""
_BATCH = 100
log = structlog.get_logger()


class PostageDesk:
    """Use cases of postage."""

    def __init__(self, postage: Postage | None) -> None:
        self._postage = postage

    async def bill(self, job: Mapping[str, Any]) -> None:
        """Issue the bill of a parcel that must be paid first (job `delivery.bill_postage`).

        Idempotent: yes, one bill a parcel; of one that was cancelled meanwhile the bill is ended again.
        Raises: what the payments room raises; the job runs again.
        """
        row = await repository.find_shipment(job["shipment_no"])
        if self._postage is None or row is None or row.payer != Payer.ONLINE or row.bill_no or row.status in TERMINAL:
            return
        bill_no = await self._postage.bill(
            PostageBill(
                shipment_no=row.shipment_no,
                subject_no=row.subject_no,
                citizen_id=row.citizen_id,
                amount_fen=row.postage_fen,
                division_code=row.division_code,
                department_code=row.department_code,
                cargo=row.cargo,
                due_at=row.created_at + _PAYABLE_FOR,
            )
        )
        await postage_repository.note_billed(row.shipment_no, bill_no)

    async def note_paid(self, bill_no: str, purpose: str, paid_at: datetime) -> None:
        """Have a parcel booked whose postage is paid; what was paid for a cancelled one goes back. Idempotent: yes."""
        kind, _, shipment_no = purpose.partition(":")
        if kind == PURPOSE and not await postage_repository.note_paid(shipment_no, bill_no, paid_at):
            log.error("postage_without_parcel", bill_no=bill_no, shipment_no=shipment_no)

    async def end(self, job: Mapping[str, Any]) -> None:
        """End the bill of a cancelled parcel: void, or given back (job `delivery.end_postage`).

        What cannot be ended for a while, because somebody keeps an order open, is shown to staff, and the sweep goes on
        trying after this job has been given up.
        Idempotent: yes. Raises: what the payments room raises; the job runs again.
        """
        row = await repository.find_shipment(job["shipment_no"])
        if self._postage is None or row is None or not row.bill_no or row.status != ShipmentStatus.CANCELLED:
            return
        try:
            await self._postage.end(row.bill_no, f"快递{row.shipment_no}已取消，退还邮费")
        except SanjinError:
            if max(each for each in (row.last_event_at, row.paid_at, row.created_at) if each) < clock.now() - _NOT_BACK:
                await postage_repository.open_not_back_task(row.shipment_no)
            raise
        await postage_repository.close_not_back_task(row.shipment_no)

    async def sweep(self) -> None:
        """Bill what a lost job left, cancel the unpaid, show what was paid and not sent, end what a job gave up."""
        now = clock.now()
        await postage_repository.enqueue_not_back(_BATCH)
        await postage_repository.enqueue_unbilled(now - timedelta(minutes=2), _BATCH)
        for shipment_no in await postage_repository.list_unpaid(now - _PAYABLE_FOR, _BATCH):
            await postage_repository.expire(shipment_no, "逾期未支付邮费，寄送已取消", now)
        await postage_repository.open_unsent_tasks(now - _NOT_SENT_AFTER, _BATCH)
