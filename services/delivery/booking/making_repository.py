"""Writes new parcels: the first of a case, one that follows another, and numbers that citizens typed."""

from __future__ import annotations

import uuid
from dataclasses import replace

from app import clock, db
from app.errors import Conflict
from app.events import DomainEvent
from app.ids import new_id
from services.delivery.booking.repository import Record, find_attempt, highest_attempt, insert, last_attempt
from services.delivery.booking.types import NewParcel
from services.delivery.custody import moves
from services.delivery.custody import repository as custody
from services.delivery.custody.states import PieceKind
from services.delivery.tasks.facts import Subject
from services.delivery.tasks.opening import open_task
from services.delivery.tasks.states import TaskKind

_MOST_ATTEMPTS = 99


async def make(new: NewParcel) -> str | None:
    """Make a parcel, or return the number of the one that stands in its place. Idempotent: yes."""
    async with db.transaction() as tx:
        return await insert(tx, new) or await find_attempt(tx, new)


async def make_next(new: NewParcel) -> str:
    """Make a parcel as the first attempt that is not cancelled; return its number, or that of the one under way."""
    async with db.transaction() as tx:
        await _in_turn(tx, new)
        rows = await tx.fetch_all(
            "SELECT shipment_no, attempt, status FROM shipment WHERE subject_no = $1 AND leg = $2 AND cargo = $3"
            " ORDER BY attempt DESC LIMIT 1",
            new.subject_no,
            new.leg,
            new.cargo,
        )
        if rows and rows[0]["status"] != "CANCELLED":
            return str(rows[0]["shipment_no"])
        attempt = rows[0]["attempt"] + 1 if rows else 1
        return await insert(tx, replace(new, attempt=attempt)) or new.shipment_no


async def make_again(new: NewParcel, event: DomainEvent, record: Record) -> str:
    """Make the parcel that follows another, put in it what lay in that one, and note who wants it.

    Raises: Conflict `remedy_not_offered` where all of it was taken out meanwhile, to be fetched.
    Idempotent: yes, while the parcel that follows is not cancelled.
    """
    async with db.transaction() as tx:
        await _in_turn(tx, new)
        last = await last_attempt(tx, new)
        if last["attempt"] >= new.attempt and last["status"] != "CANCELLED":
            return str(last["shipment_no"])
        # Whoever has it fetched at the window takes the same rows: one of the two comes second and sees the first.
        if await custody.lock_left(tx, new.replaces_no):
            raise Conflict("办理结果已取出，改由窗口领取，不能再次寄送", code="remedy_not_offered")
        made = await insert(tx, replace(new, attempt=last["attempt"] + 1))
        if made is None:
            return str((await last_attempt(tx, new))["shipment_no"])
        await put_over_to(tx, new.replaces_no, new.shipment_no)
        tx.emit(event)
        await record(tx)
        return made


async def put_over_to(tx: db.Transaction, former_no: str, shipment_no: str) -> None:
    """Put the documents that lay in one parcel in another, as far as its sender has them. Idempotent."""
    rows = await tx.fetch_all(
        """SELECT DISTINCT p.subject_no, s.leg FROM piece p JOIN shipment s ON s.shipment_no = p.shipment_no
           WHERE p.shipment_no = $1 ORDER BY p.subject_no""",
        former_no,
    )
    for row in rows:
        kind = PieceKind.RESULT if row["leg"] == "OUTBOUND" else PieceKind.ORIGINAL
        await moves.put_in(tx, [row["subject_no"]], shipment_no, clock.now(), kind=kind)
    # Of a package: its cases end with the parcel that their results lie in.
    await tx.execute(
        "UPDATE delivery_choice SET together_no = $1 WHERE together_no <> '' AND method = 'COURIER'"
        " AND subject_no IN (SELECT subject_no FROM piece WHERE shipment_no = $1 AND kind = 'RESULT')",
        shipment_no,
    )


async def make_own(new: NewParcel) -> str | None:
    """Make the row of a parcel whose number a citizen typed; None where the number belongs to another parcel.

    Idempotent: yes, the same number of the same case is the same parcel.
    """
    async with db.transaction() as tx:
        await _in_turn(tx, new)
        taken = await tx.fetch_row(
            "SELECT s.shipment_no, s.subject_no, s.citizen_id FROM shipment AS s"
            " WHERE s.waybill_no = $1 AND s.status <> 'CANCELLED' AND (s.carrier IN ('', $2) OR $2 = '') LIMIT 1",
            new.waybill_no,
            new.carrier,
        )
        if taken is not None:
            is_same = (taken["subject_no"], taken["citizen_id"]) == (new.subject_no, new.citizen_id)
            return str(taken["shipment_no"]) if is_same else None
        attempt = min(await highest_attempt(tx, new) + 1, _MOST_ATTEMPTS)
        made = await insert(tx, replace(new, attempt=attempt), then=False)
        if made is not None:
            await tx.execute(_TYPED, new_id(), new.created_at, made)
        return made


_TYPED = """
INSERT INTO tracking_event (id, occurred_at, received_at, shipment_id, event_key, code, state, text, place, confirmed)
SELECT $1, $2, $2, id, encode(sha256(convert_to('ours|' || shipment_no || '|TYPED', 'UTF8')), 'hex'), 'BOOKED',
       'CREATED', '已登记自行寄出的运单号', '', true
FROM shipment WHERE shipment_no = $3
"""


async def _in_turn(tx: db.Transaction, new: NewParcel) -> None:
    """Make those who send for one case at once wait for each other."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 6))", f"{new.subject_no}|{new.leg}")


async def is_to_be_ordered_again(shipment_no: str) -> bool:
    """Tell whether staff have been asked to order a parcel again, and it has not gone another way since."""
    row = await db.fetch_row(
        """SELECT 1 FROM shipment AS s JOIN shipment_task AS t ON t.shipment_id = s.id
           WHERE s.shipment_no = $1 AND t.kind = $2 AND t.closed_at IS NULL AND s.leg = 'OUTBOUND'
             AND NOT EXISTS (SELECT 1 FROM piece_change AS c JOIN piece AS p ON p.id = c.piece_id
                             WHERE c.shipment_no = s.shipment_no AND p.kind = 'RESULT' AND p.shipment_no = '')""",
        shipment_no,
        TaskKind.BOOKING_REFUSED.value,
    )
    return row is not None


async def open_refusal_task(row: db.Row, reason: str) -> None:
    """Leave a parcel that its courier will not carry to staff; an open task says this from now on. Idempotent."""
    async with db.transaction() as tx:
        if not await open_task(tx, subject_of(row), TaskKind.BOOKING_REFUSED, reason):
            await tx.execute(
                "UPDATE shipment_task SET reason = $3 WHERE shipment_id = $1 AND kind = $2 AND closed_at IS NULL",
                row["id"],
                TaskKind.BOOKING_REFUSED.value,
                reason,
            )


async def is_open(shipment_id: uuid.UUID, reason: str) -> bool:
    """Tell whether a parcel's task of ordering again is open for this reason."""
    row = await db.fetch_row(
        "SELECT 1 FROM shipment_task WHERE shipment_id = $1 AND kind = $2 AND reason = $3 AND closed_at IS NULL",
        shipment_id,
        TaskKind.BOOKING_REFUSED.value,
        reason,
    )
    return row is not None


def subject_of(row: db.Row) -> Subject:
    """Return what a task must know of a parcel."""
    return Subject(
        shipment_id=row["id"],
        shipment_no=row["shipment_no"],
        subject_no=row["subject_no"],
        division_code=row["division_code"],
        department_code=row["department_code"],
    )
