"""The queries of subscriptions: whose turn it is, how often it was, and what silence of what age leaves behind."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import db
from services.delivery.states import OUR_CODES, TERMINAL, ShipmentStatus
from services.delivery.tasks.facts import Subject
from services.delivery.tasks.opening import open_task
from services.delivery.tasks.states import TaskKind

_MONTH = timedelta(days=30)
_MOST_A_MONTH = 4
"""Subscriptions of one number. Source: 快递100 订阅接口, 说明."""
_ENDED = [status.value for status in TERMINAL]
_WAITING = [ShipmentStatus.CREATED.value, ShipmentStatus.PICKUP_PENDING.value, ShipmentStatus.PICKED_UP.value]
_BEFORE_PICKUP = [ShipmentStatus.CREATED.value, ShipmentStatus.PICKUP_PENDING.value]
_MAY_BE_TAKEN_BACK = "快递公司撤销了揽收，一天内没有再揽收，订单可能已撤销，请核实"
_MAY_BE_CANCELLED = "快递公司告知订单已取消，查询未能证实，请核实"
_UNDER_WAY = [
    ShipmentStatus.IN_TRANSIT.value,
    ShipmentStatus.ARRIVED.value,
    ShipmentStatus.OUT_FOR_DELIVERY.value,
    ShipmentStatus.AWAITING_COLLECTION.value,
    ShipmentStatus.REJECTED.value,
    ShipmentStatus.RETURNING.value,
]


@dataclass(frozen=True, slots=True)
class SilentParcel:
    """A parcel that nothing is heard of, as a task needs it; `is_young`: not long after its pick-up."""

    shipment_id: uuid.UUID
    shipment_no: str
    subject_no: str
    division_code: str
    department_code: str
    is_young: bool


async def claim_due(at: datetime, until: datetime, limit: int) -> Sequence[str]:
    """Take parcels that shall be subscribed; others do not see them before `until`.

    One that has had its subscriptions of the month waits for the month to end.
    """
    rows = await db.fetch_all(
        """WITH due AS (
               SELECT id, follow_count >= $5 AND followed_at > $1::timestamptz - $6::interval AS is_spent FROM shipment
               WHERE follow_after <= $1 AND waybill_no <> '' AND status <> ALL($4::text[])
               ORDER BY follow_after LIMIT $3 FOR UPDATE SKIP LOCKED)
           UPDATE shipment AS s SET follow_after = CASE WHEN is_spent THEN followed_at + $6::interval ELSE $2 END
           FROM due WHERE s.id = due.id RETURNING s.shipment_no, is_spent""",
        at,
        until,
        limit,
        _ENDED,
        _MOST_A_MONTH,
        _MONTH,
    )
    return [row["shipment_no"] for row in rows if not row["is_spent"]]


async def mark_followed(shipment_no: str, at: datetime) -> None:
    """Remember a subscription; those of more than a month ago do not count any more."""
    await db.execute(
        """UPDATE shipment SET followed_at = $2, follow_after = NULL,
               follow_count = CASE WHEN followed_at < $2::timestamptz - $3::interval THEN 1 ELSE follow_count + 1 END
           WHERE shipment_no = $1""",
        shipment_no,
        at,
        _MONTH,
    )


async def give_up(shipment_no: str) -> None:
    """Subscribe a parcel no more: the courier will not have it. Questions by silence go on. Idempotent."""
    await db.execute("UPDATE shipment SET follow_after = NULL WHERE shipment_no = $1", shipment_no)


async def open_silent(waiting_since: datetime, moving_since: datetime, at: datetime, limit: int) -> int:
    """Open a task for parcels that nothing was heard of since these moments, and have each asked about now.

    Returns how many were found. Idempotent: yes, one task for one silence.
    """
    async with db.transaction() as tx:
        rows = await tx.fetch_all(
            """UPDATE shipment AS s SET ask_after = $3, asked_count = 0 WHERE id IN (
                   SELECT p.id FROM shipment AS p
                   WHERE (p.status = ANY($4::text[]) AND GREATEST(p.last_event_at, p.handed_over_at) < $1
                              AND (p.picked_up_at IS NOT NULL OR p.handed_over_at IS NOT NULL)
                          OR p.status = ANY($5::text[]) AND p.last_event_at < $2)
                     AND NOT EXISTS (SELECT 1 FROM shipment_task AS t WHERE t.shipment_id = p.id AND t.kind = $6
                                     AND (t.closed_at IS NULL OR t.opened_at > p.last_event_at))
                   ORDER BY p.id LIMIT $7 FOR UPDATE SKIP LOCKED)
               RETURNING id AS shipment_id, shipment_no, subject_no, division_code, department_code,
                         status = ANY($4::text[]) AS is_young""",
            waiting_since,
            moving_since,
            at,
            _WAITING,
            _UNDER_WAY,
            TaskKind.SILENT.value,
            limit,
        )
        for row in rows:
            parcel = SilentParcel(**row)
            await open_task(
                tx, parcel, TaskKind.SILENT, "揽收3日后仍无物流信息" if parcel.is_young else "7日无物流信息"
            )
    return len(rows)


async def open_doubted(taken_back_before: datetime, unproven_before: datetime, at: datetime, limit: int) -> int:
    """Open a task for parcels that may have been cancelled before their pick-up, and have each asked about now.

    So it is where the courier's last word takes back a pick-up, or is a cancellation that nothing confirms. Staff order
    the parcel of a result again; one of a citizen's is only looked at.
    Returns how many were found. Idempotent: yes, one task for one such word.
    """
    async with db.transaction() as tx:
        rows = await tx.fetch_all(
            """UPDATE shipment AS s SET ask_after = $3, asked_count = 0 FROM (
                   SELECT p.id, last.undoes <> '' AS is_taken_back FROM shipment AS p CROSS JOIN LATERAL (
                       SELECT undoes, state, confirmed FROM tracking_event AS e
                       WHERE e.shipment_id = p.id AND e.code <> ALL($4::text[]) AND (e.state <> '' OR e.undoes <> '')
                       ORDER BY e.occurred_at DESC, e.undoes DESC LIMIT 1) AS last
                   WHERE p.status = ANY($5::text[]) AND p.booked_at IS NOT NULL AND NOT p.is_own
                     AND p.picked_up_at IS NULL AND p.handed_over_at IS NULL AND p.cancel_wanted_at IS NULL
                     AND (last.undoes <> '' AND p.last_event_at < $1
                          OR last.state = 'CANCELLED' AND NOT last.confirmed AND p.last_event_at < $2)
                     AND NOT EXISTS (SELECT 1 FROM shipment_task AS t WHERE t.shipment_id = p.id AND t.kind = ANY($6)
                                     AND (t.closed_at IS NULL OR t.opened_at > p.last_event_at))
                   ORDER BY p.id LIMIT $7 FOR UPDATE OF p SKIP LOCKED) AS doubted
               WHERE s.id = doubted.id
               RETURNING s.id AS shipment_id, s.shipment_no, s.subject_no, s.division_code, s.department_code,
                         s.leg = 'OUTBOUND' AS is_outbound, doubted.is_taken_back""",
            taken_back_before,
            unproven_before,
            at,
            list(OUR_CODES),
            _BEFORE_PICKUP,
            [TaskKind.BOOKING_REFUSED.value, TaskKind.SILENT.value],
            limit,
        )
        for row in rows:
            parcel = Subject(**{name: row[name] for name in Subject.__dataclass_fields__})
            kind = TaskKind.BOOKING_REFUSED if row["is_outbound"] else TaskKind.SILENT
            await open_task(tx, parcel, kind, _MAY_BE_TAKEN_BACK if row["is_taken_back"] else _MAY_BE_CANCELLED)
    return len(rows)


async def have_all_silent_asked(heard_before: datetime, at: datetime) -> int:
    """Have every parcel under way that was silent since a moment asked about now; returns how many. Idempotent."""
    return await db.execute(
        """UPDATE shipment SET ask_after = $2 WHERE status <> ALL($3::text[]) AND waybill_no <> ''
               AND COALESCE(last_event_at, booked_at, created_at) < $1 AND (ask_after IS NULL OR ask_after > $2)""",
        heard_before,
        at,
        _ENDED,
    )


async def claim_refresh(citizen_id: uuid.UUID, shipment_no: str, at: datetime, every: timedelta) -> db.Row | None:
    """Take a citizen's turn to have a parcel asked about; None where it is not theirs.

    `wait_seconds` is 0 where the turn was theirs, else how long it is until the next one.
    """
    return await db.fetch_row(
        """WITH mine AS (SELECT id, refreshed_at FROM shipment WHERE shipment_no = $1 AND citizen_id = $2 FOR UPDATE),
           taken AS (UPDATE shipment AS s SET refreshed_at = $3 FROM mine WHERE s.id = mine.id
                         AND (mine.refreshed_at IS NULL OR mine.refreshed_at <= $3::timestamptz - $4::interval)
                     RETURNING s.id)
           SELECT CASE WHEN EXISTS (SELECT 1 FROM taken) THEN 0
                  ELSE ceil(extract(epoch FROM refreshed_at + $4::interval - $3::timestamptz))::int END AS wait_seconds
           FROM mine""",
        shipment_no,
        citizen_id,
        at,
        every,
    )
