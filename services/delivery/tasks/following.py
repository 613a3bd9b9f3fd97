"""Trouble opens a task, going on closes it. Called by tracking inside the transaction that changes a parcel's state."""

from __future__ import annotations

from app.db import Transaction
from services.delivery.states import MEANINGS, Derived, ShipmentStatus
from services.delivery.tasks.opening import close_task, open_task
from services.delivery.tasks.states import OPENED_BY, Outcome, TaskKind, closed_by
from services.delivery.tracking.repository import Parcel


class TaskFollower:
    """Opens and closes the tasks that follow from a parcel's state alone."""

    async def parcel_moved(self, tx: Transaction, parcel: Parcel, derived: Derived) -> None:
        """Close what the new state mends, then open what it asks for. See `Follower`."""
        ended = closed_by(derived.status)
        if ended:
            await close_task(tx, parcel.shipment_id, ended, Outcome.WENT_ON)
        kind = OPENED_BY.get(derived.status)
        if kind is not None:
            await open_task(tx, parcel, kind, MEANINGS[derived.status].text)
        elif parcel.status == ShipmentStatus.DELIVERED:
            reason = f"快递公司撤销了签收，现为“{MEANINGS[derived.status].text}”"
            await open_task(tx, parcel, TaskKind.EXCEPTION, reason)
