"""The queries of tracking. Writers hold the parcel's row lock while its events and state change together."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app import db
from app.events import DomainEvent
from app.ids import new_id
from services.delivery.states import Derived, Sighting
from services.delivery.types import CourierEvent

CONFIRM = "delivery.confirm"
OUR_CODES = ("BOOKED", "REFUSED")
"""Codes of the events that we note ourselves, next to the courier's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """The locked row of a parcel while its events are written."""

    shipment_id: uuid.UUID
    shipment_no: str
    subject_no: str
    citizen_id: uuid.UUID
    division_code: str
    department_code: str
    leg: str
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


class Follower(Protocol):
    """A part of the room that follows a parcel's state: custody, tasks, mailings."""

    async def parcel_moved(self, tx: db.Transaction, parcel: Parcel, derived: Derived) -> None:
        """Write what follows from `parcel.status` → `derived.status`, in the transaction that changes it.

        Called with the parcel's row locked, once per change. Must not call out.
        """


async def record_events(
    shipment_no: str,
    events: Iterable[CourierEvent],
    *,
    confirmed: bool,
    at: datetime,
    derive: Callable[[Iterable[Sighting]], Derived],
    decide: Callable[[Parcel, Derived], Change],
    followers: Sequence[Follower] = (),
    waybill_no: str = "",
) -> Derived | None:
    """Append what a courier told, derive the state from all of it, and write state, custody, event and jobs together.

    Returns the derived state, or None where no parcel has this number. Idempotent: yes, by event_key.
    """
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "SELECT id, subject_no, citizen_id, division_code, department_code, leg, courier, waybill_no, status,"
            " asked_count FROM shipment WHERE shipment_no = $1 FOR UPDATE",
            shipment_no,
        )
        if row is None:
            return None
        await _append(tx, row["id"], events, confirmed, at)
        sightings = await tx.fetch_all(
            "SELECT state, occurred_at, confirmed, code = ANY($2) AS is_ours, code, undoes FROM tracking_event"
            " WHERE shipment_id = $1",
            row["id"],
            OUR_CODES,
        )
        derived = derive([Sighting(*each.values()) for each in sightings])
        parcel = Parcel(
            shipment_id=row["id"],
            shipment_no=shipment_no,
            subject_no=row["subject_no"],
            citizen_id=row["citizen_id"],
            division_code=row["division_code"],
            department_code=row["department_code"],
            leg=row["leg"],
            courier=row["courier"],
            waybill_no=row["waybill_no"] or waybill_no,
            status=row["status"],
            asked_count=row["asked_count"],
        )
        change = decide(parcel, derived)
        await _write_state(tx, parcel, derived, change, at)
        if derived.status != parcel.status:
            for follower in followers:
                await follower.parcel_moved(tx, parcel, derived)
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
                                       place, confirmed, undoes)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
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
                " ".join(event.undoes),
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
