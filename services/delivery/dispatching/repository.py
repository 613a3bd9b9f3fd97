"""The queries of batches. Every writer locks the batch before its parcels, and parcels before their documents."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app import db
from app.db import Row, Transaction
from app.ids import new_id
from services.delivery.dispatching.states import AT_OUR_END, OPEN, TO_SEND
from services.delivery.dispatching.types import MOST_PARCELS

LABEL = "delivery.label_dispatch"
Record = Callable[[Transaction, int], Awaitable[None]]
"""Writes the audit row of an act, given how many parcels it touched."""
_OPEN = "('" + "', '".join(OPEN) + "')"
_HERE = "('" + "', '".join(AT_OUR_END) + "')"
_LEFT = f"handed_over_at IS NULL AND cancel_wanted_at IS NULL AND status IN {_HERE}"
_IN_SCOPE = "division_code LIKE ANY($1) AND (cardinality($2::text[]) = 0 OR department_code = ANY($2))"
_WAITS = f"""leg = 'OUTBOUND' AND status IN ('{"', '".join(TO_SEND)}') AND dispatch_no = '' AND waybill_no <> ''
    AND handed_over_at IS NULL AND cancel_wanted_at IS NULL AND NOT is_own"""
_VIEW = f"""
SELECT d.*, n.handed_over, n.remaining FROM dispatch d, LATERAL (
    SELECT count(*) FILTER (WHERE s.handed_over_at IS NOT NULL) AS handed_over,
           count(*) FILTER (WHERE s.handed_over_at IS NULL AND s.cancel_wanted_at IS NULL AND s.status IN {_HERE})
               AS remaining
    FROM shipment s WHERE s.dispatch_no = d.dispatch_no) n
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """A batch to be made: of one body's parcels at one courier, booked before a moment."""

    dispatch_no: str
    division_code: str
    department_code: str
    courier: str
    day: date
    booked_before: datetime
    made_by: str
    at: datetime


async def list_waiting(prefixes: Sequence[str], departments: Sequence[str]) -> Sequence[Row]:
    """Return how many parcels wait for a batch, by body and courier."""
    return await db.fetch_all(
        f"""SELECT division_code, department_code, courier, count(*) AS parcels,
               max(sender #>> '{{contact,name}}') AS sender_name
            FROM shipment WHERE {_IN_SCOPE} AND {_WAITS}
            GROUP BY division_code, department_code, courier ORDER BY division_code, department_code, courier
            LIMIT 200""",
        list(prefixes),
        list(departments),
    )


async def create(new: NewBatch, record: Record) -> int:
    """Make a batch of whatever waits, each parcel in one batch only, and have its labels made; return how many.

    Nothing is made where nothing waits.
    """
    async with db.transaction() as tx:
        chosen = await tx.execute(
            f"""UPDATE shipment SET dispatch_no = $5, version = version + 1, updated_at = $6
                WHERE dispatch_no = '' AND id IN (
                    SELECT id FROM shipment WHERE division_code = $1 AND department_code = $2 AND courier = $3
                    AND booked_at < $4 AND {_WAITS} ORDER BY id LIMIT {MOST_PARCELS} FOR UPDATE)""",
            new.division_code,
            new.department_code,
            new.courier,
            new.booked_before,
            new.dispatch_no,
            new.at,
        )
        if chosen == 0:
            return 0
        await tx.execute(
            """INSERT INTO dispatch (id, created_at, dispatch_no, division_code, department_code, courier, day, status,
                   total, labelled, failed, made_by, handed_over_by, collector, reason, version, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, 'PREPARING', $8, 0, 0, $9, '', '', '', 1, $2)""",
            new_id(),
            new.at,
            new.dispatch_no,
            new.division_code,
            new.department_code,
            new.courier,
            new.day,
            chosen,
            new.made_by,
        )
        _have_labelled(tx, new.dispatch_no)
        await record(tx, chosen)
    return chosen


async def find(dispatch_no: str) -> Row | None:
    """Return a batch with its counts."""
    return await db.fetch_row(f"{_VIEW} WHERE d.dispatch_no = $1", dispatch_no)


async def list_page(
    prefixes: Sequence[str], departments: Sequence[str], after: uuid.UUID | None, limit: int
) -> Sequence[Row]:
    """Return batches in scope with their counts, newest first, from behind an id."""
    return await db.fetch_all(
        f"""{_VIEW} WHERE d.division_code LIKE ANY($1) AND (cardinality($2::text[]) = 0 OR d.department_code = ANY($2))
            AND d.id < $3 ORDER BY d.id DESC LIMIT $4""",
        list(prefixes),
        list(departments),
        after or uuid.UUID(int=2**128 - 1),
        limit,
    )


async def list_parcels(dispatch_no: str) -> Sequence[Row]:
    """Return the parcels of a batch in the order in which they were made."""
    return await db.fetch_all(
        """SELECT id, shipment_no, subject_no, waybill_no, receiver_shown, status, label_key, label_fault,
               cancel_wanted_at, handed_over_at, sender FROM shipment WHERE dispatch_no = $1 ORDER BY id""",
        dispatch_no,
    )


async def find_scanned(number: str) -> Row | None:
    """Return the parcel of a body that a scanned number names: ours, its waybill, or a child of it; not a former one.

    What citizens have sent, or typed the number of, is none.
    """
    return await db.fetch_row(
        """SELECT shipment_no, dispatch_no, division_code, department_code, status, cancel_wanted_at
           FROM shipment WHERE leg = 'OUTBOUND' AND id IN (
               SELECT id FROM shipment WHERE shipment_no = $1 UNION SELECT id FROM shipment WHERE waybill_no = $1
               UNION SELECT shipment_id FROM shipment_waybill WHERE waybill_no = $1 AND kind IN ('MAIN', 'CHILD'))
           ORDER BY id DESC LIMIT 1""",
        number,
    )


async def hand_over(
    dispatch_no: str, shipment_no: str, by: str, at: datetime, follow: Callable[[Transaction, str], Awaitable[None]]
) -> bool:
    """Note that a parcel of an open batch was given to the courier; `follow` moves what lies in it. False: it was.

    `follow` is given the state in which the parcel was. Idempotent: yes, the first scan counts.
    """
    async with db.transaction() as tx:
        if not await tx.fetch_row(
            f"SELECT 1 FROM dispatch WHERE dispatch_no = $1 AND status IN {_OPEN} FOR SHARE", dispatch_no
        ):
            return False
        moved = await tx.fetch_row(
            """UPDATE shipment SET handed_over_at = $3, handed_over_by = $4, version = version + 1, updated_at = $3
               WHERE shipment_no = $2 AND dispatch_no = $1 AND handed_over_at IS NULL AND cancel_wanted_at IS NULL
               AND status <> 'CANCELLED' RETURNING status""",
            dispatch_no,
            shipment_no,
            at,
            by,
        )
        if moved is None:
            return False
        await follow(tx, moved["status"])
    return True


async def close(dispatch_no: str, by: str, collector: str, reason: str, at: datetime, record: Record) -> int | None:
    """End the hand-over; what is missing waits for another batch. Return how many are, None where it has ended.

    Nothing is changed where parcels are missing and no reason is given; the number says so.
    """
    async with db.transaction() as tx:
        if not await tx.fetch_row(
            f"SELECT 1 FROM dispatch WHERE dispatch_no = $1 AND status IN {_OPEN} FOR UPDATE", dispatch_no
        ):
            return None
        missing = await _free(tx, dispatch_no, at) if reason else await _count_left(tx, dispatch_no)
        if missing and not reason:
            return missing
        await tx.execute(
            """UPDATE dispatch SET status = 'HANDED_OVER', handed_over_at = $2, handed_over_by = $3, collector = $4,
                   reason = $5, version = version + 1, updated_at = $2 WHERE dispatch_no = $1""",
            dispatch_no,
            at,
            by,
            collector,
            reason,
        )
        await record(tx, missing)
    return missing


async def cancel(dispatch_no: str, at: datetime, record: Record) -> bool:
    """Give up a batch of which nothing was handed over; its parcels wait for another. False: it is too late."""
    async with db.transaction() as tx:
        # Held first: a hand-over that is being written is seen only by a statement that begins after it.
        await tx.execute("SELECT 1 FROM dispatch WHERE dispatch_no = $1 FOR UPDATE", dispatch_no)
        cancelled = await tx.execute(
            f"""UPDATE dispatch SET status = 'CANCELLED', version = version + 1, updated_at = $2
                WHERE dispatch_no = $1 AND status IN {_OPEN} AND NOT EXISTS (
                    SELECT 1 FROM shipment s WHERE s.dispatch_no = $1 AND s.handed_over_at IS NOT NULL)""",
            dispatch_no,
            at,
        )
        if cancelled:
            await record(tx, await _free(tx, dispatch_no, at))
    return bool(cancelled)


async def repeat_labels(dispatch_no: str, at: datetime, record: Record) -> bool:
    """Have the labels made that are missing, and the file of all of them. False: the batch has ended."""
    async with db.transaction() as tx:
        begun = await tx.execute(
            f"""UPDATE dispatch SET status = 'PREPARING', version = version + 1, updated_at = $2
                WHERE dispatch_no = $1 AND status IN {_OPEN}""",
            dispatch_no,
            at,
        )
        if begun:
            await tx.execute("UPDATE shipment SET label_fault = '' WHERE dispatch_no = $1", dispatch_no)
            _have_labelled(tx, dispatch_no)
            await record(tx, begun)
    return bool(begun)


async def note_progress(dispatch_no: str) -> Row | None:
    """Count the labels of a batch; return its row."""
    return await db.fetch_row(
        """UPDATE dispatch SET labelled = n.labelled, failed = n.failed FROM (
               SELECT count(*) FILTER (WHERE label_key <> '') AS labelled,
                      count(*) FILTER (WHERE label_key = '' AND label_fault <> '') AS failed
               FROM shipment WHERE dispatch_no = $1) n WHERE dispatch_no = $1 RETURNING *""",
        dispatch_no,
    )


async def end_labelling(dispatch_no: str, at: datetime) -> None:
    """Note that all labels were made or have failed. Idempotent."""
    await db.execute(
        "UPDATE dispatch SET status = 'READY', version = version + 1, updated_at = $2"
        " WHERE dispatch_no = $1 AND status = 'PREPARING'",
        dispatch_no,
        at,
    )


async def note_label(shipment_id: uuid.UUID, key: str, fault: str) -> None:
    """Keep where the label of a parcel is, or why there is none. Idempotent."""
    await db.execute("UPDATE shipment SET label_key = $2, label_fault = $3 WHERE id = $1", shipment_id, key, fault)


async def _free(tx: Transaction, dispatch_no: str, at: datetime) -> int:
    return await tx.execute(
        f"UPDATE shipment SET dispatch_no = '', version = version + 1, updated_at = $2"
        f" WHERE dispatch_no = $1 AND {_LEFT}",
        dispatch_no,
        at,
    )


async def _count_left(tx: Transaction, dispatch_no: str) -> int:
    row = await tx.fetch_row(
        f"SELECT count(*) AS parcels FROM shipment WHERE dispatch_no = $1 AND {_LEFT}", dispatch_no
    )
    return int(row["parcels"]) if row else 0


def _have_labelled(tx: Transaction, dispatch_no: str) -> None:
    tx.enqueue(LABEL, {"dispatch_no": dispatch_no}, dedupe_key=f"{LABEL}:{dispatch_no}")
