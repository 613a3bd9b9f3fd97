"""Results of several cases that go to the citizen in one parcel: one choice for all, copied to each of them.

Called by the delivery room's service. Rows are locked in the order of their numbers, so that two choices cannot wait
for each other; a case whose result is on its way already keeps the way that it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app import db
from app.db import Transaction
from app.ids import new_id
from services.delivery.booking.repository import insert
from services.delivery.booking.types import NewParcel
from services.delivery.custody import moves as custody
from services.delivery.repository import SAVE_CHOICE, choice_values
from services.delivery.types import Choice

_COPY = """
INSERT INTO delivery_choice (id, created_at, subject_no, citizen_id, method, division_code, receiver_cipher,
                             receiver_shown, payer, level, in_person, place_code, together_no, updated_at)
SELECT $1, $2, $3, c.citizen_id, $4, c.division_code, CASE WHEN $5 THEN c.receiver_cipher END,
       CASE WHEN $5 THEN c.receiver_shown ELSE '' END, c.payer, c.level, c.in_person, c.place_code,
       CASE WHEN $5 THEN c.subject_no ELSE '' END, $2
FROM delivery_choice c WHERE c.subject_no = $6
ON CONFLICT (subject_no) DO UPDATE SET method = EXCLUDED.method, division_code = EXCLUDED.division_code,
    receiver_cipher = EXCLUDED.receiver_cipher, receiver_shown = EXCLUDED.receiver_shown, payer = EXCLUDED.payer,
    level = EXCLUDED.level, in_person = EXCLUDED.in_person, place_code = EXCLUDED.place_code,
    together_no = EXCLUDED.together_no, updated_at = EXCLUDED.updated_at
WHERE delivery_choice.locked_at IS NULL
"""


async def save_together(
    choice: Choice, receiver_cipher: bytes | None, methods: Mapping[str, str], at: datetime
) -> bool:
    """Write the choice of the whole and of each of its cases (number → method); COURIER ones share one parcel.

    Returns False, and writes nothing, where a result already waits for the parcel or the parcel was made.
    Idempotent: yes, the last choice holds.
    """
    async with db.transaction() as tx:
        if await _is_bound(tx, choice.subject_no, methods):
            return False
        await tx.execute(SAVE_CHOICE, *choice_values(choice, receiver_cipher, at))
        await _copy(tx, choice.subject_no, methods, at)
    return True


async def share(together_no: str, methods: Mapping[str, str], at: datetime) -> None:
    """Copy the choice of the whole to each of its cases; nothing where none was made. Idempotent."""
    async with db.transaction() as tx:
        if not await _is_bound(tx, together_no, methods):
            await _copy(tx, together_no, methods, at)


async def list_together(together_no: str, numbers: Sequence[str]) -> frozenset[str]:
    """Return those of the cases whose results go together: `together_no` is the whole, or a parcel that is made."""
    rows = await db.fetch_all(
        "SELECT subject_no FROM delivery_choice WHERE subject_no = ANY($1) AND together_no = $2 AND method = 'COURIER'",
        list(numbers),
        together_no,
    )
    return frozenset(row["subject_no"] for row in rows)


async def send(new: NewParcel, subject_nos: Sequence[str]) -> str | None:
    """Make one parcel of those results that wait for it, lock their choices, and have it booked, in one transaction.

    What is in a parcel carries its number from then on; a result that comes later goes in a further one. Returns the
    parcel's number, or None where nothing waits. Idempotent: yes, a result is put into one parcel only.
    """
    async with db.transaction() as tx:
        # Documents before the choices of their ways, as whoever sends them again or has them fetched.
        await tx.fetch_all("SELECT 1 FROM piece WHERE subject_no = ANY($1) ORDER BY id FOR UPDATE", list(subject_nos))
        locked = await tx.execute(
            "UPDATE delivery_choice SET locked_at = COALESCE(locked_at, $2) WHERE subject_no = $1"
            " AND method = 'COURIER' AND receiver_cipher IS NOT NULL",
            new.subject_no,
            new.created_at,
        )
        if locked == 0:
            return None
        packed = await tx.execute(
            "UPDATE delivery_choice SET together_no = $3, locked_at = COALESCE(locked_at, $4)"
            " WHERE subject_no = ANY($1) AND together_no = $2",
            list(subject_nos),
            new.subject_no,
            new.shipment_no,
            new.created_at,
        )
        if packed == 0:
            return None
        earlier = await tx.fetch_all(
            "SELECT id FROM shipment WHERE subject_no = $1 AND leg = 'OUTBOUND' AND attempt = 1", new.subject_no
        )
        cargo = f"{new.cargo}（补寄{len(earlier)}）" if earlier else new.cargo
        await insert(tx, replace(new, cargo=cargo))
        await custody.put_in(tx, subject_nos, new.shipment_no, new.created_at)
    return new.shipment_no


async def _is_bound(tx: Transaction, together_no: str, methods: Mapping[str, str]) -> bool:
    rows = await tx.fetch_all(
        "SELECT subject_no, together_no, locked_at FROM delivery_choice WHERE subject_no = ANY($1)"
        " ORDER BY subject_no FOR UPDATE",
        sorted({together_no, *methods}),
    )
    return any(row["locked_at"] is not None and together_no in (row["subject_no"], row["together_no"]) for row in rows)


async def _copy(tx: Transaction, together_no: str, methods: Mapping[str, str], at: datetime) -> None:
    for number in sorted(methods):
        method = methods[number]
        await tx.execute(_COPY, new_id(), at, number, method, method == "COURIER", together_no)
