"""A certificate that was lost or spoilt on its way: its number ends, its case makes the next copy, the citizen is told.

Called when a courier admits a loss, and by staff who settle a task. Every step looks at what stands now, so that a
repeat goes on where an interrupted try stopped: the licence ends first, then the case goes back and the copy is void.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import structlog

from app.errors import StaleVersion
from services.applications import moves, repository
from services.applications.parts import Parts
from services.applications.states import Act, may_reissue
from services.applications.types import Actor, ActorKind
from services.delivery.custody.types import HeldPiece, Holder, PieceKind

_HOUSE = Actor(ActorKind.SYSTEM)
_HOUSE_NAME = "系统"
_CAUSES = {True: "遗失", False: "毁损"}
log = structlog.get_logger()


class Reissuing:
    """Sends cases back to making."""

    def __init__(self, parts: Parts) -> None:
        self._delivery, self._licences = parts.delivery, parts.licences

    async def reissue(self, shipment_no: str, *, is_lost: bool, actor: Actor = _HOUSE) -> int:
        """Have everything made again that was lost, or spoilt, in a parcel; return how many cases went back.

        Idempotent: yes. What its body has ended meanwhile is not made again; such a document stays as it is.
        Raises: StaleVersion when a case keeps moving; the job runs again.
        """
        by_case: dict[str, list[HeldPiece]] = defaultdict(list)
        for piece in await self._delivery.custody.in_parcel(shipment_no):
            if piece.kind == PieceKind.RESULT and (piece.holder is Holder.LOST or not is_lost):
                by_case[piece.subject_no].append(piece)
        return sum(
            [await self._send_back(number, by_case[number], shipment_no, is_lost, actor) for number in sorted(by_case)]
        )

    async def _send_back(
        self, application_no: str, pieces: Sequence[HeldPiece], shipment_no: str, is_lost: bool, actor: Actor
    ) -> bool:
        row = await repository.find_case(application_no)
        if row is None or not may_reissue(row["status"], row["outcome"]):
            log.warning("case_not_reissued", application_no=application_no, shipment_no=shipment_no)
            return False
        cause = _CAUSES[is_lost]
        reason = f"证照在寄送途中{cause}，作废后由原办件补发（快递{shipment_no}）"
        by = actor.id or _HOUSE_NAME
        remade = [
            piece
            for piece in pieces
            if not piece.licence_no or await self._licences.remaking.void(piece.licence_no, reason=reason, actor=by)
        ]
        if not remade:
            return False
        move = moves.planned(
            row,
            Act.REISSUE,
            actor,
            told=f"证照在寄送途中{cause}，原证照已作废，正在重新制作",
            facts={"cause": cause},
            sets={"closed_at": None},
            also=partial(
                self._delivery.custody.void, pieces=remade, shipment_no=shipment_no, reason=reason, actor=actor.id
            ),
        )
        if await repository.advance(move) is None:
            raise StaleVersion
        return True
