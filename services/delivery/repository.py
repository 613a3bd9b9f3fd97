"""Choices, new parcels and reading them: queries of the delivery room that belong to none of its parts."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from app import db
from app.ids import new_id
from models.delivery import DeliveryChoice, Shipment
from services.delivery.booking import repository as booking_repository
from services.delivery.booking.types import NewParcel
from services.delivery.custody import moves as custody
from services.delivery.states import ShipmentStatus
from services.delivery.types import Choice

ChoiceRow: TypeAlias = DeliveryChoice
ShipmentRow: TypeAlias = Shipment

_NUMBER_LENGTH = 32
_OVER = (ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED, ShipmentStatus.LOST)
"""What lay in such a parcel may go another way, and another parcel after all."""
SAVE_CHOICE = """
INSERT INTO delivery_choice (id, created_at, subject_no, citizen_id, method, division_code, receiver_cipher,
                             receiver_shown, payer, level, in_person, place_code, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $2)
ON CONFLICT (subject_no) DO UPDATE SET method = EXCLUDED.method, division_code = EXCLUDED.division_code,
    receiver_cipher = EXCLUDED.receiver_cipher, receiver_shown = EXCLUDED.receiver_shown, payer = EXCLUDED.payer,
    level = EXCLUDED.level, in_person = EXCLUDED.in_person, place_code = EXCLUDED.place_code, together_no = '',
    updated_at = EXCLUDED.updated_at
WHERE delivery_choice.locked_at IS NULL RETURNING id
"""
"""Writes or replaces a choice that is not locked; one made for a case alone takes it out of a shared parcel."""


def choice_values(choice: Choice, receiver_cipher: bytes | None, at: datetime) -> tuple[object, ...]:
    """Return the values of SAVE_CHOICE."""
    return (
        new_id(),
        at,
        choice.subject_no,
        choice.citizen_id,
        choice.method.value,
        choice.division_code,
        receiver_cipher,
        choice.receiver_shown,
        choice.payer,
        choice.level.value,
        choice.in_person,
        choice.place_code,
    )


async def find_choice(subject_no: str) -> ChoiceRow | None:
    """Return the choice of one case."""
    return await DeliveryChoice.get_or_none(subject_no=subject_no)


async def save_choice(choice: Choice, receiver_cipher: bytes | None, at: datetime) -> bool:
    """Write or replace the choice of a case; False where a parcel was already made from it.

    Idempotent: yes, by subject_no.
    """
    written = await db.fetch_row(SAVE_CHOICE, *choice_values(choice, receiver_cipher, at))
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


async def lock_courier_choice(subject_no: str, at: datetime) -> ChoiceRow | None:
    """Lock the choice of a case by 快递 and return it; None where another way was chosen, or a parcel is shared.

    Idempotent: yes.
    """
    locked = await db.execute(
        "UPDATE delivery_choice SET locked_at = COALESCE(locked_at, $2) WHERE subject_no = $1"
        " AND method = 'COURIER' AND receiver_cipher IS NOT NULL AND together_no = ''",
        subject_no,
        at,
    )
    return await find_choice(subject_no) if locked else None


async def request_shipment(new: NewParcel) -> str | None:
    """Make the parcel of a case, put its results in it, and have it booked, in one transaction; return its number.

    One that was withdrawn, or came back, before the choice was made for the last time is followed by another. None
    where the choice is another one by now. Idempotent: yes, by case and cargo.
    """
    async with db.transaction() as tx:
        choice = await tx.fetch_row(
            "SELECT locked_at FROM delivery_choice WHERE subject_no = $1 AND method = 'COURIER' FOR UPDATE",
            new.subject_no,
        )
        if choice is None:
            return None
        made = await booking_repository.insert(tx, new)
        if made is None:
            last = await booking_repository.last_attempt(tx, new)
            if last["status"] not in _OVER or last["created_at"] > choice["locked_at"]:
                return str(last["shipment_no"])
            made = await booking_repository.insert(tx, replace(new, attempt=last["attempt"] + 1))
        await custody.put_in(tx, [new.subject_no], new.shipment_no, new.created_at)
        return made


async def find_shipment(shipment_no: str) -> ShipmentRow | None:
    """Return one parcel by our number."""
    # The ORM raises for a text that no row could hold; whoever asks for one asks for nothing.
    fits = len(shipment_no) <= _NUMBER_LENGTH
    return await ShipmentRow.get_or_none(shipment_no=shipment_no) if fits else None


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Move choices, parcels and documents to the surviving citizen. Idempotent."""
    async with db.transaction() as tx:
        for table in ("delivery_choice", "shipment", "piece", "mailing", "collection"):
            await tx.execute(
                f"UPDATE {table} SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id
            )
