"""What booking does when a parcel is cancelled: the one that waits for it goes on, or its postage is ended.

Called by tracking inside the transaction that changes a parcel's state.
"""

from __future__ import annotations

from app.db import Transaction
from services.delivery.booking import withdrawing_repository
from services.delivery.booking.making_repository import put_over_to
from services.delivery.booking.repository import END_BILL
from services.delivery.states import Derived, ShipmentStatus
from services.delivery.tracking.repository import Parcel


class BookingFollower:
    """Sees to the successor and the postage of a cancelled parcel."""

    def concerns(self, parcel: Parcel, derived: Derived) -> bool:
        """Only a cancelled one. See `Follower`."""
        return derived.status is ShipmentStatus.CANCELLED

    async def parcel_moved(self, tx: Transaction, parcel: Parcel, derived: Derived) -> None:
        """See `Follower`."""
        waiting = await withdrawing_repository.release(tx, parcel.shipment_no)
        if waiting is not None:
            await put_over_to(tx, parcel.shipment_no, waiting["shipment_no"])
        else:
            tx.enqueue(END_BILL, {"shipment_no": parcel.shipment_no}, dedupe_key=f"{END_BILL}:{parcel.shipment_no}")
