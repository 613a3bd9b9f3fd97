"""Opening and closing tasks, inside the transaction of whatever made them needed.

Called by tracking, booking, statements and the parcels' own course. At most one of a kind is open for a parcel, which
the database sees to.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Protocol

from app import clock
from app.db import Transaction
from app.ids import new_id
from services.delivery.tasks.states import Outcome, TaskKind

_MOST_WORDS = 200


class ParcelFacts(Protocol):
    """What a task needs to know of its parcel; tracking's locked row fulfils it."""

    @property
    def shipment_id(self) -> uuid.UUID:
        """Return the row's id."""

    @property
    def shipment_no(self) -> str:
        """Return our number."""

    @property
    def subject_no(self) -> str:
        """Return the case's or package's number."""

    @property
    def division_code(self) -> str:
        """Return the division of the body at our end."""

    @property
    def department_code(self) -> str:
        """Return the body at our end."""


async def open_task(
    tx: Transaction, parcel: ParcelFacts, kind: TaskKind, reason: str, *, by: str = "", note: str = ""
) -> bool:
    """Open a task, or leave the open one of this kind as it is; tell whether it is new.

    Args:
        reason: for staff, without personal data.
        by: who of the staff declares it; "" where it follows from the parcel's course.
        note: what they have written about it.

    Idempotent: yes, while one is open.
    """
    opened = await tx.fetch_row(
        """INSERT INTO shipment_task (id, created_at, shipment_id, shipment_no, subject_no, division_code,
               department_code, kind, reason, opened_at, opened_by, officer, closed_by, outcome, note)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $2, $10, '', '', '', $11)
           ON CONFLICT (shipment_id, kind) WHERE closed_at IS NULL DO NOTHING RETURNING id""",
        new_id(),
        clock.now(),
        parcel.shipment_id,
        parcel.shipment_no,
        parcel.subject_no,
        parcel.division_code,
        parcel.department_code,
        kind.value,
        reason[:_MOST_WORDS],
        by,
        note,
    )
    return opened is not None


async def close_task(
    tx: Transaction,
    shipment_id: uuid.UUID,
    kinds: Collection[TaskKind],
    outcome: Outcome,
    by: str = "",
    *,
    note: str = "",
) -> int:
    """Close the open tasks of these kinds; return how many there were. Idempotent.

    Args:
        by: who settled it; "" where the parcel went on by itself.
    """
    return await tx.execute(
        """UPDATE shipment_task SET closed_at = $3, closed_by = $4, outcome = $5,
               note = CASE WHEN $6 = '' THEN note ELSE $6 END
           WHERE shipment_id = $1 AND kind = ANY($2) AND closed_at IS NULL""",
        shipment_id,
        [kind.value for kind in kinds],
        clock.now(),
        by,
        outcome.value,
        note,
    )
