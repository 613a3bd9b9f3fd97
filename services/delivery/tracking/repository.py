"""The queries of tracking. A parcel's events, state, followers and jobs change together, one writer after the other."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias, runtime_checkable

import msgspec

from app import db, jobs
from app.events import DomainEvent
from app.ids import new_id
from services.delivery.states import OUR_CODES, Derived, Sighting
from services.delivery.tasks.opening import close_task
from services.delivery.tasks.states import Outcome, TaskKind
from services.delivery.tracking.news import Facts
from services.delivery.types import CourierEvent, Following, WaybillKind

CONFIRM = "delivery.confirm"
EventId: TypeAlias = tuple[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """The row of a parcel as it was before its news were written."""

    shipment_id: uuid.UUID
    shipment_no: str
    subject_no: str
    citizen_id: uuid.UUID
    division_code: str
    department_code: str
    leg: str
    cargo: str
    is_own: bool
    is_booked: bool
    courier: str
    carrier: str
    waybill_no: str
    status: str
    asked_count: int
    version: int
    courier_phone_shown: str
    collect_hint: str
    promised_at: datetime | None
    last_event_at: datetime | None
    picked_up_at: datetime | None
    trouble_told_at: datetime | None
    is_redacted: bool
    has_pieces: bool
    has_tasks: bool
    """Open ones."""
    withdrawn_for: str
    """Why we have its order withdrawn; "" where we do not."""
    is_followed: bool
    """Withdrawn for another parcel that goes in its place."""


@dataclass(frozen=True, slots=True)
class Known:
    """A parcel with what has been told about it so far: event → whether it is trusted, and all as sightings.

    `aside` is what numbers besides its own are for: the way back, or the paper that was signed for it.
    """

    parcel: Parcel
    events: Mapping[EventId, bool]
    sightings: Sequence[Sighting]
    aside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be written about a parcel: the recorder decides, the repository writes."""

    derived: Derived
    is_news: bool
    """Otherwise nothing is written."""
    events: Sequence[CourierEvent]
    confirmed: bool
    facts: Facts
    charged_fen: int
    """Comes to what the courier charged before."""
    is_booked: bool
    custody: str
    ask_after: datetime | None
    asked_count: int
    follow_after: datetime | None
    """None leaves it, unless the courier says that following has ended."""
    emits: Sequence[DomainEvent]
    tells_trouble: bool
    ends_silence: bool
    confirm: bool
    at: datetime


class Follower(Protocol):
    """A part of the room that follows a parcel's state: custody, tasks, mailings."""

    def concerns(self, parcel: Parcel, derived: Derived) -> bool:
        """Tell whether a change may mean anything to it, by what is known already; else it is not called."""

    async def parcel_moved(self, tx: db.Transaction, parcel: Parcel, derived: Derived) -> None:
        """Write what follows from `parcel.status` → `derived.status`, in the transaction that changes it.

        Called with the parcel's row locked, once per change. Must not call out.
        """


@runtime_checkable
class PickUpFollower(Protocol):
    """A follower that heeds also whether the courier ever had a parcel, which may be learnt without a change."""

    async def pick_up_learnt(self, tx: db.Transaction, parcel: Parcel, derived: Derived) -> None:
        """Write what follows when a pick-up is learnt of, or taken back, and the state stays. As `parcel_moved`."""


Decide: TypeAlias = Callable[[Known], Change]

_KNOWN = """
SELECT s.id AS shipment_id, s.shipment_no, s.subject_no, s.citizen_id, s.division_code, s.department_code, s.leg,
       s.cargo, s.is_own, s.booked_at IS NOT NULL AS is_booked, s.courier, s.carrier, s.waybill_no, s.status,
       s.asked_count, s.version, s.courier_phone_shown, s.collect_hint, s.promised_at, s.last_event_at, s.picked_up_at,
       s.trouble_told_at, s.redacted_at IS NOT NULL AS is_redacted,
       EXISTS (SELECT 1 FROM piece WHERE piece.shipment_no = s.shipment_no) AS has_pieces,
       EXISTS (SELECT 1 FROM shipment_task AS t WHERE t.shipment_id = s.id AND t.closed_at IS NULL) AS has_tasks,
       CASE WHEN s.cancel_wanted_at IS NULL THEN '' ELSE s.cancel_reason END AS withdrawn_for,
       s.cancel_wanted_at IS NOT NULL
           AND EXISTS (SELECT 1 FROM shipment AS next
                       WHERE next.subject_no = s.subject_no AND next.replaces_no = s.shipment_no
                         AND next.status <> 'CANCELLED') AS is_followed,
       ARRAY(SELECT ARRAY[waybill_no, kind] FROM shipment_waybill AS number
             WHERE number.shipment_id = s.id AND kind IN ('RETURN', 'SIGN_BACK')) AS aside, told.*
FROM shipment AS s CROSS JOIN LATERAL (
    SELECT array_agg(event_key) AS keys, array_agg(occurred_at) AS moments, array_agg(state) AS states,
           array_agg(confirmed) AS trusts, array_agg(code) AS codes, array_agg(undoes) AS reversals,
           array_agg(signed_as) AS signers
    FROM tracking_event WHERE shipment_id = s.id) AS told
WHERE s.shipment_no = $1 AND ($2 = '' OR s.courier = $2)
"""
_PARCEL_COLUMNS = tuple(Parcel.__dataclass_fields__)

_WRITE = f"""
WITH moved AS (
    UPDATE shipment SET status = $3::text, custody = $4, last_event_at = $5::timestamptz,
        picked_up_at = $6::timestamptz,
        delivered_at = CASE WHEN $3::text = 'DELIVERED' THEN $7::timestamptz END, signed_as = $8,
        ask_after = $9::timestamptz, asked_count = $10,
        booked_at = CASE WHEN $11::boolean THEN COALESCE(booked_at, $12::timestamptz) ELSE booked_at END,
        follow_after = CASE WHEN $13::boolean THEN NULL ELSE COALESCE($14::timestamptz, follow_after) END,
        waybill_no = COALESCE(NULLIF($15, ''), waybill_no), carrier = COALESCE(NULLIF($16, ''), carrier),
        order_ref = COALESCE(NULLIF($17, ''), order_ref),
        courier_phone_shown = COALESCE(NULLIF($18, ''), courier_phone_shown),
        promised_at = COALESCE($19::timestamptz, promised_at),
        collect_hint = COALESCE(NULLIF($20, ''), collect_hint),
        freight_fen = COALESCE($21::int, freight_fen + $33::int, NULLIF($33::int, 0)),
        weight_grams = COALESCE($22::int, weight_grams),
        trouble_told_at = CASE WHEN $34::boolean THEN $12::timestamptz ELSE trouble_told_at END,
        version = version + 1, updated_at = $12::timestamptz
    WHERE id = $1 AND version = $2
        AND ($35::boolean OR NOT EXISTS (SELECT 1 FROM piece WHERE piece.shipment_no = shipment.shipment_no))
        AND ($36::boolean OR NOT EXISTS (
            SELECT 1 FROM shipment_task AS t WHERE t.shipment_id = shipment.id AND t.closed_at IS NULL))
    RETURNING id
), told AS (
    INSERT INTO tracking_event (id, received_at, shipment_id, confirmed, occurred_at, event_key, code, state, text,
                                place, undoes, signed_as)
    SELECT new.id, $12::timestamptz, moved.id, $23::boolean, occurred_at, event_key, code, state, text, place, undoes,
           signer
    FROM moved, unnest($24::uuid[], $25::timestamptz[], $26::text[], $27::text[], $28::text[], $29::text[],
                       $30::text[], $31::text[], $32::text[])
         AS new (id, occurred_at, event_key, code, state, text, place, undoes, signer)
    ON CONFLICT (shipment_id, event_key, occurred_at)
    DO UPDATE SET confirmed = true WHERE EXCLUDED.confirmed AND NOT tracking_event.confirmed
), queued AS (
    {jobs.insert_of(f"SELECT '{jobs.EVENT}', payload FROM moved, unnest($37::bytea[]) AS payload")}
)
SELECT id FROM moved
"""
"""Writes only over what was read: the version, and that no documents lie in the parcel or no tasks are open.

A push and an answer tell the same event: the row stays one, and only its trust may grow.
"""


async def record_events(
    shipment_no: str, courier: str, decide: Decide, followers: Sequence[Follower] = ()
) -> Derived | None:
    """Write what is decided about a parcel: state, events, numbers, what follows from it and jobs together.

    Reads without a lock; who finds that another has written meanwhile waits for the row and decides again. What
    moves nothing is one statement after the reading one.

    Args:
        courier: only a parcel of this courier; "" any.
    Returns: the derived state, or None where there is no such parcel.
    """
    known = await _read(db.fetch_row, shipment_no, courier)
    if known is None:
        return None
    change = decide(known)
    if not change.is_news:
        return change.derived
    if _is_plain(known.parcel, change, followers) and await db.write_row(_WRITE, *_values(known.parcel, change)):
        return change.derived
    async with db.transaction() as tx:
        if await _write(tx, known.parcel, change, followers):
            return change.derived
        await tx.execute("SELECT 1 FROM shipment WHERE id = $1 FOR UPDATE", known.parcel.shipment_id)
        known = await _read(tx.fetch_row, shipment_no, courier)
        if known is None:
            return None
        change = decide(known)
        if change.is_news:
            await _write(tx, known.parcel, change, followers)
        return change.derived


async def _read(fetch_row: Callable[..., Awaitable[db.Row | None]], shipment_no: str, courier: str) -> Known | None:
    row = await fetch_row(_KNOWN, shipment_no, courier)
    if row is None:
        return None
    parcel = Parcel(**{name: row[name] for name in _PARCEL_COLUMNS})
    aside = dict(row["aside"])
    if row["keys"] is None:
        return Known(parcel, {}, (), aside)
    ids = zip(row["keys"], row["moments"], strict=True)
    columns = (row["states"], row["moments"], row["trusts"], row["codes"], row["reversals"], row["signers"])
    return Known(
        parcel,
        dict(zip(ids, row["trusts"], strict=True)),
        [
            Sighting(state, at, trust, code in OUR_CODES, code, undoes, signer)
            for state, at, trust, code, undoes, signer in zip(*columns, strict=True)
        ],
        aside,
    )


def _is_plain(parcel: Parcel, change: Change, followers: Sequence[Follower]) -> bool:
    """Tell whether one statement writes it all: nobody follows, no number is new."""
    if change.confirm or change.ends_silence or change.facts.waybills:
        return False
    has_moved = change.derived.status != parcel.status or _pick_up_learnt(parcel, change)
    return not (has_moved and any(each.concerns(parcel, change.derived) for each in followers))


def _pick_up_learnt(parcel: Parcel, change: Change) -> bool:
    return (change.derived.picked_up_at is None) != (parcel.picked_up_at is None)


async def _write(tx: db.Transaction, parcel: Parcel, change: Change, followers: Sequence[Follower]) -> bool:
    if await tx.write_row(_WRITE, *_values(parcel, change)) is None:
        return False
    await _write_numbers(tx, parcel, change.facts)
    concerned = [each for each in followers if each.concerns(parcel, change.derived)]
    if change.derived.status != parcel.status:
        for follower in concerned:
            await follower.parcel_moved(tx, parcel, change.derived)
    elif _pick_up_learnt(parcel, change):
        for follower in concerned:
            if isinstance(follower, PickUpFollower):
                await follower.pick_up_learnt(tx, parcel, change.derived)
    if change.ends_silence:
        await close_task(tx, parcel.shipment_id, (TaskKind.SILENT,), Outcome.WENT_ON)
    if change.confirm:
        tx.enqueue(CONFIRM, {"shipment_no": parcel.shipment_no}, dedupe_key=f"{CONFIRM}:{parcel.shipment_no}")
    return True


def _values(parcel: Parcel, change: Change) -> tuple[object, ...]:
    derived, facts, events = change.derived, change.facts, change.events
    return (
        parcel.shipment_id,
        parcel.version,
        derived.status.value,
        change.custody,
        derived.heard_at,
        derived.picked_up_at,
        derived.at,
        derived.signed_as,
        change.ask_after,
        change.asked_count,
        change.is_booked,
        change.at,
        facts.following is Following.ENDED,
        change.follow_after,
        facts.waybill_no,
        facts.carrier,
        facts.order_ref,
        facts.courier_phone_shown,
        facts.promised_at,
        facts.collect_hint,
        facts.freight_fen,
        facts.weight_grams,
        change.confirmed,
        [new_id() for _ in events],
        [event.occurred_at for event in events],
        [event.event_key for event in events],
        [event.code for event in events],
        [event.status for event in events],
        [event.text for event in events],
        [event.place for event in events],
        [" ".join(event.undoes) for event in events],
        [event.signed_as.value for event in events],
        change.charged_fen,
        change.tells_trouble,
        parcel.has_pieces,
        parcel.has_tasks,
        [msgspec.json.encode(event) for event in change.emits],
    )


async def _write_numbers(tx: db.Transaction, parcel: Parcel, facts: Facts) -> None:
    """Keep the numbers that a parcel travels under; a main one that is not so any more stays as a former one."""
    if not facts.waybills:
        return
    if facts.waybill_no:
        await tx.execute(
            "UPDATE shipment_waybill SET kind = $2 WHERE shipment_id = $1 AND kind = $3"
            " AND (carrier, waybill_no) <> ($4, $5)",
            parcel.shipment_id,
            WaybillKind.FORMER.value,
            WaybillKind.MAIN.value,
            facts.carrier,
            facts.waybill_no,
        )
    await tx.execute_many(
        "INSERT INTO shipment_waybill (id, created_at, shipment_id, carrier, waybill_no, kind)"
        " VALUES ($1, now(), $2, $3, $4, $5) ON CONFLICT (carrier, waybill_no) DO UPDATE SET kind = EXCLUDED.kind"
        " WHERE shipment_waybill.shipment_id = EXCLUDED.shipment_id"
        " AND NOT (shipment_waybill.kind = 'MAIN' AND EXCLUDED.kind = 'RETURN')",
        [(new_id(), parcel.shipment_id, each.carrier, each.waybill_no, each.kind.value) for each in facts.waybills],
    )


async def parcels_of(courier: str, waybill_nos: Sequence[str]) -> Mapping[str, str]:
    """Return waybill number → our number, of parcels that this courier is asked about."""
    rows = await db.fetch_all(
        "SELECT number.waybill_no, s.shipment_no FROM shipment_waybill AS number"
        " JOIN shipment AS s ON s.id = number.shipment_id WHERE number.waybill_no = ANY($1) AND s.courier = $2",
        waybill_nos,
        courier,
    )
    return {row["waybill_no"]: row["shipment_no"] for row in rows}


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
