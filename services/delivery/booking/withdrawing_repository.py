"""Writes of withdrawing parcels: wishes with what shall follow them, by compare-and-set on the version."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from app import clock, db
from app.events import DomainEvent
from services.delivery.booking.making_repository import subject_of
from services.delivery.booking.repository import (
    WITHDRAW,
    Record,
    enqueue_next,
    insert,
    last_attempt,
    lock,
    want_withdrawn,
)
from services.delivery.booking.types import NewParcel
from services.delivery.states import TERMINAL
from services.delivery.tasks.opening import open_task
from services.delivery.tasks.states import TaskKind

_ENDED = [status.value for status in TERMINAL]


async def want(shipment_no: str, version: int, reason: str, successor: NewParcel | None, record: Record) -> str:
    """Note that a parcel is to be withdrawn, with the one that waits to follow it, if any, and who wants it.

    Returns the successor's number, or the parcel's own without one; "" where the parcel has changed since it was read.
    """
    async with db.transaction() as tx:
        row = await lock(tx, shipment_no)
        if row is None or row["version"] != version:
            return ""
        number = shipment_no
        if successor is not None:
            attempt = (await last_attempt(tx, successor))["attempt"] + 1
            number = await insert(tx, replace(successor, attempt=attempt, paid_at=None, bill_no=""), then=False) or ""
            if not number:
                return ""
            await _change_choice(tx, successor, row["cargo"])
            tx.emit(_changed(row, number))
        await want_withdrawn(tx, shipment_no, _told(reason, number, shipment_no), clock.now())
        await record(tx)
        return number


async def change_untried(shipment_no: str, version: int, new: NewParcel, record: Record) -> bool:
    """Change address and courier of a parcel that no courier has heard of; False where that is so no longer."""
    async with db.transaction() as tx:
        row = await lock(tx, shipment_no)
        if row is None or row["version"] != version or row["booking_tried_at"] is not None:
            return False
        if row["cancel_wanted_at"] is not None:
            return False
        await _write_change(tx, shipment_no, new)
        await _change_choice(tx, new, row["cargo"])
        tx.emit(_changed(row, shipment_no))
        await record(tx)
    return True


async def find_waiting(shipment_no: str) -> db.Row | None:
    """Return the parcel that waits for another to be withdrawn."""
    return await db.fetch_row(_WAITING, shipment_no)


async def give_up(row: db.Row, told: str, *, needs_person: bool) -> None:
    """Let a parcel go on that its courier will not give back; an unknown reason is a task. Idempotent."""
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE shipment SET cancel_wanted_at = NULL, cancel_reason = $2, ordering_until = NULL,"
            " version = version + 1 WHERE shipment_no = $1",
            row["shipment_no"],
            told,
        )
        if needs_person:
            await open_task(tx, subject_of(row), TaskKind.EXCEPTION, told)


async def enqueue_stalled(before: datetime, limit: int) -> None:
    """Have parcels withdrawn whose job was lost or parked. Idempotent: a waiting job is not doubled."""
    async with db.transaction() as tx:
        for row in await tx.fetch_all(
            "SELECT shipment_no FROM shipment WHERE cancel_wanted_at < $1 AND status <> ALL($3) LIMIT $2",
            before,
            limit,
            _ENDED,
        ):
            tx.enqueue(WITHDRAW, {"shipment_no": row["shipment_no"]}, dedupe_key=f"{WITHDRAW}:{row['shipment_no']}")


async def release(tx: db.Transaction, shipment_no: str) -> db.Row | None:
    """Let the parcel that waits for this one go on, with its paid bill, now that this one is withdrawn.

    Returns it; None where nothing waits.
    """
    waiting = await _waiting(tx, shipment_no)
    if waiting is None:
        return None
    moved = await tx.fetch_row(
        """WITH former AS (
               UPDATE shipment AS s SET bill_no = '', paid_at = NULL FROM (
                   SELECT id, bill_no, paid_at FROM shipment WHERE shipment_no = $1) AS before
               WHERE s.id = before.id RETURNING before.bill_no, before.paid_at)
           UPDATE shipment SET bill_no = former.bill_no, paid_at = former.paid_at FROM former
           WHERE shipment_no = $2
           RETURNING shipment_no, payer = 'ONLINE' AND shipment.paid_at IS NULL AS awaits_payment""",
        shipment_no,
        waiting["shipment_no"],
    )
    assert moved is not None, "both rows are there"
    enqueue_next(tx, moved["shipment_no"], awaits_payment=moved["awaits_payment"])
    return waiting


_WAITING = (
    "SELECT shipment_no, subject_no FROM shipment WHERE replaces_no = $1 AND status = 'REQUESTED'"
    " AND booking_tried_at IS NULL ORDER BY attempt DESC LIMIT 1"
)


async def _waiting(tx: db.Transaction, shipment_no: str) -> db.Row | None:
    return await tx.fetch_row(f"{_WAITING} FOR UPDATE", shipment_no)


async def _write_change(tx: db.Transaction, shipment_no: str, new: NewParcel) -> None:
    await tx.execute(
        """UPDATE shipment SET receiver_cipher = $2, receiver_shown = $3, receiver_hash = $4, to_division_code = $5,
               courier = $6, carrier = $7, product = $8, refused_by = '', version = version + 1, updated_at = $9
           WHERE shipment_no = $1""",
        shipment_no,
        new.receiver_cipher,
        new.receiver_shown,
        new.receiver_hash,
        new.to_division_code,
        new.courier,
        new.carrier,
        new.product,
        new.created_at,
    )


async def _change_choice(tx: db.Transaction, new: NewParcel, cargo: str) -> None:
    """Keep the choice of the case in step with where its result really goes."""
    if new.leg == "OUTBOUND" and cargo == new.cargo:
        await tx.execute(
            "UPDATE delivery_choice SET receiver_cipher = $2, receiver_shown = $3, division_code = $4, updated_at = $5"
            " WHERE subject_no = $1 AND method = 'COURIER'",
            new.subject_no,
            new.receiver_cipher,
            new.receiver_shown,
            new.to_division_code,
            new.created_at,
        )


def _changed(row: db.Row, shipment_no: str) -> DomainEvent:
    return DomainEvent(
        name="shipment.changed",
        subject_no=row["subject_no"],
        citizen_id=row["citizen_id"].hex,
        facts={"shipment_no": shipment_no, "former_no": row["shipment_no"]},
    )


def _told(reason: str, number: str, shipment_no: str) -> str:
    return reason if number == shipment_no else f"{reason}{number}"
