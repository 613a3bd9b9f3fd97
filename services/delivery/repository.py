"""Choices, new parcels and reading them: queries of the delivery room that belong to none of its parts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from app import db
from app.ids import new_id
from models.delivery import DeliveryChoice, Shipment
from services.delivery.booking import repository as booking_repository
from services.delivery.custody import moves as custody
from services.delivery.types import Choice

ChoiceRow: TypeAlias = DeliveryChoice
ShipmentRow: TypeAlias = Shipment

_NUMBER_LENGTH = 32
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
ON CONFLICT (subject_no, leg, cargo, attempt) DO NOTHING RETURNING shipment_no
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
        await custody.put_in(tx, [new.subject_no], new.shipment_no, new.requested_at)
        tx.enqueue(booking_repository.BOOK, {"shipment_no": new.shipment_no})
        return new.shipment_no


async def find_shipment(shipment_no: str) -> ShipmentRow | None:
    """Return one parcel by our number."""
    # The ORM raises for a text that no row could hold; whoever asks for one asks for nothing.
    fits = len(shipment_no) <= _NUMBER_LENGTH
    return await ShipmentRow.get_or_none(shipment_no=shipment_no) if fits else None


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Move choices, parcels and documents to the surviving citizen. Idempotent."""
    async with db.transaction() as tx:
        for table in ("delivery_choice", "shipment", "piece"):
            await tx.execute(
                f"UPDATE {table} SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id
            )
