"""The door of custody: printing results, who holds a document and how it came there, when a case's result arrived.

The delivery room shows it as `.custody`; the applications room calls it. Scope and ownership are the caller's business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app import clock, db
from app.db import Row, Transaction
from app.errors import Conflict
from services.delivery.custody import moves, repository
from services.delivery.custody.states import CARRIED, HOLDER_TEXT, KIND_TEXT, Holder, PieceKind, holder_after
from services.delivery.custody.types import HeldPiece, NewPiece, PieceChangeView, PieceView
from services.delivery.states import ShipmentStatus

_ELSEWHERE = (Holder.HANDED_OVER, Holder.COURIER, Holder.LOST)


class Custody:
    """Use cases of physical documents."""

    async def print_results(self, pieces: Sequence[NewPiece]) -> None:
        """Note that the physical results of one case lie printed at the window, the next copy where one was voided.

        A first copy whose parcel is under way already, because it was made before documents were kept track of, is
        where that parcel is. Idempotent: yes.
        """
        if not pieces:
            return
        now, subject_no = clock.now(), pieces[0].subject_no
        async with db.transaction() as tx:
            known = {row["code"]: row for row in await repository.list_copies(tx, subject_no, PieceKind.RESULT)}
            made = [_next_copy(piece, known.get(piece.code)) for piece in pieces]
            new = [piece for piece in made if piece is not None]
            await moves.make(tx, new, now)
            if not known:
                await self._follow_parcel(tx, subject_no, now)
            elif new:
                # Of a package: its parcel may have been made in the moment in which the case went on.
                shared = await repository.find_shared_parcel(tx, subject_no)
                if shared is not None:
                    await moves.put_in(tx, [subject_no], shared, now)

    async def of_case(self, subject_no: str) -> list[PieceView]:
        """Return the documents of a case with their chains."""
        return await _with_chains(await repository.list_of_subjects([subject_no]))

    async def of_licence(self, subject_no: str, licence_no: str) -> list[PieceView]:
        """Return the physical copies of a licence, which came from this case, with their chains."""
        return await _with_chains(await repository.list_of_licence(subject_no, licence_no))

    async def of_parcel(self, shipment_no: str) -> list[PieceView]:
        """Return what lies, or lay, in a parcel with the chains."""
        return await _with_chains(await repository.list_of_parcel(shipment_no))

    async def in_parcel(self, shipment_no: str) -> list[HeldPiece]:
        """Return what lies in a parcel now and counts."""
        return [
            HeldPiece(row["piece_no"], row["subject_no"], row["licence_no"], Holder(row["holder"]), row["kind"])
            for row in await repository.list_in_parcel(shipment_no)
        ]

    async def served_at(self, subject_no: str, signed_at: datetime | None = None) -> datetime | None:
        """Return when the results of a case reached the citizen, None while one has not: the moment of the signature
        for what came by parcel.

        Args:
            signed_at: what counts for a case of before documents were kept track of; None: its own parcel's.
        """
        arrivals = await repository.list_arrivals(subject_no)
        if not arrivals:
            return signed_at or await repository.last_signature(subject_no)
        if any(row["holder"] != Holder.CITIZEN for row in arrivals):
            return None
        latest: datetime = max(row["at"] for row in arrivals)
        return latest

    async def give_by_hand(self, tx: Transaction, subject_no: str, reason: str, actor: str) -> None:
        """Note, in the transaction of the act, that the citizen took the results of a case at the window.

        Raises: Conflict `held_elsewhere` where the window does not have them.
        """
        held = await tx.fetch_all(
            "SELECT holder FROM piece WHERE subject_no = $1 AND kind = 'RESULT' AND holder <> 'VOID' FOR UPDATE",
            subject_no,
        )
        elsewhere = next((row["holder"] for row in held if row["holder"] in _ELSEWHERE), None)
        if elsewhere is not None:
            raise Conflict(f"办理结果不在窗口：现由“{HOLDER_TEXT[elsewhere]}”保管", code="held_elsewhere")
        await moves.move_case(tx, subject_no, PieceKind.RESULT, Holder.CITIZEN, clock.now(), reason=reason, actor=actor)

    async def void(
        self, tx: Transaction, pieces: Sequence[HeldPiece], shipment_no: str, *, reason: str, actor: str
    ) -> None:
        """End copies that are made again, in the transaction that sends their case back to making. Idempotent."""
        await moves.void(tx, [piece.piece_no for piece in pieces], clock.now(), reason=reason, actor=actor)
        await repository.release_choices(tx, [piece.subject_no for piece in pieces], shipment_no)

    async def former_parcel(self, subject_no: str) -> str | None:
        """Return the parcel that the voided copy of a case lay in, while the next one waits to be sent; else None."""
        row = await repository.find_former_parcel(subject_no)
        return str(row["shipment_no"]) if row else None

    async def _follow_parcel(self, tx: Transaction, subject_no: str, at: datetime) -> None:
        parcel = await repository.find_parcel_under_way(tx, subject_no)
        if parcel is None:
            return
        await moves.put_in(tx, [subject_no], parcel["shipment_no"], at)
        status = ShipmentStatus(parcel["status"])
        to = holder_after(
            status,
            is_inbound=False,
            was_carried=status in CARRIED,
            was_handed_over=parcel["handed_over_at"] is not None,
        )
        await moves.move_parcel(tx, parcel["shipment_no"], to, parcel["last_event_at"] or at)


def _next_copy(piece: NewPiece, last: Row | None) -> NewPiece | None:
    if last is None:
        return piece
    return replace(piece, copy=last["copy"] + 1) if last["holder"] == Holder.VOID else None


async def _with_chains(rows: Sequence[Row]) -> list[PieceView]:
    chains: dict[object, list[PieceChangeView]] = defaultdict(list)
    for row in await repository.list_changes([row["id"] for row in rows]) if rows else ():
        chains[row["piece_id"]].append(
            PieceChangeView(
                occurred_at=clock.rfc3339(row["occurred_at"]),
                from_holder=row["from_holder"],
                to_holder=row["to_holder"],
                to_holder_text=HOLDER_TEXT[row["to_holder"]],
                shipment_no=row["shipment_no"],
                reason=row["reason"],
                actor=row["actor"],
            )
        )
    return [
        PieceView(
            piece_no=row["piece_no"],
            application_no=row["subject_no"],
            kind=row["kind"],
            kind_text=KIND_TEXT[row["kind"]],
            title=row["title"],
            copy=row["copy"],
            licence_no=row["licence_no"],
            holder=row["holder"],
            holder_text=HOLDER_TEXT[row["holder"]],
            held_since=clock.rfc3339(row["held_since"]),
            shipment_no=row["shipment_no"],
            changes=chains[row["id"]],
        )
        for row in rows
    ]
