"""Queries of documents and of how they came to their holders. What moves them is in moves.py."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from app import db
from app.db import Row, Transaction
from services.delivery.mailing.going_back import GOING_BACK

_COLUMNS = """p.id, p.piece_no, p.subject_no, p.division_code, p.department_code, p.kind, p.code, p.title, p.copy,
    p.licence_no, p.holder, p.held_since, p.shipment_no"""
_MOST = 200
_FOR_WANT_OF_AN_ADDRESS = """p.holder = 'WINDOW' AND p.shipment_no = '' AND p.kind = 'RESULT'
    AND EXISTS (SELECT 1 FROM delivery_choice c WHERE c.subject_no = p.subject_no AND c.method = 'COURIER')
    AND EXISTS (SELECT 1 FROM piece g WHERE g.subject_no = p.subject_no AND g.kind = p.kind AND g.code = p.code
                AND g.copy = p.copy - 1 AND g.holder = 'VOID' AND g.shipment_no = s.shipment_no)
    AND s.receiver_cipher IS NULL"""
"""A copy `p` that was made again lies at the window, while the address of its former parcel `s` is forgotten."""


async def list_of_subjects(subject_nos: Sequence[str]) -> Sequence[Row]:
    """Return the documents of cases, first copies first."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM piece p WHERE subject_no = ANY($1) ORDER BY p.id LIMIT {_MOST}", list(subject_nos)
    )


async def list_of_licence(subject_no: str, licence_no: str) -> Sequence[Row]:
    """Return the copies of one licence, which came from this case."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM piece p WHERE subject_no = $1 AND licence_no = $2 ORDER BY p.id",
        subject_no,
        licence_no,
    )


async def list_of_parcel(shipment_no: str) -> Sequence[Row]:
    """Return what lies in a parcel, and what lay in it before it was taken out."""
    return await db.fetch_all(
        f"""SELECT {_COLUMNS} FROM piece p WHERE p.shipment_no = $1
                OR p.id IN (SELECT piece_id FROM piece_change WHERE shipment_no = $1) ORDER BY p.id LIMIT {_MOST}""",
        shipment_no,
    )


async def list_in_parcel(shipment_no: str) -> Sequence[Row]:
    """Return what lies in a parcel now and counts."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM piece p WHERE p.shipment_no = $1 AND p.holder <> 'VOID' ORDER BY p.id", shipment_no
    )


async def list_changes(piece_ids: Sequence[uuid.UUID]) -> Sequence[Row]:
    """Return how documents came to their holders, oldest first."""
    return await db.fetch_all(
        "SELECT piece_id, version, from_holder, to_holder, occurred_at, shipment_no, reason, actor FROM piece_change"
        " WHERE piece_id = ANY($1) ORDER BY piece_id, version",
        list(piece_ids),
    )


async def list_copies(tx: Transaction, subject_no: str, kind: str) -> Sequence[Row]:
    """Return the newest copy of each document of a case, locked."""
    return await tx.fetch_all(
        "SELECT code, copy, holder FROM piece WHERE subject_no = $1 AND kind = $2 ORDER BY code, copy FOR UPDATE",
        subject_no,
        kind,
    )


async def find_parcel_under_way(tx: Transaction, subject_no: str) -> Row | None:
    """Return the outbound parcel of a case that is neither withdrawn, back nor lost; its own or the shared one."""
    return await tx.fetch_row(
        """SELECT s.id, s.shipment_no, s.status, s.handed_over_at, s.last_event_at FROM shipment s
           WHERE s.leg = 'OUTBOUND' AND s.status NOT IN ('CANCELLED', 'RETURNED', 'LOST') AND s.cargo <> $2
               AND (s.subject_no = $1
                    OR s.shipment_no = (SELECT together_no FROM delivery_choice WHERE subject_no = $1))
           ORDER BY s.id DESC LIMIT 1""",
        subject_no,
        GOING_BACK,
    )


async def list_arrivals(subject_no: str) -> Sequence[Row]:
    """Return holder and moment of each result of a case that counts: that of the signature where it came by parcel."""
    return await db.fetch_all(
        """SELECT p.holder, COALESCE(s.delivered_at, p.held_since) AS at FROM piece p
           LEFT JOIN shipment s ON s.shipment_no = p.shipment_no AND p.shipment_no <> ''
           WHERE p.subject_no = $1 AND p.kind = 'RESULT' AND p.holder <> 'VOID'""",
        subject_no,
    )


async def last_signature(subject_no: str) -> datetime | None:
    """Return when the newest outbound parcel of a case was signed for."""
    row = await db.fetch_row(
        "SELECT max(delivered_at) AS at FROM shipment WHERE subject_no = $1 AND leg = 'OUTBOUND'"
        " AND status = 'DELIVERED' AND cargo <> $2",
        subject_no,
        GOING_BACK,
    )
    at: datetime | None = row["at"] if row else None
    return at


async def find_former_parcel(subject_no: str) -> Row | None:
    """Return the parcel of its own that the voided copy of a case lay in, while the next copy lies at the window."""
    return await db.fetch_row(
        """SELECT s.shipment_no, s.status FROM piece live
           JOIN piece gone ON gone.subject_no = live.subject_no AND gone.kind = live.kind AND gone.code = live.code
               AND gone.holder = 'VOID' AND gone.shipment_no <> ''
           JOIN shipment s ON s.shipment_no = gone.shipment_no AND s.subject_no = live.subject_no
           WHERE live.subject_no = $1 AND live.kind = 'RESULT' AND live.holder = 'WINDOW' AND live.shipment_no = ''
           ORDER BY gone.id DESC LIMIT 1""",
        subject_no,
    )


async def release_choices(tx: Transaction, subject_nos: Sequence[str], shipment_no: str) -> None:
    """Let results that shared a parcel wait for a further shared one."""
    await tx.execute(
        "UPDATE delivery_choice c SET together_no = s.subject_no FROM shipment s"
        " WHERE s.shipment_no = $2 AND c.together_no = $2 AND c.subject_no = ANY($1)",
        list(subject_nos),
        shipment_no,
    )


async def list_came_back(shipment_no: str) -> Sequence[Row]:
    """Return the results that came back with a parcel, never left with it, or were made again and have no address."""
    return await db.fetch_all(
        f"""SELECT {_COLUMNS}, p.citizen_id, false AS remade
            FROM shipment s JOIN piece p ON p.shipment_no = s.shipment_no
            WHERE s.shipment_no = $1 AND p.kind = 'RESULT' AND s.leg = 'OUTBOUND'
                AND (p.holder = 'RETURNED' OR (p.holder = 'WINDOW' AND s.status = 'CANCELLED'))
            UNION ALL
            SELECT {_COLUMNS}, p.citizen_id, true FROM shipment s
            JOIN piece p ON p.subject_no IN (SELECT subject_no FROM piece WHERE shipment_no = s.shipment_no)
            WHERE s.shipment_no = $1 AND {_FOR_WANT_OF_AN_ADDRESS} ORDER BY id""",
        shipment_no,
    )


async def lock_to_take_out(tx: Transaction, shipment_no: str) -> Sequence[Row]:
    """Lock what waits for another way than a parcel and turn its cases' way to the counter; return the documents."""
    await _lock_results(tx, shipment_no)
    pieces = await tx.fetch_all(
        f"""SELECT p.id, p.version, p.holder, p.shipment_no, p.subject_no FROM shipment s JOIN piece p
                ON p.subject_no IN (SELECT subject_no FROM piece WHERE shipment_no = s.shipment_no)
            WHERE s.shipment_no = $1 AND p.kind = 'RESULT'
              AND (p.shipment_no = s.shipment_no AND p.holder IN ('RETURNED', 'WINDOW') OR {_FOR_WANT_OF_AN_ADDRESS})
            ORDER BY p.id""",
        shipment_no,
    )
    await tx.execute(
        "UPDATE delivery_choice SET method = 'COUNTER', together_no = '' WHERE subject_no = ANY($1)",
        [piece["subject_no"] for piece in pieces],
    )
    return pieces


async def lock_left(tx: Transaction, shipment_no: str) -> bool:
    """Lock the results that lay in a parcel; tell whether all of them that count go another way by now."""
    if not await _lock_results(tx, shipment_no):
        return False
    # A statement of its own: it sees what whoever held the rows before has done.
    to_go = await tx.fetch_row(
        """SELECT 1 FROM piece p LEFT JOIN delivery_choice c ON c.subject_no = p.subject_no
           WHERE p.kind = 'RESULT' AND p.holder <> 'VOID'
             AND p.subject_no IN (SELECT subject_no FROM piece q JOIN piece_change x ON x.piece_id = q.id
                                  WHERE x.shipment_no = $1)
             AND (p.shipment_no = $1 OR p.shipment_no = '' AND p.holder = 'WINDOW' AND c.method = 'COURIER') LIMIT 1""",
        shipment_no,
    )
    return to_go is None


async def _lock_results(tx: Transaction, shipment_no: str) -> int:
    """Hold the results that count of the cases of which something lies, or lay, in a parcel; return how many."""
    rows = await tx.fetch_all(
        """SELECT id FROM piece WHERE kind = 'RESULT' AND holder <> 'VOID'
             AND subject_no IN (SELECT subject_no FROM piece q JOIN piece_change x ON x.piece_id = q.id
                                WHERE x.shipment_no = $1) ORDER BY id FOR UPDATE""",
        shipment_no,
    )
    return len(rows)


async def list_for_want_of_an_address(subject_nos: Sequence[str]) -> Sequence[Row]:
    """Return the lost or spoilt parcels of cases whose next copy waits, because nobody knows where to send it."""
    return await db.fetch_all(
        f"""SELECT DISTINCT s.id, s.shipment_no, s.subject_no, s.division_code, s.department_code
            FROM piece p JOIN piece o ON o.subject_no = p.subject_no
            JOIN shipment s ON s.shipment_no = o.shipment_no AND o.shipment_no <> ''
            WHERE p.subject_no = ANY($1) AND {_FOR_WANT_OF_AN_ADDRESS}""",
        list(subject_nos),
    )


async def is_remade(subject_nos: Sequence[str]) -> bool:
    """Tell whether a result that waits at the window to be sent was made again."""
    row = await db.fetch_row(
        "SELECT 1 FROM piece WHERE subject_no = ANY($1) AND kind = 'RESULT' AND holder = 'WINDOW' AND shipment_no = ''"
        " AND copy > 1 LIMIT 1",
        list(subject_nos),
    )
    return row is not None


async def find_shared_parcel(tx: Transaction, subject_no: str) -> str | None:
    """Return the shared parcel that the result of a case was put down for, before the document was there."""
    row = await tx.fetch_row(
        """SELECT s.shipment_no FROM delivery_choice c JOIN shipment s ON s.shipment_no = c.together_no
           WHERE c.subject_no = $1 AND c.method = 'COURIER' AND s.picked_up_at IS NULL AND s.status <> 'CANCELLED'""",
        subject_no,
    )
    return str(row["shipment_no"]) if row else None


async def find_parcel(shipment_no: str) -> Row | None:
    """Return what a way after a return has to know of a parcel, and which parcel follows it."""
    return await db.fetch_row(
        """SELECT s.id, s.shipment_no, s.subject_no, s.citizen_id, s.status, s.receiver_shown, s.payer,
               COALESCE((SELECT n.shipment_no FROM shipment n WHERE n.replaces_no = s.shipment_no
                         ORDER BY n.id DESC LIMIT 1), '') AS followed_by,
               EXISTS (SELECT 1 FROM piece_change c JOIN piece p ON p.id = c.piece_id
                       WHERE c.shipment_no = s.shipment_no AND p.kind = 'RESULT' AND p.holder <> 'VOID'
                         AND p.shipment_no = '') AS taken_out
           FROM shipment s WHERE s.shipment_no = $1""",
        shipment_no,
    )
