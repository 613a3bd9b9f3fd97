"""Every query of staff's side of threads, and of answers on their way. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app import db
from app.db import Row
from app.events import DomainEvent
from services.consultations.ports import Audit
from services.consultations.repository import COLUMNS, FIRST_ID, NewEntry, add_entry
from services.staff.types import Act

SEND = "consultations.send"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a thread: from which status and version to which, and the columns it sets."""

    consultation_id: uuid.UUID
    from_status: str
    version: int
    to_status: str
    sets: Mapping[str, Any] = field(default_factory=dict)
    unread: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Which threads to list: scope, statuses, and of one officer only where named."""

    divisions: Sequence[str]
    departments: Sequence[str]
    statuses: Sequence[str]
    officer: str = ""
    after: uuid.UUID | None = None
    limit: int = 20


async def list_queue(queue: Queue) -> Sequence[Row]:
    """List threads in scope, the oldest first."""
    return await db.fetch_all(
        f"""SELECT {COLUMNS} FROM consultation c
            WHERE c.status = ANY($1) AND c.division_code LIKE ANY($2)
              AND (cardinality($3::text[]) = 0 OR c.department_code = '' OR c.department_code = ANY($3))
              AND ($4 = '' OR c.officer = $4) AND c.id > $5
            ORDER BY c.id LIMIT $6""",
        list(queue.statuses),
        [f"{prefix}%" for prefix in queue.divisions],
        list(queue.departments),
        queue.officer,
        queue.after or FIRST_ID,
        queue.limit,
    )


async def list_of_case(divisions: Sequence[str], departments: Sequence[str], application_no: str) -> Sequence[Row]:
    """List the newest threads about a case within a scope."""
    return await db.fetch_all(
        f"""SELECT {COLUMNS} FROM consultation c
            WHERE c.application_no = $3 AND c.application_no <> '' AND c.division_code LIKE ANY($1)
              AND (cardinality($2::text[]) = 0 OR c.department_code = '' OR c.department_code = ANY($2))
            ORDER BY c.id DESC LIMIT 20""",
        [f"{prefix}%" for prefix in divisions],
        list(departments),
        application_no,
    )


async def count_open(divisions: Sequence[str], departments: Sequence[str]) -> int:
    """Count the threads in scope that wait for an answer."""
    row = await db.fetch_row(
        "SELECT count(*) AS count FROM consultation WHERE status = 'OPEN' AND division_code LIKE ANY($1)"
        " AND (cardinality($2::text[]) = 0 OR department_code = '' OR department_code = ANY($2))",
        [f"{prefix}%" for prefix in divisions],
        list(departments),
    )
    return row["count"] if row else 0


async def find(consultation_no: str) -> Row | None:
    """Find a thread, with the moment of the newest message that came by the platform's chat."""
    return await db.fetch_row(
        f"""SELECT {COLUMNS}, (SELECT max(m.created_at) FROM consultation_message m WHERE m.consultation_id = c.id
                AND m.author_kind = 'CITIZEN' AND m.dedupe_key LIKE 'push:%') AS chatted_at
            FROM consultation c WHERE c.consultation_no = $1""",
        consultation_no,
    )


async def advance(
    step: Step, entry: NewEntry | None, events: Sequence[DomainEvent], act: Act, audit: Audit
) -> uuid.UUID | None:
    """Take one step with its message, events, sending job and audit in one transaction.

    Returns the message's id (a fresh one where there is no message); None where somebody was faster.
    """
    sets = "".join(f", {column} = ${place}" for place, column in enumerate(step.sets, 6))
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            f"UPDATE consultation SET status = $4, version = version + 1, updated_at = now(),"
            f" unread = unread + $5{sets}"
            " WHERE id = $1 AND status = $2 AND version = $3 RETURNING id",
            step.consultation_id,
            step.from_status,
            step.version,
            step.to_status,
            step.unread,
            *step.sets.values(),
        )
        if row is None:
            return None
        message_id: uuid.UUID | None = row["id"]
        if entry is not None:
            message_id = await add_entry(tx, step.consultation_id, entry)
            if entry.delivery == "QUEUED" and message_id is not None:
                tx.enqueue(SEND, {"message_id": message_id.hex})
        tx.emit(*events)
        await audit.record(act, tx)
    return message_id


async def claim(message_id: uuid.UUID, now: datetime) -> Row | None:
    """Begin the try of a queued answer (QUEUED → SENDING) and return what it needs; None where another has it."""
    return await db.fetch_row(
        """WITH taken AS (UPDATE consultation_message SET delivery = 'SENDING', delivered_at = $2
               WHERE id = $1 AND delivery = 'QUEUED' RETURNING id, consultation_id, created_at, content_cipher)
           SELECT taken.id, taken.created_at, taken.content_cipher, c.consultation_no, c.citizen_id, c.provider,
               c.app_id, c.subject, c.title
           FROM taken JOIN consultation c ON c.id = taken.consultation_id""",
        message_id,
        now,
    )


async def finish(message_id: uuid.UUID, to: str, now: datetime, event: DomainEvent | None) -> bool:
    """Write an answer's outcome (SENDING → …) with the event that tells by other means; False where it was written."""
    async with db.transaction() as tx:
        done = await tx.execute(
            "UPDATE consultation_message SET delivery = $2, delivered_at = $3 WHERE id = $1 AND delivery = 'SENDING'",
            message_id,
            to,
            now,
        )
        if done and event is not None:
            tx.emit(event)
    return bool(done)


async def list_lost(queued_before: datetime, limit: int) -> list[uuid.UUID]:
    """List answers that wait although their job should have sent them long since."""
    rows = await db.fetch_all(
        "SELECT id FROM consultation_message WHERE delivery = 'QUEUED' AND created_at < $1"
        " ORDER BY created_at LIMIT $2",
        queued_before,
        limit,
    )
    return [row["id"] for row in rows]


async def list_abandoned(begun_before: datetime, limit: int) -> Sequence[Row]:
    """List answers whose try died with its process."""
    return await db.fetch_all(
        """SELECT m.id, m.created_at, c.consultation_no, c.citizen_id, c.provider, c.app_id, c.subject, c.title
           FROM consultation_message m JOIN consultation c ON c.id = m.consultation_id
           WHERE m.delivery = 'SENDING' AND m.delivered_at < $1 ORDER BY m.created_at LIMIT $2""",
        begun_before,
        limit,
    )
