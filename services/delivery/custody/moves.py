"""Moving documents from holder to holder, inside the transaction of whatever moves them.

Called by tracking's followers, the hand-over, collections and mailings. Each change is one row of the chain; rows
are locked in the order of their ids and written by compare-and-set, so that no document has two holders.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.db import Row, Transaction
from app.ids import dated_no, new_id
from services.delivery.custody.states import GIVEN_OUT, Holder, PieceKind
from services.delivery.custody.types import NewPiece

_ENDED = (Holder.VOID.value, Holder.LOST.value)
_MOST_WORDS = 200


async def make(tx: Transaction, pieces: Sequence[NewPiece], at: datetime, *, actor: str = "") -> None:
    """Begin to keep track of documents. Idempotent: yes, by case, kind, code and copy.

    A copy is not made while an earlier one counts: at most one of a document does.
    """
    for piece in pieces:
        made = await tx.fetch_row(
            """INSERT INTO piece (id, created_at, piece_no, subject_no, citizen_id, division_code, department_code,
                   kind, code, title, copy, licence_no, holder, shipment_no, held_since, version, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', $2, 1, $2)
               ON CONFLICT DO NOTHING RETURNING id, version, shipment_no""",
            new_id(),
            at,
            dated_no("ZJ", at, 12),
            piece.subject_no,
            piece.citizen_id,
            piece.division_code,
            piece.department_code,
            piece.kind.value,
            piece.code,
            piece.title[:100],
            piece.copy,
            piece.licence_no,
            piece.holder.value,
        )
        if made is not None:
            await _note(tx, made, "", piece.holder, at, f"第{piece.copy}份" if piece.copy > 1 else "", actor)


async def put_in(
    tx: Transaction,
    subject_nos: Sequence[str],
    shipment_no: str,
    at: datetime,
    *,
    kind: PieceKind = PieceKind.RESULT,
    actor: str = "",
) -> int:
    """Put the documents of these cases in a parcel that is not on its way yet; return how many.

    Only what its sender has: results at the window with the originals that go back, originals with the citizen.
    Idempotent: yes.
    """
    is_ours = kind is PieceKind.RESULT
    with_sender = [Holder.WINDOW, Holder.RETURNED] if is_ours else [Holder.CITIZEN]
    pieces = await tx.fetch_all(
        "SELECT id, version, holder FROM piece WHERE subject_no = ANY($1) AND kind = ANY($2)"
        " AND holder = ANY($3) AND shipment_no <> $4 ORDER BY id FOR UPDATE",
        list(subject_nos),
        [each.value for each in PieceKind] if is_ours else [kind.value],
        [holder.value for holder in with_sender],
        shipment_no,
    )
    for piece in pieces:
        await _move(tx, piece, Holder(piece["holder"]), at, f"装入快递{shipment_no}", actor, shipment_no)
    return len(pieces)


async def move_parcel(
    tx: Transaction, shipment_no: str, to: Holder, at: datetime, *, reason: str = "", actor: str = ""
) -> int:
    """Move everything that lies in a parcel; return how many documents changed their holder.

    What was voided, or taken out by hand, stays. Idempotent: yes, by the holder.
    """
    pieces = await tx.fetch_all(
        "SELECT id, version, holder, shipment_no FROM piece WHERE shipment_no = $1 AND holder <> $2"
        " AND holder <> 'VOID' ORDER BY id FOR UPDATE",
        shipment_no,
        to.value,
    )
    for piece in pieces:
        await _move(tx, piece, to, at, reason, actor, shipment_no)
    return len(pieces)


async def move_case(
    tx: Transaction,
    subject_no: str,
    kind: PieceKind,
    to: Holder,
    at: datetime,
    *,
    reason: str = "",
    actor: str = "",
) -> int:
    """Move the documents of one kind of a case by hand, out of whatever parcel they lay in; return how many.

    Lost and voided ones stay. Idempotent: yes, by the holder.
    """
    pieces = await tx.fetch_all(
        "SELECT id, version, holder, shipment_no FROM piece WHERE subject_no = $1 AND kind = $2"
        " AND holder <> $3 AND holder <> ALL($4) ORDER BY id FOR UPDATE",
        subject_no,
        kind.value,
        to.value,
        list(_ENDED),
    )
    for piece in pieces:
        await _move(tx, piece, to, at, reason, actor, "" if to in GIVEN_OUT else piece["shipment_no"])
    return len(pieces)


async def void(tx: Transaction, piece_nos: Sequence[str], at: datetime, *, reason: str, actor: str = "") -> int:
    """End copies that are made again; return how many. Idempotent: yes, by the holder."""
    pieces = await tx.fetch_all(
        "SELECT id, version, holder, shipment_no FROM piece WHERE piece_no = ANY($1) AND holder <> 'VOID'"
        " ORDER BY id FOR UPDATE",
        list(piece_nos),
    )
    for piece in pieces:
        await _move(tx, piece, Holder.VOID, at, reason, actor, piece["shipment_no"])
    return len(pieces)


async def take_out(tx: Transaction, pieces: Sequence[Row], at: datetime, *, reason: str, actor: str = "") -> None:
    """Lay locked documents at the window, out of the parcel that they came back in."""
    for piece in pieces:
        await _move(tx, piece, Holder.WINDOW, at, reason, actor, "")


async def _move(
    tx: Transaction, piece: Row, to: Holder, at: datetime, reason: str, actor: str, shipment_no: str
) -> None:
    # A courier's clock may be behind ours: nobody holds a document before whoever had it until then.
    row = await tx.fetch_row(
        """UPDATE piece SET holder = $3::text, shipment_no = $4, version = version + 1,
               updated_at = GREATEST(updated_at, $5::timestamptz),
               held_since = CASE WHEN holder = $3::text THEN held_since
                                 ELSE GREATEST(updated_at, $5::timestamptz) END
           WHERE id = $1 AND version = $2 RETURNING id, version, shipment_no, updated_at""",
        piece["id"],
        piece["version"],
        to.value,
        shipment_no,
        at,
    )
    assert row is not None, "the row is locked"
    await _note(tx, row, piece["holder"], to, row["updated_at"], reason, actor)


async def _note(
    tx: Transaction, piece: Row, from_holder: str, to: Holder, at: datetime, reason: str, actor: str
) -> None:
    await tx.execute(
        """INSERT INTO piece_change (id, created_at, piece_id, version, from_holder, to_holder, occurred_at,
               shipment_no, reason, actor)
           VALUES ($1, now(), $2, $3, $4, $5, $6, $7, $8, $9)""",
        new_id(),
        piece["id"],
        piece["version"],
        from_holder,
        to.value,
        at,
        piece["shipment_no"],
        reason[:_MOST_WORDS],
        actor,
    )
