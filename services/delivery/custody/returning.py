"""Results that came back (退回): which ways are open, and fetching them at the window instead.

The delivery room shows it as `.returning`; the applications room calls it, for the way belongs to a case. Sending
once more is the booking part's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence

from app import clock, db
from app.db import Row, Transaction
from app.errors import Conflict, NotFound
from services.delivery.custody import moves, repository
from services.delivery.custody.types import CameBack
from services.delivery.states import ShipmentStatus
from services.delivery.tasks.facts import Subject
from services.delivery.tasks.opening import close_task, open_task
from services.delivery.tasks.states import SETTLED_ELSEWHERE, Outcome, TaskKind
from services.delivery.tracking.recording import Recorder
from services.delivery.types import CourierEvent

_NO_ADDRESS = (
    "补发的证照已制好，原收件地址已按规定清除：请联系申请人在三晋通该快递的“重新寄送”中选择地址，或改为窗口领取"
)
_REMADE = (TaskKind.LOST, TaskKind.DAMAGED)
Record = Callable[[Transaction], Awaitable[None]]


class Returning:
    """Use cases of results that came back, or never will. Ownership and scope are the caller's business."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def note_lost(self, shipment_no: str) -> None:
        """Note that a parcel is lost by the courier's written word, which two of the staff have looked at.

        Whatever the courier tells of it later counts again. Idempotent: yes, a lost one stays as it is.
        """
        parcel, now = await _parcel(shipment_no), clock.now()
        if parcel["status"] == ShipmentStatus.LOST:
            return
        event = CourierEvent(
            shipment_no=shipment_no,
            waybill_no="",
            event_key=hashlib.sha256(f"ours|{shipment_no}|LOST|{now.isoformat()}".encode()).hexdigest(),
            occurred_at=now,
            code="DECLARED",
            status=ShipmentStatus.LOST,
            text="快递公司书面确认快件丢失",
        )
        await self._recorder.record(shipment_no, [event], confirmed=True)

    async def find(self, shipment_no: str) -> CameBack:
        """Return which results of a parcel wait for another way. Raises: NotFound."""
        parcel = await _parcel(shipment_no)
        rows = await repository.list_came_back(shipment_no)
        return CameBack(
            shipment_no=shipment_no,
            subject_no=parcel["subject_no"],
            subject_nos=tuple(sorted({row["subject_no"] for row in rows})),
            receiver_shown=parcel["receiver_shown"],
            payer=parcel["payer"],
            followed_by=parcel["followed_by"],
            taken_out=parcel["taken_out"],
            is_remade=any(row["remade"] for row in rows),
        )

    async def ask_for_address(self, subject_nos: Sequence[str]) -> None:
        """Have staff ask where the copies shall go that were made again, where no address is known any more.

        Idempotent: yes, one open task a parcel.
        """
        for row in await repository.list_for_want_of_an_address(subject_nos):
            subject = Subject(
                row["id"], row["shipment_no"], row["subject_no"], row["division_code"], row["department_code"]
            )
            async with db.transaction() as tx:
                await open_task(tx, subject, TaskKind.NO_ADDRESS, _NO_ADDRESS)

    async def to_window(self, shipment_no: str, actor: str, record: Record) -> None:
        """Have what came back fetched at the window: out of the parcel, with the choice of its cases.

        Raises: Conflict `not_returned` where nothing of it is here, also where it went on in another parcel meanwhile.
        """
        parcel = await _parcel(shipment_no)
        async with db.transaction() as tx:
            pieces = await repository.lock_to_take_out(tx, shipment_no)
            if not pieces:
                raise Conflict("快件尚未退回窗口", code="not_returned")
            await moves.take_out(tx, pieces, clock.now(), reason="退回后改为窗口领取", actor=actor)
            await close_task(tx, parcel["id"], SETTLED_ELSEWHERE, Outcome.TO_COLLECT, actor)
            await record(tx)

    async def close(self, shipment_no: str, outcome: Outcome, actor: str) -> None:
        """Close what a way after a return, a loss or a damage settles. Idempotent. Raises: NotFound."""
        kinds = _REMADE if outcome is Outcome.REISSUED else SETTLED_ELSEWHERE
        parcel = await _parcel(shipment_no)
        async with db.transaction() as tx:
            await close_task(tx, parcel["id"], kinds, outcome, actor)


async def _parcel(shipment_no: str) -> Row:
    parcel = await repository.find_parcel(shipment_no)
    if parcel is None:
        raise NotFound("未找到该快递")
    return parcel
