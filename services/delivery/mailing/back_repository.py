"""Queries of parcels that take originals back. Giving them back by hand takes the same rows: one of both wins."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from app import db
from app.db import Transaction
from app.errors import Conflict
from models.delivery import Shipment
from services.delivery.booking.repository import highest_attempt, insert
from services.delivery.booking.types import NewParcel
from services.delivery.custody import moves
from services.delivery.mailing import repository
from services.delivery.mailing.going_back import GOING_BACK
from services.delivery.mailing.types import Record
from services.delivery.tasks.opening import close_task
from services.delivery.tasks.states import SETTLED_ELSEWHERE, Outcome, TaskKind

_OVER = ("CANCELLED", "RETURNED", "LOST", "DELIVERED")


async def find_inbound(subject_no: str) -> Shipment | None:
    """Return the parcel in which the originals of a case came last, best one whose sender's address is known."""
    came = await Shipment.filter(subject_no=subject_no, leg="INBOUND").exclude(status="CANCELLED").order_by("-id")
    return next((each for each in came if not each.is_own and each.receiver_cipher), came[0] if came else None)


async def list_live(subject_no: str) -> list[str]:
    """Return the parcels that take originals of a case back and are not over."""
    rows = await db.fetch_all(
        "SELECT shipment_no FROM shipment WHERE subject_no = $1 AND leg = 'OUTBOUND' AND cargo = $2"
        " AND status <> ALL($3) ORDER BY id",
        subject_no,
        GOING_BACK,
        list(_OVER),
    )
    return [row["shipment_no"] for row in rows]


async def send(new: NewParcel, at: datetime, by: str, record: Record) -> str:
    """Make the parcel, put the originals in that lie at the window, and have it booked; or return the one under way.

    Raises: Conflict `no_originals` where none lies here.
    """
    async with db.transaction() as tx:
        await repository.lock(tx, new.subject_no)
        live = await live_of(tx, new.subject_no)
        if live is not None:
            return live
        await settle_former(tx, new.subject_no, Outcome.REDELIVERED, by)
        made = await insert(tx, replace(new, attempt=await highest_attempt(tx, new) + 1))
        assert made is not None, "the mailing is locked"
        if await moves.put_in(tx, [new.subject_no], made, at, actor=by) == 0:
            raise Conflict("窗口没有该办件的材料原件", code="no_originals")
        await record(tx)
        return made


async def live_of(tx: Transaction, subject_no: str) -> str | None:
    """Return the parcel that takes the originals of a case back and is not over, while their mailing is locked."""
    row = await tx.fetch_row(
        "SELECT shipment_no FROM shipment WHERE subject_no = $1 AND leg = 'OUTBOUND' AND cargo = $2"
        " AND status <> ALL($3) ORDER BY id DESC LIMIT 1",
        subject_no,
        GOING_BACK,
        list(_OVER),
    )
    return str(row["shipment_no"]) if row else None


async def settle_former(tx: Transaction, subject_no: str, outcome: Outcome, by: str) -> None:
    """Settle what is open about parcels that brought originals back to the window: they go another way now."""
    for row in await tx.fetch_all(
        "SELECT id FROM shipment WHERE subject_no = $1 AND leg = 'OUTBOUND' AND cargo = $2 AND status = ANY($3)",
        subject_no,
        GOING_BACK,
        ["CANCELLED", "RETURNED"],
    ):
        await close_task(tx, row["id"], SETTLED_ELSEWHERE, outcome, by)


async def arrived(tx: Transaction, subject_no: str, shipment_no: str) -> None:
    """Close what asked to give originals back, unless some lie at the window still. Idempotent."""
    await tx.execute(
        """UPDATE shipment_task SET closed_at = now(), outcome = $4
           WHERE kind = $3 AND closed_at IS NULL AND shipment_id = (SELECT id FROM mailing WHERE subject_no = $1)
             AND NOT EXISTS (SELECT 1 FROM piece p WHERE p.subject_no = $1 AND p.kind = 'ORIGINAL'
                 AND p.holder IN ('WINDOW', 'RETURNED') AND p.shipment_no <> $2)""",
        subject_no,
        shipment_no,
        TaskKind.ORIGINALS.value,
        Outcome.WENT_ON.value,
    )
