"""The queries of booking: making parcels, holding one while its order is talked about, wishes to withdraw it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import datetime, timedelta

from app import db
from app.events import DomainEvent
from app.ids import new_id
from services.delivery.booking.types import NewParcel
from services.delivery.states import TERMINAL

BOOK = "delivery.book"
WITHDRAW = "delivery.withdraw"
BILL = "delivery.bill_postage"
END_BILL = "delivery.end_postage"
HOLD = timedelta(seconds=60)
"""Longer than looking for an order, placing it and asking about a refusal takes; a process that dies lets go then."""
Record = Callable[[db.Transaction], Awaitable[None]]

_COLUMNS = tuple(column.name for column in fields(NewParcel))
_PLACES = ", ".join(f"${place}" for place in range(4, 4 + len(_COLUMNS)))
INSERT = f"""
INSERT INTO shipment (id, updated_at, version, asked_count, {", ".join(_COLUMNS)})
VALUES ($1, $2, 1, $3, {_PLACES}) ON CONFLICT (subject_no, leg, cargo, attempt) DO NOTHING RETURNING shipment_no
""".replace(f"${4 + _COLUMNS.index('sender')},", f"${4 + _COLUMNS.index('sender')}::text::jsonb,")
_ENDED = [status.value for status in TERMINAL]


async def insert(tx: db.Transaction, new: NewParcel, *, then: bool = True) -> str | None:
    """Make a parcel; `then` also writes the job that has it booked, or has its postage billed first.

    Returns its number; None where there is one of this case, leg, content and attempt.
    """
    values = [getattr(new, name) for name in _COLUMNS]
    made = await tx.fetch_row(INSERT, new_id(), new.created_at, 0, *values)
    if made is None:
        return None
    if then:
        enqueue_next(tx, new.shipment_no, awaits_payment=new.awaits_payment)
    return new.shipment_no


async def find_attempt(tx: db.Transaction, new: NewParcel) -> str | None:
    """Return the number of the parcel that stands where this one would."""
    row = await tx.fetch_row(
        "SELECT shipment_no FROM shipment WHERE subject_no = $1 AND leg = $2 AND cargo = $3 AND attempt = $4",
        new.subject_no,
        new.leg,
        new.cargo,
        new.attempt,
    )
    return str(row["shipment_no"]) if row else None


async def last_attempt(tx: db.Transaction, new: NewParcel) -> db.Row:
    """Return the newest parcel of a case, leg and content, of which there is one."""
    row = await tx.fetch_row(
        "SELECT shipment_no, attempt, status, created_at FROM shipment WHERE subject_no = $1 AND leg = $2"
        " AND cargo = $3 ORDER BY attempt DESC LIMIT 1",
        new.subject_no,
        new.leg,
        new.cargo,
    )
    assert row is not None, "the insert met it"
    return row


async def highest_attempt(tx: db.Transaction, new: NewParcel) -> int:
    """Return the attempt of the newest parcel of a case, leg and content, 0 where there is none."""
    row = await tx.fetch_row(
        "SELECT COALESCE(max(attempt), 0) AS attempt FROM shipment WHERE subject_no = $1 AND leg = $2 AND cargo = $3",
        new.subject_no,
        new.leg,
        new.cargo,
    )
    assert row is not None, "a row of a maximum"
    return int(row["attempt"])


def enqueue_next(tx: db.Transaction, shipment_no: str, *, awaits_payment: bool) -> None:
    """Have a parcel go on: to its bill where it must be paid first, else to its courier."""
    job = BILL if awaits_payment else BOOK
    tx.enqueue(job, {"shipment_no": shipment_no}, dedupe_key=f"{job}:{shipment_no}")


async def enqueue_booking(shipment_no: str) -> None:
    """Have a parcel booked that never was. A waiting job of the same parcel is not doubled."""
    async with db.transaction() as tx:
        enqueue_next(tx, shipment_no, awaits_payment=False)


async def hold(shipment_no: str, at: datetime, until: datetime, *, to_book: bool) -> db.Row | None:
    """Let one process alone talk to the courier about a parcel's order; None where another does, or it is over.

    A booking is held only while nobody wants it withdrawn, its postage is paid where it must be, and no courier has
    it; it is marked as tried from here on, so that every later try asks first, and no earlier refusal counts as sure.
    """
    return await db.fetch_row(
        """UPDATE shipment AS s SET ordering_until = $3,
               booking_tried_at = CASE WHEN $4 THEN COALESCE(s.booking_tried_at, $2) ELSE s.booking_tried_at END,
               refused_by = CASE WHEN $4 THEN array_to_string(array_remove(
                   string_to_array(s.refused_by, ' '), s.courier || ':' || s.carrier), ' ') ELSE s.refused_by END
           FROM (SELECT id, booking_tried_at FROM shipment WHERE shipment_no = $1 FOR UPDATE) AS before
           WHERE s.id = before.id AND (s.ordering_until IS NULL OR s.ordering_until < $2) AND s.status <> ALL($5)
             AND NOT s.is_own
             AND ($4 = (s.cancel_wanted_at IS NULL))
             AND (NOT $4 OR (s.booked_at IS NULL AND (s.payer <> 'ONLINE' OR s.paid_at IS NOT NULL)
                             AND NOT EXISTS (SELECT 1 FROM shipment AS former
                                 WHERE former.shipment_no = s.replaces_no AND former.cancel_wanted_at IS NOT NULL
                                   AND former.status <> ALL($5))))
           RETURNING s.*, before.booking_tried_at AS tried_before""",
        shipment_no,
        at,
        until,
        to_book,
        _ENDED,
    )


async def let_go(shipment_no: str) -> None:
    """Let others talk to the courier about a parcel again. Idempotent."""
    await db.execute("UPDATE shipment SET ordering_until = NULL WHERE shipment_no = $1", shipment_no)


async def note_refused(shipment_no: str, refused: str) -> None:
    """Note that a courier surely has no order of a parcel, and let go of it. Idempotent."""
    await db.execute(
        "UPDATE shipment SET refused_by = left(trim(refused_by || ' ' || $2), 200), ordering_until = NULL"
        " WHERE shipment_no = $1 AND booked_at IS NULL",
        shipment_no,
        refused,
    )


async def pass_on(shipment_no: str, refused: str, courier: str, carrier: str, product: str) -> None:
    """Give a parcel that its courier refused to the next one, which has never been asked; let go of it."""
    async with db.transaction() as tx:
        await tx.execute(
            """UPDATE shipment SET courier = $3, carrier = $4, product = $5, booking_tried_at = NULL,
                   refused_by = left(trim(refused_by || ' ' || $2), 200), ordering_until = NULL, version = version + 1
               WHERE shipment_no = $1 AND booked_at IS NULL""",
            shipment_no,
            refused,
            courier,
            carrier,
            product,
        )
        # The job that was refused still runs under the usual key, which would keep a second one out.
        tx.enqueue(BOOK, {"shipment_no": shipment_no}, dedupe_key=f"{BOOK}:{shipment_no}:{courier}:{carrier}")


async def rebook(shipment_no: str, is_untried: bool, event: DomainEvent, record: Record) -> None:
    """Have a parcel booked again, with the event and the record of who wants it; all couriers may be asked again.

    Args:
        is_untried: its courier has certainly no order of it; one that surely refused has none anyway.
    """
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE shipment SET refused_by = '', booking_tried_at = CASE WHEN $2 OR courier || ':' || carrier ="
            " ANY(string_to_array(refused_by, ' ')) THEN NULL ELSE booking_tried_at END WHERE shipment_no = $1",
            shipment_no,
            is_untried,
        )
        enqueue_next(tx, shipment_no, awaits_payment=False)
        tx.emit(event)
        await record(tx)


async def lock(tx: db.Transaction, shipment_no: str) -> db.Row | None:
    """Return the row of a parcel, which nobody else changes until the transaction ends."""
    return await tx.fetch_row("SELECT * FROM shipment WHERE shipment_no = $1 FOR UPDATE", shipment_no)


async def want_withdrawn(tx: db.Transaction, shipment_no: str, reason: str, at: datetime) -> None:
    """Note that a parcel is to be withdrawn from its courier, and have a job do it. Idempotent."""
    await tx.execute(
        "UPDATE shipment SET cancel_wanted_at = COALESCE(cancel_wanted_at, $2), cancel_reason = $3,"
        " version = version + 1, updated_at = $2 WHERE shipment_no = $1",
        shipment_no,
        at,
        reason[:200],
    )
    tx.enqueue(WITHDRAW, {"shipment_no": shipment_no}, delay_seconds=2, dedupe_key=f"{WITHDRAW}:{shipment_no}")
