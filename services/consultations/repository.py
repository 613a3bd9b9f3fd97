"""Every query of citizens' side of threads: taking what was written, lists, reading. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app import db
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.consultations.ports import Person

FIRST_ID = uuid.UUID(int=0)
_LAST = uuid.UUID(int=2**128 - 1)
COLUMNS = """c.id, c.consultation_no, c.citizen_id, c.provider, c.app_id, c.subject, c.application_no, c.item_code,
    c.division_code, c.department_code, c.title, c.status, c.officer, c.asked_at, c.answered_at, c.closed_at, c.unread,
    c.version"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewThread:
    """A thread to open where none goes on; the person's platform names are kept to answer there."""

    consultation_no: str
    citizen_id: uuid.UUID | None
    identity_id: uuid.UUID | None
    provider: str
    app_id: str
    subject: str = field(repr=False)
    application_no: str = ""
    item_code: str = ""
    division_code: str
    department_code: str = ""
    title: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A message to write, encrypted already; `dedupe_key` makes a repeat find the first."""

    author_kind: str
    author: str = ""
    kind: str = "text"
    content_cipher: bytes = field(repr=False)
    dedupe_key: str
    at: datetime
    delivery: str = ""


async def take(thread: NewThread, entry: NewEntry, *, waits: bool) -> str:
    """Write what came by a platform's chat into the thread that goes on there, or into a new one; return its number.

    Args:
        waits: whether staff shall answer; otherwise the thread stays as it is.
    Idempotent: yes, by the entry's key among all threads of this person there.
    """
    async with db.transaction() as tx:
        await _in_turn(tx, f"{thread.provider}:{thread.app_id}:{thread.subject}")
        known = await tx.fetch_row(_FIND_TAKEN, thread.provider, thread.app_id, thread.subject, entry.dedupe_key)
        if known is not None:
            return str(known["consultation_no"])
        row = await tx.fetch_row(_FIND_GOING_ON, thread.provider, thread.app_id, thread.subject)
        if row is None:
            await _open(tx, thread, entry)
            number, citizen_id = thread.consultation_no, thread.citizen_id
        else:
            number, citizen_id = row["consultation_no"], row["citizen_id"] or thread.citizen_id
            if waits:
                await tx.execute(_ASK_AGAIN, row["id"], entry.at, thread.citizen_id, thread.identity_id)
            await add_entry(tx, row["id"], entry)
        if waits:
            tx.emit(_asked(number, citizen_id, entry))
        return str(number)


async def start(thread: NewThread, entry: NewEntry) -> str:
    """Open a thread of a signed-in person; return its number. Idempotent: yes, by person and the entry's key."""
    async with db.transaction() as tx:
        await _in_turn(tx, f"citizen:{thread.citizen_id}")
        known = await tx.fetch_row(
            "SELECT c.consultation_no FROM consultation c JOIN consultation_message m ON m.consultation_id = c.id"
            " WHERE c.citizen_id = $1 AND m.dedupe_key = $2 LIMIT 1",
            thread.citizen_id,
            entry.dedupe_key,
        )
        if known is not None:
            return str(known["consultation_no"])
        await _open(tx, thread, entry)
        tx.emit(_asked(thread.consultation_no, thread.citizen_id, entry))
    return thread.consultation_no


async def ask_again(citizen_id: uuid.UUID, consultation_no: str, entry: NewEntry) -> bool:
    """Add words of a person to an own thread that goes on; False where it has ended. Idempotent: yes, by the key."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "SELECT id FROM consultation WHERE citizen_id = $1 AND consultation_no = $2 AND status <> 'CLOSED'"
            " FOR UPDATE",
            citizen_id,
            consultation_no,
        )
        if row is None:
            return False
        if await add_entry(tx, row["id"], entry):
            await tx.execute(_ASK_AGAIN, row["id"], entry.at, None, None)
            tx.emit(_asked(consultation_no, citizen_id, entry))
    return True


async def add_entry(tx: Transaction, consultation_id: uuid.UUID, entry: NewEntry) -> uuid.UUID | None:
    """Write a message; return its id, None where its key was there."""
    row = await tx.fetch_row(
        "INSERT INTO consultation_message (id, created_at, consultation_id, author_kind, author, kind, content_cipher,"
        " dedupe_key, delivery) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (consultation_id, dedupe_key) DO NOTHING RETURNING id",
        new_id(),
        entry.at,
        consultation_id,
        entry.author_kind,
        entry.author,
        entry.kind,
        entry.content_cipher,
        entry.dedupe_key,
        entry.delivery,
    )
    return None if row is None else row["id"]


async def join_strangers(person: Person) -> int:
    """Give the threads that a person began before they signed in to them. Idempotent. Returns how many."""
    return await db.execute(
        "UPDATE consultation SET citizen_id = $1, identity_id = $2"
        " WHERE citizen_id IS NULL AND provider = $3 AND app_id = $4 AND subject = $5",
        person.citizen_id,
        person.identity_id,
        person.provider,
        person.app_id,
        person.subject,
    )


async def list_own(citizen_id: uuid.UUID, before: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """List a person's threads, newest first."""
    return await db.fetch_all(
        f"SELECT {COLUMNS} FROM consultation c WHERE c.citizen_id = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3",
        citizen_id,
        before or _LAST,
        limit,
    )


async def find_own(citizen_id: uuid.UUID, consultation_no: str) -> Row | None:
    """Find an own thread."""
    return await db.fetch_row(
        f"SELECT {COLUMNS} FROM consultation c WHERE c.citizen_id = $1 AND c.consultation_no = $2",
        citizen_id,
        consultation_no,
    )


async def list_entries(consultation_id: uuid.UUID, limit: int) -> Sequence[Row]:
    """List the newest messages of a thread, the oldest of them first."""
    rows = await db.fetch_all(
        "SELECT id, created_at, author_kind, author, kind, content_cipher, delivery, delivered_at"
        " FROM consultation_message WHERE consultation_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2",
        consultation_id,
        limit,
    )
    return list(reversed(rows))


async def mark_read(citizen_id: uuid.UUID, consultation_no: str) -> bool:
    """Note that the person has seen all answers; False where the thread is not theirs. Idempotent."""
    return bool(
        await db.execute(
            "UPDATE consultation SET unread = 0 WHERE citizen_id = $1 AND consultation_no = $2",
            citizen_id,
            consultation_no,
        )
    )


async def close_own(citizen_id: uuid.UUID, consultation_no: str, at: datetime) -> None:
    """End an own thread. Idempotent."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "UPDATE consultation SET status = 'CLOSED', closed_at = $3, unread = 0, version = version + 1,"
            " updated_at = $3 WHERE citizen_id = $1 AND consultation_no = $2 AND status <> 'CLOSED' RETURNING id",
            citizen_id,
            consultation_no,
            at,
        )
        if row is not None:
            tx.emit(DomainEvent(name="consultation.changed", subject_no=consultation_no, occurred_at=at))


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Give a merged person's threads to the person that stays. Idempotent."""
    await db.execute("UPDATE consultation SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id)


async def forget(before: datetime, limit: int) -> int:
    """Delete threads that nobody has touched since a moment, with their messages. Returns how many."""
    async with db.transaction() as tx:
        rows = await tx.fetch_all(
            "DELETE FROM consultation WHERE id IN (SELECT id FROM consultation WHERE updated_at < $1"
            " AND asked_at < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id",
            before,
            limit,
        )
        gone = [row["id"] for row in rows]
        await tx.execute("DELETE FROM consultation_message WHERE consultation_id = ANY($1)", gone)
    return len(gone)


async def _in_turn(tx: Transaction, whose: str) -> None:
    """Wait until no other transaction opens a thread of the same person: two messages of one moment are one thread."""
    await tx.fetch_row("SELECT pg_advisory_xact_lock(hashtextextended($1, 7))", whose)


async def _open(tx: Transaction, thread: NewThread, entry: NewEntry) -> None:
    consultation_id = new_id()
    await tx.execute(
        "INSERT INTO consultation (id, created_at, consultation_no, citizen_id, identity_id, provider, app_id, subject,"
        " application_no, item_code, division_code, department_code, title, status, officer, asked_at, unread, version,"
        " updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '', $2, 0, 1, $2)",
        consultation_id,
        entry.at,
        thread.consultation_no,
        thread.citizen_id,
        thread.identity_id,
        thread.provider,
        thread.app_id,
        thread.subject,
        thread.application_no,
        thread.item_code,
        thread.division_code,
        thread.department_code,
        thread.title,
        thread.status,
    )
    await add_entry(tx, consultation_id, entry)


def _asked(number: str, citizen_id: uuid.UUID | None, entry: NewEntry) -> DomainEvent:
    citizen = citizen_id.hex if citizen_id else ""
    return DomainEvent(
        name="consultation.asked", subject_no=number, citizen_id=citizen, occurred_at=entry.at, part=entry.dedupe_key
    )


_FIND_TAKEN = """SELECT c.consultation_no FROM consultation c JOIN consultation_message m ON m.consultation_id = c.id
WHERE c.provider = $1 AND c.app_id = $2 AND c.subject = $3 AND m.dedupe_key = $4 LIMIT 1"""
_FIND_GOING_ON = """SELECT id, consultation_no, citizen_id FROM consultation
WHERE provider = $1 AND app_id = $2 AND subject = $3 AND status <> 'CLOSED' ORDER BY id DESC LIMIT 1 FOR UPDATE"""
_ASK_AGAIN = """UPDATE consultation SET status = 'OPEN', asked_at = greatest(asked_at, $2), version = version + 1,
    updated_at = $2, citizen_id = coalesce(citizen_id, $3), identity_id = coalesce(identity_id, $4) WHERE id = $1"""
