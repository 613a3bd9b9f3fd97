"""The one write by which a locked choice goes another way, compared with what was seen; and what it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app import db
from app.db import Row, Transaction
from app.events import DomainEvent
from services.delivery.collecting import repository as collections
from services.delivery.tasks.opening import close_task
from services.delivery.tasks.states import Outcome, TaskKind
from services.delivery.types import Choice

_DEAD = ("CANCELLED", "RETURNED", "LOST")
_AT_HAND = ("WINDOW", "RETURNED", "VOID")
"""Holders of documents that may go any way, or count no more."""


async def list_live_parcels(subject_no: str) -> Sequence[Row]:
    """Return the parcels of a result that are not over."""
    return await db.fetch_all(
        "SELECT shipment_no, status FROM shipment WHERE subject_no = $1 AND leg = 'OUTBOUND' AND status <> ALL($2)"
        " ORDER BY id",
        subject_no,
        list(_DEAD),
    )


async def find_elsewhere(subject_no: str) -> str | None:
    """Return who holds a document of the result, where its window does not."""
    row = await db.fetch_row(
        "SELECT holder FROM piece WHERE subject_no = $1 AND kind = 'RESULT' AND holder <> ALL($2) LIMIT 1",
        subject_no,
        list(_AT_HAND),
    )
    return str(row["holder"]) if row else None


async def change(
    choice: Choice, receiver_cipher: bytes | None, former_method: str, at: datetime, event: DomainEvent
) -> bool:
    """Let a result go another way; False where it was handed over, or went another way, meanwhile.

    The row of the choice is locked first, so that nobody makes a parcel or another change of it at the same time.
    """
    async with db.transaction() as tx:
        held = await tx.fetch_row(
            "SELECT method FROM delivery_choice WHERE subject_no = $1 AND together_no = '' FOR UPDATE",
            choice.subject_no,
        )
        # Also against a deposit at the same time: whoever comes second sees what the first has done.
        await tx.fetch_all("SELECT 1 FROM collection WHERE subject_no = $1 FOR UPDATE", choice.subject_no)
        if held is None or held["method"] != former_method or await _is_given(tx, choice.subject_no):
            return False
        await tx.execute(
            """UPDATE delivery_choice SET method = $2, division_code = $3, receiver_cipher = $4, receiver_shown = $5,
                   payer = $6, level = $7, in_person = $8, place_code = $9, locked_at = $10, updated_at = $10
               WHERE subject_no = $1""",
            choice.subject_no,
            choice.method.value,
            choice.division_code,
            receiver_cipher,
            choice.receiver_shown,
            choice.payer,
            choice.level.value,
            choice.in_person,
            choice.place_code,
            at,
        )
        await collections.cancel(tx, choice.subject_no, at)
        for parcel in await tx.fetch_all(
            "SELECT id FROM shipment WHERE subject_no = $1 AND leg = 'OUTBOUND' AND status = 'CANCELLED'",
            choice.subject_no,
        ):
            await close_task(tx, parcel["id"], (TaskKind.BOOKING_REFUSED,), Outcome.WENT_ON)
        tx.emit(event)
        return True


async def _is_given(tx: Transaction, subject_no: str) -> bool:
    """Tell whether a parcel still lives, a point has the result, or a document is not at the window."""
    row = await tx.fetch_row(
        """SELECT EXISTS (SELECT 1 FROM shipment WHERE subject_no = $1 AND leg = 'OUTBOUND' AND status <> ALL($2))
               OR EXISTS (SELECT 1 FROM collection WHERE subject_no = $1 AND status IN ('READY', 'COLLECTED'))
               OR EXISTS (SELECT 1 FROM piece WHERE subject_no = $1 AND kind = 'RESULT'
                          AND holder <> ALL($3)) AS given""",
        subject_no,
        list(_DEAD),
        list(_AT_HAND),
    )
    return bool(row is None or row["given"])
