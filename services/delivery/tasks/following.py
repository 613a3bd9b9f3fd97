"""Trouble opens a task, going on closes it. Called by tracking inside the transaction that changes a parcel's state."""

from __future__ import annotations

from app.db import Transaction
from services.delivery.booking.notes import ends_quietly
from services.delivery.states import MEANINGS, Derived, ShipmentStatus
from services.delivery.tasks.opening import close_task, open_task
from services.delivery.tasks.states import OPENED_BY, Outcome, TaskKind, closed_by
from services.delivery.tracking.repository import Parcel
from services.delivery.tracking.timeline import SIGNED_TEXT
from services.delivery.types import Leg, SignedAs


class TaskFollower:
    """Opens and closes the tasks that follow from a parcel's state alone."""

    def concerns(self, parcel: Parcel, derived: Derived) -> bool:
        """Where tasks are open, or may be opened. See `Follower`."""
        is_end = ShipmentStatus.DELIVERED in (parcel.status, derived.status)
        return parcel.has_tasks or is_end or derived.status in (*OPENED_BY, ShipmentStatus.CANCELLED)

    async def parcel_moved(self, tx: Transaction, parcel: Parcel, derived: Derived) -> None:
        """Close what the new state mends, then open what it asks for. See `Follower`."""
        ended = closed_by(derived.status)
        if ended:
            await close_task(tx, parcel.shipment_id, ended, Outcome.WENT_ON)
        text = MEANINGS[derived.status].text
        kind = OPENED_BY.get(derived.status)
        if kind is TaskKind.EXCEPTION and not parcel.waybill_no:
            await open_task(tx, parcel, TaskKind.BOOKING_REFUSED, "快递公司未接单")
        elif kind is TaskKind.EXCEPTION and parcel.leg == Leg.OUTBOUND and derived.picked_up_at is None:
            await open_task(tx, parcel, TaskKind.BOOKING_REFUSED, "快递公司未能揽收，请核对后重新下单")
        elif kind is not None:
            await open_task(tx, parcel, kind, text)
        elif parcel.status == ShipmentStatus.DELIVERED:
            await open_task(tx, parcel, TaskKind.EXCEPTION, f"快递公司撤销了签收，现为“{text}”")
        elif derived.status is ShipmentStatus.DELIVERED:
            await self._look_at_signature(tx, parcel, derived)
        elif derived.status is ShipmentStatus.CANCELLED:
            await self._look_at_cancellation(tx, parcel, derived)

    @staticmethod
    async def _look_at_cancellation(tx: Transaction, parcel: Parcel, derived: Derived) -> None:
        """Ask for another order where one of a result has ended and nothing goes in its place.

        What the courier may have in its hands is looked for first. A result that we withdrew ourselves waits at its
        window: without a task nobody would know.
        """
        if parcel.leg == Leg.INBOUND or parcel.is_followed:
            return
        if parcel.withdrawn_for:
            held = await tx.fetch_row(
                "SELECT 1 FROM piece WHERE shipment_no = $1 AND kind = 'RESULT' AND holder <> 'VOID' LIMIT 1",
                parcel.shipment_no,
            )
            if held is not None and not ends_quietly(parcel.withdrawn_for):
                await open_task(tx, parcel, TaskKind.BOOKING_REFUSED, "寄送已撤回，结果留在窗口，请重新安排")
            return
        if not parcel.is_booked:
            return
        row = await tx.fetch_row("SELECT handed_over_at FROM shipment WHERE id = $1", parcel.shipment_id)
        if row is None:
            return
        if derived.picked_up_at is None and row["handed_over_at"] is None:
            await open_task(tx, parcel, TaskKind.BOOKING_REFUSED, "快递公司取消了订单，请重新下单")
        else:
            await open_task(tx, parcel, TaskKind.EXCEPTION, "快件交给快递公司后订单被取消，请核实快件去向")

    @staticmethod
    async def _look_at_signature(tx: Transaction, parcel: Parcel, derived: Derived) -> None:
        """Ask for a look where somebody else signed, or a copy arrived that was voided meanwhile."""
        if parcel.leg == Leg.INBOUND:
            return
        voided = await tx.fetch_row(
            "SELECT 1 FROM piece WHERE shipment_no = $1 AND holder = 'VOID' LIMIT 1", parcel.shipment_no
        )
        if voided is not None:
            await open_task(tx, parcel, TaskKind.EXCEPTION, "已作废的证照被送达，请收回")
        if derived.signed_as not in (SignedAs.SELF, SignedAs.UNKNOWN):
            await open_task(tx, parcel, TaskKind.SIGNED_BY_OTHER, SIGNED_TEXT[SignedAs(derived.signed_as)])
