"""Every query of the delivery room. Writers hold the parcel's row lock while its events and state change together."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from app import db
from app.events import DomainEvent
from app.ids import new_id
from models.delivery import DeliveryChoice, Shipment
from services.delivery.states import Derived, Sighting
from services.delivery.types import Choice, CourierEvent

ChoiceRow: TypeAlias = DeliveryChoice
ShipmentRow: TypeAlias = Shipment

BOOK, CONFIRM = "delivery.book", "delivery.confirm"
OUR_CODES = ("BOOKED", "REFUSED")
_NUMBER_LENGTH = 32
"""Codes of the events that we note ourselves, next to the courier's."""
SAVE_CHOICE = """
INSERT INTO delivery_choice (id, created_at, subject_no, citizen_id, method, division_code, receiver_cipher,
                             receiver_shown, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $2)
ON CONFLICT (subject_no) DO UPDATE SET method = EXCLUDED.method, division_code = EXCLUDED.division_code,
    receiver_cipher = EXCLUDED.receiver_cipher, receiver_shown = EXCLUDED.receiver_shown, together_no = '',
    updated_at = EXCLUDED.updated_at
WHERE delivery_choice.locked_at IS NULL RETURNING id
"""
"""Writes or replaces a choice that is not locked; one made for a case alone takes it out of a shared parcel."""

INSERT_SHIPMENT = """
INSERT INTO shipment (id, created_at, shipment_no, subject_no, citizen_id, leg, courier, waybill_no, status, cargo,
                      sender, receiver_cipher, receiver_shown, custody, version, ask_after, asked_count, updated_at,
                      division_code, department_code)
VALUES ($1, $2, $3, $4, $5, 'OUTBOUND', $6, '', 'REQUESTED', $7, $8::jsonb, $9, $10, 'WINDOW', 1, $11, 0, $2, $12, $13)
ON CONFLICT (subject_no, leg, cargo) DO NOTHING RETURNING shipment_no
"""


@dataclass(frozen=True, slots=True)
class NewShipment:
    """A parcel to be asked for; contacts are stored as given (the receiver encrypted)."""

    shipment_no: str
    subject_no: str
    courier: str
    cargo: str
    sender: str = field(repr=False)
    requested_at: datetime
    ask_after: datetime
    division_code: str
    department_code: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """The locked row of a parcel while its events are written."""

    shipment_no: str
    subject_no: str
    citizen_id: uuid.UUID
    courier: str
    waybill_no: str
    status: str
    asked_count: int


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the row after its events are in: the service decides, the repository writes."""

    custody: str
    ask_after: datetime | None
    asked_count: int
    emits: DomainEvent | None


async def find_choice(subject_no: str) -> ChoiceRow | None:
    """Return the choice of one case."""
    return await DeliveryChoice.get_or_none(subject_no=subject_no)


async def save_choice(choice: Choice, receiver_cipher: bytes | None, at: datetime) -> bool:
    """Write or replace the choice of a case; False where a parcel was already made from it.

    Idempotent: yes, by subject_no.
    """
    written = await db.fetch_row(
        SAVE_CHOICE,
        new_id(),
        at,
        choice.subject_no,
        choice.citizen_id,
        choice.method.value,
        choice.division_code,
        receiver_cipher,
        choice.receiver_shown,
    )
    return written is not None


async def lock_choice(subject_no: str, citizen_id: uuid.UUID, usual: str, at: datetime) -> str:
    """Lock the choice of a case, or the usual method where none was made, and return it.

    From here on `save_choice` refuses. Idempotent: yes, by subject_no.
    """
    row = await db.fetch_row(
        """INSERT INTO delivery_choice (id, created_at, subject_no, citizen_id, method, division_code, receiver_shown,
                                        locked_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, '', '', $2, $2)
           ON CONFLICT (subject_no) DO UPDATE SET locked_at = COALESCE(delivery_choice.locked_at, EXCLUDED.locked_at)
           RETURNING method""",
        new_id(),
        at,
        subject_no,
        citizen_id,
        usual,
    )
    assert row is not None, "an upsert that returns its row"
    return str(row["method"])


async def request_shipment(new: NewShipment) -> str | None:
    """Make the parcel of a case from its choice, lock the choice, and have it booked, in one transaction.

    Returns the parcel's number, or None where the choice is not 快递 or the result shares another subject's parcel.
    Idempotent: yes, by case and cargo.
    """
    async with db.transaction() as tx:
        choice = await tx.fetch_row(
            "UPDATE delivery_choice SET locked_at = COALESCE(locked_at, $2) WHERE subject_no = $1"
            " AND method = 'COURIER' AND receiver_cipher IS NOT NULL AND together_no = ''"
            " RETURNING citizen_id, receiver_cipher, receiver_shown",
            new.subject_no,
            new.requested_at,
        )
        if choice is None:
            return None
        made = await tx.fetch_row(
            INSERT_SHIPMENT,
            new_id(),
            new.requested_at,
            new.shipment_no,
            new.subject_no,
            choice["citizen_id"],
            new.courier,
            new.cargo,
            new.sender,
            choice["receiver_cipher"],
            choice["receiver_shown"],
            new.ask_after,
            new.division_code,
            new.department_code,
        )
        if made is None:
            known = await tx.fetch_row(
                "SELECT shipment_no FROM shipment WHERE subject_no = $1 AND leg = 'OUTBOUND' AND cargo = $2",
                new.subject_no,
                new.cargo,
            )
            return str(known["shipment_no"]) if known else None
        tx.enqueue(BOOK, {"shipment_no": new.shipment_no})
        return new.shipment_no


async def find_shipment(shipment_no: str) -> ShipmentRow | None:
    """Return one parcel by our number."""
    # The ORM raises for a text that no row could hold; whoever asks for one asks for nothing.
    fits = len(shipment_no) <= _NUMBER_LENGTH
    return await ShipmentRow.get_or_none(shipment_no=shipment_no) if fits else None


async def find_own_shipment(citizen_id: uuid.UUID, shipment_no: str) -> ShipmentRow | None:
    """Return one parcel of this citizen; somebody else's is not there."""
    row = await find_shipment(shipment_no)
    return row if row is not None and row.citizen_id == citizen_id else None


async def list_shipments(subject_no: str) -> list[ShipmentRow]:
    """Return the parcels of one case, oldest first."""
    return await ShipmentRow.filter(subject_no=subject_no).order_by("id")


async def list_events(shipment_id: uuid.UUID) -> Sequence[db.Row]:
    """Return what the courier told about a parcel, newest first."""
    return await db.fetch_all(
        "SELECT occurred_at, state, text, place FROM tracking_event WHERE shipment_id = $1"
        " ORDER BY occurred_at DESC, id DESC LIMIT 200",
        shipment_id,
    )


async def mark_booking_tried(shipment_no: str, at: datetime) -> None:
    """Remember that the courier may have the order from now on. Idempotent."""
    await db.execute(
        "UPDATE shipment SET booking_tried_at = $2 WHERE shipment_no = $1 AND booking_tried_at IS NULL",
        shipment_no,
        at,
    )


async def record_events(
    shipment_no: str,
    events: Iterable[CourierEvent],
    *,
    confirmed: bool,
    at: datetime,
    derive: Callable[[Iterable[Sighting]], Derived],
    decide: Callable[[Parcel, Derived], Change],
    waybill_no: str = "",
) -> Derived | None:
    """Append what a courier told, derive the state from all of it, and write state, custody, event and jobs together.

    Returns the derived state, or None where no parcel has this number. Idempotent: yes, by event_key.
    """
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "SELECT id, subject_no, citizen_id, courier, waybill_no, status, asked_count FROM shipment"
            " WHERE shipment_no = $1 FOR UPDATE",
            shipment_no,
        )
        if row is None:
            return None
        await _append(tx, row["id"], events, confirmed, at)
        sightings = await tx.fetch_all(
            "SELECT state, occurred_at, confirmed, code = ANY($2) AS is_ours FROM tracking_event"
            " WHERE shipment_id = $1",
            row["id"],
            OUR_CODES,
        )
        derived = derive([Sighting(*each.values()) for each in sightings])
        parcel = Parcel(
            shipment_no=shipment_no,
            subject_no=row["subject_no"],
            citizen_id=row["citizen_id"],
            courier=row["courier"],
            waybill_no=row["waybill_no"] or waybill_no,
            status=row["status"],
            asked_count=row["asked_count"],
        )
        change = decide(parcel, derived)
        await _write_state(tx, parcel, derived, change, at)
        if change.emits is not None:
            tx.emit(change.emits)
        # Our own question does not cause another one: an end still unconfirmed then waits for the sweep.
        if derived.needs_confirmation and not confirmed:
            tx.enqueue(CONFIRM, {"shipment_no": shipment_no}, dedupe_key=f"{CONFIRM}:{shipment_no}")
        return derived


async def _append(
    tx: db.Transaction, shipment_id: uuid.UUID, events: Iterable[CourierEvent], confirmed: bool, at: datetime
) -> None:
    # A push and an answer tell the same event: the row stays one, and only its trust may grow.
    await tx.execute_many(
        """INSERT INTO tracking_event (id, occurred_at, received_at, shipment_id, event_key, code, state, text,
                                       place, confirmed)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
           ON CONFLICT (shipment_id, event_key, occurred_at)
           DO UPDATE SET confirmed = true WHERE EXCLUDED.confirmed AND NOT tracking_event.confirmed""",
        [
            (
                new_id(),
                event.occurred_at,
                at,
                shipment_id,
                event.event_key,
                event.code,
                event.status,
                event.text,
                event.place,
                confirmed,
            )
            for event in events
        ],
    )


async def _write_state(tx: db.Transaction, parcel: Parcel, derived: Derived, change: Change, at: datetime) -> None:
    await tx.execute(
        """UPDATE shipment SET status = $2::text, waybill_no = $3::text, custody = $4, last_event_at = $5::timestamptz,
               booked_at = CASE WHEN $3::text = '' THEN booked_at ELSE COALESCE(booked_at, $6::timestamptz) END,
               delivered_at = CASE WHEN $2::text = 'DELIVERED' THEN $5::timestamptz END,
               ask_after = $7, asked_count = $8, version = version + 1, updated_at = $6::timestamptz
           WHERE shipment_no = $1""",
        parcel.shipment_no,
        derived.status.value,
        parcel.waybill_no,
        change.custody,
        derived.at,
        at,
        change.ask_after,
        change.asked_count,
    )


async def claim_silent(at: datetime, until: datetime, limit: int) -> Sequence[db.Row]:
    """Take parcels whose time to be asked about has come; others do not see them before `until`."""
    return await db.fetch_all(
        """UPDATE shipment SET ask_after = $2, asked_count = asked_count + 1 WHERE id IN (
               SELECT id FROM shipment WHERE ask_after <= $1 ORDER BY ask_after LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING shipment_no, status, waybill_no""",
        at,
        until,
        limit,
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


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Move choices and parcels to the surviving citizen. Idempotent."""
    async with db.transaction() as tx:
        for table in ("delivery_choice", "shipment"):
            await tx.execute(
                f"UPDATE {table} SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id
            )
