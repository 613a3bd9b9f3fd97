"""The queries of postage: which bill a parcel has, that it is paid, and what silence left behind."""

from __future__ import annotations

from datetime import datetime

from app import db
from services.delivery.booking.making_repository import subject_of
from services.delivery.booking.repository import BILL, END_BILL, enqueue_next, lock, want_withdrawn
from services.delivery.states import TERMINAL
from services.delivery.tasks.opening import close_task, open_task
from services.delivery.tasks.states import Outcome, TaskKind

_ENDED = [status.value for status in TERMINAL]
_NOT_BACK = (
    "寄送已取消，邮费账单尚不能作废或退款（多为支付仍在进行）：系统每5分钟再试；持续未成时请到“支付”中核对该订单"
)


async def note_billed(shipment_no: str, bill_no: str) -> None:
    """Note the bill of a parcel; of one that was cancelled meanwhile a job ends it. Idempotent."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "UPDATE shipment SET bill_no = $2, version = version + 1 WHERE shipment_no = $1 AND bill_no = ''"
            " RETURNING status",
            shipment_no,
            bill_no,
        )
        if row is not None and row["status"] == "CANCELLED":
            tx.enqueue(END_BILL, {"shipment_no": shipment_no})


async def note_paid(shipment_no: str, bill_no: str, paid_at: datetime) -> bool:
    """Note that a bill is paid at the parcel that it is for now, and have it booked; False where no parcel is.

    `shipment_no` is the parcel that it was issued for: another may have taken it over. Money for a cancelled one is
    given back by a job. Idempotent: yes, by the moment.
    """
    async with db.transaction() as tx:
        row = await _billed(tx, bill_no) or await tx.fetch_row(
            "SELECT shipment_no, status, paid_at FROM shipment WHERE shipment_no = $1 AND bill_no = '' FOR UPDATE",
            shipment_no,
        )
        if row is None:
            return False
        if row["paid_at"] is not None and row["status"] != "CANCELLED":
            return True
        await tx.execute(
            "UPDATE shipment SET bill_no = $2, paid_at = COALESCE(paid_at, $3), version = version + 1"
            " WHERE shipment_no = $1",
            row["shipment_no"],
            bill_no,
            paid_at,
        )
        if row["status"] == "CANCELLED":
            tx.enqueue(END_BILL, {"shipment_no": row["shipment_no"]})
        else:
            enqueue_next(tx, row["shipment_no"], awaits_payment=False)
    return True


async def _billed(tx: db.Transaction, bill_no: str) -> db.Row | None:
    """Return and hold the parcel that has a bill.

    Looked for twice: who waited for the row of a parcel whose bill went on to another one sees that one only then.
    """
    found = "SELECT shipment_no, status, paid_at FROM shipment WHERE bill_no = $1 FOR UPDATE"
    return await tx.fetch_row(found, bill_no) or await tx.fetch_row(found, bill_no)


async def enqueue_unbilled(before: datetime, limit: int) -> None:
    """Have bills issued again whose job was lost. Idempotent: a waiting job is not doubled."""
    async with db.transaction() as tx:
        for row in await tx.fetch_all(
            "SELECT shipment_no FROM shipment WHERE status = 'REQUESTED' AND payer = 'ONLINE' AND bill_no = ''"
            " AND created_at < $1 AND paid_at IS NULL AND booking_tried_at IS NULL AND cancel_wanted_at IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM shipment AS former WHERE former.shipment_no = shipment.replaces_no"
            " AND former.cancel_wanted_at IS NOT NULL AND former.status <> ALL($3)) LIMIT $2",
            before,
            limit,
            _ENDED,
        ):
            tx.enqueue(BILL, {"shipment_no": row["shipment_no"]}, dedupe_key=f"{BILL}:{row['shipment_no']}")


async def list_unpaid(before: datetime, limit: int) -> list[str]:
    """Return parcels whose postage nobody has paid in time."""
    rows = await db.fetch_all(
        "SELECT shipment_no FROM shipment WHERE status = 'REQUESTED' AND payer = 'ONLINE' AND paid_at IS NULL"
        " AND created_at < $1 AND cancel_wanted_at IS NULL ORDER BY id LIMIT $2",
        before,
        limit,
    )
    return [row["shipment_no"] for row in rows]


async def expire(shipment_no: str, reason: str, at: datetime) -> None:
    """Have a parcel withdrawn that is still not paid; one that was paid meanwhile goes on. Idempotent."""
    async with db.transaction() as tx:
        row = await lock(tx, shipment_no)
        if row is not None and row["paid_at"] is None and row["cancel_wanted_at"] is None:
            await want_withdrawn(tx, shipment_no, reason, at)


async def open_unsent_tasks(before: datetime, limit: int) -> None:
    """Open a task for what was paid and has not been taken by a courier. Idempotent: one open task a parcel."""
    rows = await db.fetch_all(
        "SELECT id, shipment_no, subject_no, division_code, department_code FROM shipment AS s"
        " WHERE paid_at < $1 AND booked_at IS NULL AND status <> ALL($3) AND NOT EXISTS ("
        " SELECT 1 FROM shipment_task WHERE shipment_id = s.id AND kind = 'PAID_NOT_SENT' AND closed_at IS NULL)"
        " LIMIT $2",
        before,
        limit,
        _ENDED,
    )
    for row in rows:
        async with db.transaction() as tx:
            await open_task(tx, subject_of(row), TaskKind.PAID_NOT_SENT, "邮费已支付，快递尚未下单")


async def open_not_back_task(shipment_no: str) -> None:
    """Show staff a withdrawn parcel whose bill cannot be ended. Idempotent: one open task a parcel."""
    async with db.transaction() as tx:
        row = await lock(tx, shipment_no)
        if row is not None:
            await open_task(tx, subject_of(row), TaskKind.POSTAGE_NOT_BACK, _NOT_BACK)


async def close_not_back_task(shipment_no: str) -> None:
    """Close it once the bill is ended. Idempotent."""
    row = await db.fetch_row(
        "SELECT id FROM shipment AS s WHERE shipment_no = $1 AND EXISTS ("
        " SELECT 1 FROM shipment_task WHERE shipment_id = s.id AND kind = 'POSTAGE_NOT_BACK' AND closed_at IS NULL)",
        shipment_no,
    )
    if row is not None:
        async with db.transaction() as tx:
            await close_task(tx, row["id"], (TaskKind.POSTAGE_NOT_BACK,), Outcome.REFUNDED)


async def enqueue_not_back(limit: int) -> None:
    """Have the bills tried again that staff are shown. Idempotent: a waiting job is not doubled."""
    async with db.transaction() as tx:
        for row in await tx.fetch_all(
            "SELECT shipment_no FROM shipment_task WHERE kind = 'POSTAGE_NOT_BACK' AND closed_at IS NULL"
            " ORDER BY id LIMIT $1",
            limit,
        ):
            tx.enqueue(END_BILL, {"shipment_no": row["shipment_no"]}, dedupe_key=f"{END_BILL}:{row['shipment_no']}")
