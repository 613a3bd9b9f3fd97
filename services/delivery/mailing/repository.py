"""Queries of mailings: asked for, sent, received; each write is one transaction with its event and record."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec

from app import db
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.delivery.custody import moves
from services.delivery.custody.states import Holder, PieceKind
from services.delivery.custody.types import NewPiece
from services.delivery.mailing.types import Content, NewMailing, Record
from services.delivery.tasks.facts import Subject
from services.delivery.tasks.opening import close_task, open_task
from services.delivery.tasks.states import Outcome, TaskKind

_COLUMNS = """m.id, m.subject_no, m.citizen_id, m.division_code, m.department_code, m.contents, m.status, m.asked_at,
    m.shipment_no, m.received_at, m.condition, m.condition_note, m.version, m.updated_at"""
_FIRST_ID = uuid.UUID(int=0)
_HERE = ("WINDOW", "RETURNED")


async def ask(new: NewMailing, at: datetime, event: DomainEvent) -> None:
    """Ask for the originals of a case, anew where an earlier asking had ended with the case. Idempotent: yes."""
    async with db.transaction() as tx:
        asked = await tx.fetch_row(
            """INSERT INTO mailing AS m (id, created_at, subject_no, citizen_id, division_code, department_code,
                   contents, status, asked_at, shipment_no, received_by, condition, condition_note, version, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, 'ASKED', $2, '', '', '', '', 1, $2)
               ON CONFLICT (subject_no) DO UPDATE SET status = 'ASKED', contents = EXCLUDED.contents,
                   asked_at = EXCLUDED.asked_at, version = m.version + 1, updated_at = EXCLUDED.updated_at
               WHERE m.status = 'ENDED' RETURNING m.id""",
            new_id(),
            at,
            new.subject_no,
            new.citizen_id,
            new.division_code,
            new.department_code,
            db.json_text(new.contents),
        )
        if asked is not None:
            tx.emit(event)


async def find(subject_no: str) -> Row | None:
    """Return the mailing of a case."""
    return await db.fetch_row(f"SELECT {_COLUMNS} FROM mailing m WHERE m.subject_no = $1", subject_no)


async def list_of(subject_nos: Sequence[str]) -> Sequence[Row]:
    """Return the mailings of some cases."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM mailing m WHERE m.subject_no = ANY($1::text[])", list(subject_nos)
    )


async def list_page(
    divisions: Sequence[str],
    departments: Sequence[str],
    statuses: Sequence[str],
    after: uuid.UUID | None,
    limit: int,
) -> Sequence[Row]:
    """Return mailings in scope with their parcels, oldest first."""
    return await db.fetch_all(
        f"""SELECT {_COLUMNS}, COALESCE(s.carrier, '') AS carrier, COALESCE(s.waybill_no, '') AS waybill_no,
                COALESCE(s.status, '') AS shipment_status
            FROM mailing m LEFT JOIN shipment s ON s.shipment_no = m.shipment_no AND m.shipment_no <> ''
            WHERE m.division_code LIKE ANY($1) AND (cardinality($2::text[]) = 0 OR m.department_code = ANY($2))
              AND m.status = ANY($3) AND m.id > $4 ORDER BY m.id LIMIT $5""",
        [f"{prefix}%" for prefix in divisions],
        list(departments),
        list(statuses),
        after or _FIRST_ID,
        limit,
    )


async def find_by_waybill(number: str) -> Sequence[str]:
    """Return the cases whose parcels to the window carry a number: ours, or the carrier's."""
    rows = await db.fetch_all(
        """SELECT DISTINCT s.subject_no FROM shipment s LEFT JOIN shipment_waybill w ON w.shipment_id = s.id
           WHERE s.leg = 'INBOUND' AND (s.shipment_no = $1 OR s.waybill_no = $1 OR w.waybill_no = $1) LIMIT 5""",
        number,
    )
    return [row["subject_no"] for row in rows]


async def find_parcel(shipment_no: str) -> Row | None:
    """Return what a mailing must know of its parcel."""
    return await db.fetch_row("SELECT shipment_no, is_own, status FROM shipment WHERE shipment_no = $1", shipment_no)


async def count_earlier(subject_no: str) -> int:
    """Count the parcels of a case that came, or will never come; each further one has a name of its own."""
    row = await db.fetch_row(
        "SELECT count(*) AS parcels FROM shipment WHERE subject_no = $1 AND leg = 'INBOUND' AND status <> 'CANCELLED'",
        subject_no,
    )
    return int(row["parcels"]) if row else 0


async def claim(row: Row) -> bool:
    """Take a mailing that is asked for, so that nobody else makes a parcel of it meanwhile."""
    taken = await db.execute(
        """UPDATE mailing SET status = 'SENT', shipment_no = '', version = version + 1, updated_at = now()
           WHERE id = $1 AND version = $2 AND status = 'ASKED'""",
        row["id"],
        row["version"],
    )
    return taken == 1


async def release(row: Row) -> None:
    """Give a claimed mailing back, because no parcel came of it. Idempotent."""
    await db.execute(
        """UPDATE mailing SET status = 'ASKED', version = version + 1, updated_at = now()
           WHERE id = $1 AND status = 'SENT' AND shipment_no = ''""",
        row["id"],
    )


async def sent(row: Row, shipment_no: str, at: datetime, event: DomainEvent | None) -> bool:
    """Note the parcel of a mailing and put its originals in; False where it ended meanwhile. Idempotent: yes."""
    async with db.transaction() as tx:
        noted = await tx.execute(
            """UPDATE mailing SET status = 'SENT', shipment_no = $2, version = version + 1, updated_at = $3
               WHERE id = $1 AND status IN ('ASKED', 'SENT') AND shipment_no = ''""",
            row["id"],
            shipment_no,
            at,
        )
        if noted == 0:
            own = "SELECT 1 FROM mailing WHERE id = $1 AND shipment_no = $2"
            return await tx.fetch_row(own, row["id"], shipment_no) is not None
        await moves.make(tx, _pieces(row, Holder.CITIZEN), at)
        await moves.put_in(tx, [row["subject_no"]], shipment_no, at, kind=PieceKind.ORIGINAL)
        if event is not None:
            tx.emit(event)
    return True


async def unlink(tx: Transaction, shipment_no: str, at: datetime) -> Row | None:
    """Ask for the originals again, whose parcel will not come; None where it is nobody's, or another goes instead."""
    instead = await tx.fetch_row(
        "SELECT shipment_no FROM shipment WHERE replaces_no = $1 AND status <> 'CANCELLED' LIMIT 1", shipment_no
    )
    if instead is not None:
        await tx.execute(
            """UPDATE mailing SET shipment_no = $2, version = version + 1, updated_at = $3
               WHERE shipment_no = $1 AND status = 'SENT'""",
            shipment_no,
            instead["shipment_no"],
            at,
        )
        return None
    return await tx.fetch_row(
        f"""UPDATE mailing m SET status = 'ASKED', shipment_no = '', version = version + 1, updated_at = $2
            WHERE m.shipment_no = $1 AND m.status = 'SENT' RETURNING {_COLUMNS}""",
        shipment_no,
        at,
    )


async def relink(tx: Transaction, subject_no: str, shipment_no: str, at: datetime) -> None:
    """Take a parcel back that was given up and goes on all the same; not a number that was only typed."""
    await tx.execute(
        """UPDATE mailing SET status = 'SENT', shipment_no = $2::text, version = version + 1, updated_at = $3
           WHERE subject_no = $1 AND status = 'ASKED' AND shipment_no = ''
             AND EXISTS (SELECT 1 FROM shipment WHERE shipment_no = $2::text AND NOT is_own)""",
        subject_no,
        shipment_no,
        at,
    )


async def lock(tx: Transaction, subject_no: str) -> Row | None:
    """Return the mailing of a case with the id of its parcel, and hold it until the transaction ends."""
    return await tx.fetch_row(
        f"""SELECT {_COLUMNS}, (SELECT s.id FROM shipment s WHERE s.shipment_no = m.shipment_no AND m.shipment_no <> '')
                AS shipment_id FROM mailing m WHERE m.subject_no = $1 FOR UPDATE OF m""",
        subject_no,
    )


async def settle(
    tx: Transaction, row: Row, status: str, at: datetime, by: str, condition: str = "", note: str = ""
) -> None:
    """End a locked mailing, or ask again."""
    await tx.execute(
        """UPDATE mailing SET status = $2::text, received_at = $3, received_by = $4, condition = $5,
               condition_note = $6, shipment_no = CASE WHEN $2::text = 'ASKED' THEN '' ELSE shipment_no END,
               version = version + 1, updated_at = $7 WHERE id = $1""",
        row["id"],
        status,
        at if status in ("RECEIVED", "BROUGHT") else None,
        by,
        condition,
        note[:300],
        at,
    )


async def at_window(tx: Transaction, row: Row, at: datetime, by: str, reason: str) -> None:
    """Note that the originals of a mailing are at the window."""
    await moves.make(tx, _pieces(row, Holder.WINDOW), at, actor=by)
    await moves.move_case(tx, row["subject_no"], PieceKind.ORIGINAL, Holder.WINDOW, at, reason=reason, actor=by)


async def give_back(
    subject_no: str,
    at: datetime,
    by: str,
    reason: str,
    event: DomainEvent,
    *,
    at_hand: Callable[[Transaction], Awaitable[None]],
    record: Record,
) -> int:
    """Note that originals at the window, also such as came back with a parcel, were given back in person.

    Returns how many; what asked for it is settled with them.

    Args:
        at_hand: refuses, under the lock of the mailing, what is about to go by parcel.
    """
    async with db.transaction() as tx:
        row = await lock(tx, subject_no)  # before its documents, as whoever receives them
        await at_hand(tx)
        held = await tx.fetch_all(
            "SELECT holder FROM piece WHERE subject_no = $1 AND kind = 'ORIGINAL' ORDER BY id FOR UPDATE", subject_no
        )
        if not any(each["holder"] in _HERE for each in held):
            return 0
        given = await moves.move_case(tx, subject_no, PieceKind.ORIGINAL, Holder.CITIZEN, at, reason=reason, actor=by)
        if row is not None:
            await close_task(tx, row["id"], (TaskKind.ORIGINALS,), Outcome.CONFIRMED, by)
        tx.emit(event)
        await record(tx)
        return given


async def ask_to_give_back(subject_no: str, reason: str) -> None:
    """Have staff give back what lies at the window of a case that ended. Idempotent: one open task a case."""
    async with db.transaction() as tx:
        row = await lock(tx, subject_no)
        here = await tx.fetch_row(
            "SELECT 1 FROM piece WHERE subject_no = $1 AND kind = 'ORIGINAL' AND holder = ANY($2) AND shipment_no = ''",
            subject_no,
            list(_HERE),
        )
        if row is not None and here is not None:
            case = Subject(row["id"], "", subject_no, row["division_code"], row["department_code"])
            await open_task(tx, case, TaskKind.ORIGINALS, reason)


async def end(row: Row, at: datetime) -> None:
    """End a mailing with its case. Idempotent."""
    await db.execute(
        """UPDATE mailing SET status = 'ENDED', version = version + 1, updated_at = $2
           WHERE id = $1 AND status IN ('ASKED', 'SENT')""",
        row["id"],
        at,
    )


async def list_claimed(before: datetime, limit: int) -> Sequence[Row]:
    """Return mailings that were claimed and whose parcel was never noted, with the parcel where there is one."""
    return await db.fetch_all(
        f"""SELECT {_COLUMNS}, (SELECT s.shipment_no FROM shipment s WHERE s.subject_no = m.subject_no
                AND s.leg = 'INBOUND' AND s.status NOT IN ('CANCELLED', 'RETURNED', 'LOST', 'DELIVERED')
                ORDER BY s.id DESC LIMIT 1)
                AS made_no
            FROM mailing m WHERE m.status = 'SENT' AND m.shipment_no = '' AND m.updated_at < $1 LIMIT $2""",
        before,
        limit,
    )


def contents_of(row: Row) -> list[Content]:
    """Return the originals that a mailing is about."""
    return msgspec.json.decode(row["contents"], type=list[Content])


def _pieces(row: Row, holder: Holder) -> list[NewPiece]:
    return [
        NewPiece(
            subject_no=row["subject_no"],
            citizen_id=row["citizen_id"],
            division_code=row["division_code"],
            department_code=row["department_code"],
            code=content.code,
            title=content.name,
            kind=PieceKind.ORIGINAL,
            holder=holder,
        )
        for content in contents_of(row)
    ]
