"""A parcel to the window that ends without arriving asks for the originals again. Called by tracking, in its change."""

from __future__ import annotations

from app import clock
from app.db import Transaction
from services.delivery.mailing import back_repository, repository, views
from services.delivery.mailing.going_back import goes_back
from services.delivery.states import Derived, ShipmentStatus
from services.delivery.tracking.repository import Parcel
from services.delivery.types import Leg

_WILL_NOT_COME = {
    ShipmentStatus.CANCELLED: "",
    ShipmentStatus.RETURNED: "快递已退回给您，请重新寄送",
    ShipmentStatus.LOST: "快递公司报告丢失，请联系窗口，补齐后重新提交",
}
"""States in which a parcel never reaches the window, and what its citizen is told."""
_GOES_ON = frozenset(
    {
        ShipmentStatus.PICKED_UP,
        ShipmentStatus.IN_TRANSIT,
        ShipmentStatus.ARRIVED,
        ShipmentStatus.OUT_FOR_DELIVERY,
        ShipmentStatus.AWAITING_COLLECTION,
        ShipmentStatus.DELIVERED,
    }
)


class MailingFollower:
    """Keeps a mailing in step with its parcel."""

    def concerns(self, parcel: Parcel, derived: Derived) -> bool:
        """Only one to the window, and the arrival of one that takes originals back. See `Follower`."""
        is_back = derived.status is ShipmentStatus.DELIVERED and goes_back(parcel.leg, parcel.cargo)
        return parcel.leg == Leg.INBOUND or is_back

    async def parcel_moved(self, tx: Transaction, parcel: Parcel, derived: Derived) -> None:
        """Give up a parcel that will not come; take it back where it goes on all the same. See `Follower`."""
        if parcel.leg == Leg.OUTBOUND:
            await back_repository.arrived(tx, parcel.subject_no, parcel.shipment_no)
            return
        words = _WILL_NOT_COME.get(derived.status)
        if words is None:
            if derived.status in _GOES_ON:
                await repository.relink(tx, parcel.subject_no, parcel.shipment_no, clock.now())
            return
        row = await repository.unlink(tx, parcel.shipment_no, clock.now())
        if row is not None and words:
            tx.emit(views.asked_again_event(row, words))
