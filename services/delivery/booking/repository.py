"""The queries of booking: tries, and having a parcel booked by a job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from app import db
from app.events import DomainEvent

BOOK = "delivery.book"


async def mark_booking_tried(shipment_no: str, at: datetime) -> None:
    """Remember that the courier may have the order from now on. Idempotent."""
    await db.execute(
        "UPDATE shipment SET booking_tried_at = $2 WHERE shipment_no = $1 AND booking_tried_at IS NULL",
        shipment_no,
        at,
    )


async def enqueue_booking(shipment_no: str) -> None:
    """Have a parcel booked that never was. A waiting job of the same parcel is not doubled."""
    async with db.transaction() as tx:
        _enqueue_booking(tx, shipment_no)


async def rebook(shipment_no: str, event: DomainEvent, record: Callable[[db.Transaction], Awaitable[None]]) -> None:
    """Have a parcel booked again, with the event and the record of who wants it."""
    async with db.transaction() as tx:
        _enqueue_booking(tx, shipment_no)
        tx.emit(event)
        await record(tx)


def _enqueue_booking(tx: db.Transaction, shipment_no: str) -> None:
    tx.enqueue(BOOK, {"shipment_no": shipment_no}, dedupe_key=f"{BOOK}:{shipment_no}")
