"""Every query of package cases. A write is one transaction with the cases that it begins and the events it causes.

Called by the package use cases and their sweep. Each write holds the package's version, so that of two who look at the
same package at once one writes and the other looks again: no part is begun twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from app import db
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.applications.packages.children import NewChild, begin_child
from services.applications.repository import Answers

_LAST_ID = uuid.UUID(int=(1 << 128) - 1)
_FIRST_ID = uuid.UUID(int=0)
_ONE = "SELECT * FROM package_case WHERE package_no = $1"
_CHILD = """a.id AS case_id, a.status AS case_status, a.outcome, a.version AS case_version, a.item_name AS case_name,
    a.reason, a.fee_fen, a.fee_paid_at, a.promised_due_on, a.correction_due_at, a.closed_at, a.updated_at"""


@dataclass(frozen=True, slots=True)
class NewPackage:
    """A package case to be begun; `form` is JSON text with masked values, the rest as in a case of its own."""

    package_no: str
    citizen_id: uuid.UUID
    provider: str
    package_code: str
    package_version: int
    package_name: str
    division_code: str
    answers: Answers
    materials: str
    chosen: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NewPart:
    """One part of a package that is handed in; what it depends on are item codes of the same package."""

    item_code: str
    position: int
    depends_on: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of a package that is still as it was read.

    Attributes:
        parts: parts that are made with it (only when it is handed in).
        standing: item code → new status of parts that are there already, or are made here.
        children: cases to begin, by item code; the parts are STARTED.
        sets: further columns of the row; names come from the use cases, never from a request.
        also: what else commits with it, last.
    """

    status: str
    at: datetime
    parts: Sequence[NewPart] = ()
    standing: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, NewChild] = field(default_factory=dict)
    sets: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[DomainEvent] = ()
    also: Callable[[Transaction], Awaitable[None]] | None = None


async def add_draft(new: NewPackage) -> Row:
    """Begin a package case."""
    row = await db.fetch_row(
        """INSERT INTO package_case (id, created_at, package_no, citizen_id, provider, package_code, package_version,
               package_name, division_code, status, version, form, form_cipher, materials, chosen, reason, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'DRAFT', 1, $10::jsonb, $11, $12::jsonb, $13::jsonb, '', $2)
           RETURNING *""",
        new_id(),
        new.at,
        new.package_no,
        new.citizen_id,
        new.provider,
        new.package_code,
        new.package_version,
        new.package_name,
        new.division_code,
        new.answers.form,
        new.answers.form_cipher,
        new.materials,
        new.chosen,
    )
    assert row is not None, "an insert that returns its row"
    return row


async def change(case: Row, change: Change) -> Row | None:
    """Write what becomes of a package, with its parts, cases and events, in one transaction.

    Returns the row as it is now, or None where the package has changed since it was read.
    """
    columns = "".join(f", {column} = ${place}" for place, column in enumerate(change.sets, 5))
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            f"UPDATE package_case SET status = $3, version = version + 1, updated_at = $4{columns}"
            " WHERE id = $1 AND version = $2 RETURNING *",
            case["id"],
            case["version"],
            change.status,
            change.at,
            *change.sets.values(),
        )
        if row is None:
            return None
        for part in change.parts:
            await tx.execute(
                "INSERT INTO package_part (id, created_at, package_case_id, item_code, position, depends_on, status)"
                " VALUES ($1, $2, $3, $4, $5, $6::jsonb, 'WAITING')",
                new_id(),
                change.at,
                case["id"],
                part.item_code,
                part.position,
                msgspec.json.encode(part.depends_on).decode(),
            )
        for item_code, child in change.children.items():
            await begin_child(tx, child)
            await tx.execute(
                "UPDATE package_part SET application_no = $3 WHERE package_case_id = $1 AND item_code = $2",
                case["id"],
                item_code,
                child.application_no,
            )
        await tx.execute(
            "UPDATE package_part SET status = n.status FROM unnest($2::text[], $3::text[]) AS n (item_code, status)"
            " WHERE package_case_id = $1 AND package_part.item_code = n.item_code",
            case["id"],
            list(change.standing),
            list(change.standing.values()),
        )
        tx.emit(*change.events)
        if change.also is not None:
            await change.also(tx)
    return row


async def find_own(citizen_id: uuid.UUID, package_no: str) -> Row | None:
    """Return one package case of this citizen; somebody else's is not there."""
    return await db.fetch_row(f"{_ONE} AND citizen_id = $2", package_no, citizen_id)


async def find(package_no: str) -> Row | None:
    """Return any package case; for reactions, sweeps and the desk."""
    return await db.fetch_row(_ONE, package_no)


async def find_of_case(application_no: str) -> str | None:
    """Return the number of the package that a case is a part of."""
    row = await db.fetch_row(
        "SELECT p.package_no FROM package_part part JOIN package_case p ON p.id = part.package_case_id"
        " WHERE part.application_no = $1",
        application_no,
    )
    return None if row is None else str(row["package_no"])


async def list_parts(package_id: uuid.UUID) -> Sequence[Row]:
    """Return the parts of a package in their order, each with its case as it is now."""
    return await db.fetch_all(
        f"SELECT part.item_code, part.position, part.depends_on, part.status, part.application_no, {_CHILD}"
        " FROM package_part part LEFT JOIN application a ON a.application_no = part.application_no"
        " WHERE part.package_case_id = $1 ORDER BY part.position",
        package_id,
    )


async def list_bodies(package_no: str) -> Sequence[Row]:
    """Return division and department of every case of a package: who may look after what they share."""
    return await db.fetch_all(
        "SELECT DISTINCT a.division_code, a.department_code FROM package_case p"
        " JOIN package_part part ON part.package_case_id = p.id"
        " JOIN application a ON a.application_no = part.application_no WHERE p.package_no = $1",
        package_no,
    )


async def list_own(citizen_id: uuid.UUID, statuses: Sequence[str], after: uuid.UUID | None, limit: int) -> list[Row]:
    """Return package cases of this citizen, newest first, with how many parts there are and how far they have come."""
    return list(
        await db.fetch_all(
            """SELECT p.*, n.total, n.decided, n.needs_you FROM package_case p, LATERAL (
                   SELECT count(*) AS total,
                       count(*) FILTER (WHERE part.status IN ('DONE', 'FAILED', 'SKIPPED')) AS decided,
                       coalesce(bool_or(part.status = 'ASKED' OR a.status IN ('CORRECTION', 'RETURNED')), false)
                           AS needs_you
                   FROM package_part part LEFT JOIN application a ON a.application_no = part.application_no
                   WHERE part.package_case_id = p.id) n
               WHERE p.citizen_id = $1 AND p.id < $2 AND p.status = ANY($3) ORDER BY p.id DESC LIMIT $4""",
            citizen_id,
            after or _LAST_ID,
            list(statuses),
            limit,
        )
    )


async def list_steps(case_ids: Sequence[uuid.UUID]) -> Sequence[Row]:
    """Return the steps of several cases together, oldest first."""
    return await db.fetch_all(
        "SELECT application_id, occurred_at, event, from_status, to_status, title, told, actor_kind, actor_shown"
        " FROM timeline_entry WHERE application_id = ANY($1) ORDER BY occurred_at, id",
        list(case_ids),
    )


async def list_open(after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return a page of package cases that are handed in and have not ended, in the order in which they were made."""
    return await db.fetch_all(
        "SELECT id, package_no FROM package_case WHERE status IN ('HANDLING', 'DELIVERING') AND id > $1"
        " ORDER BY id LIMIT $2",
        after or _FIRST_ID,
        limit,
    )


async def delete_drafts(untouched_since: datetime, limit: int) -> int:
    """Delete package drafts that nobody has touched since; uploads stay with their owner."""
    return await db.execute(
        "DELETE FROM package_case WHERE id IN (SELECT id FROM package_case WHERE status = 'DRAFT' AND updated_at < $1"
        " LIMIT $2 FOR UPDATE SKIP LOCKED)",
        untouched_since,
        limit,
    )


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Move package cases to the surviving citizen; a version read before does not hold any more. Idempotent."""
    await db.execute(
        "UPDATE package_case SET citizen_id = $2, version = version + 1 WHERE citizen_id = $1",
        from_citizen_id,
        into_citizen_id,
    )
