"""Documents go where their parcel goes. Called by tracking inside the transaction that changes a parcel's state."""

from __future__ import annotations

from app import clock
from app.db import Transaction
from services.delivery.custody import moves
from services.delivery.custody.states import Holder, holder_after
from services.delivery.states import MEANINGS, Derived, ShipmentStatus
from services.delivery.tracking.repository import Parcel
from services.delivery.tracking.timeline import SIGNED_TEXT
from services.delivery.types import Leg, SignedAs


class CustodyFollower:
    """Moves what lies in a parcel with it."""

    def concerns(self, parcel: Parcel, derived: Derived) -> bool:
        """Only where documents lie in it. See `Follower`."""
        return parcel.has_pieces

    async def parcel_moved(self, tx: Transaction, parcel: Parcel, derived: Derived) -> None:
        """Give the documents of the parcel the holder that its new state says. See `Follower`."""
        row = await tx.fetch_row(
            "SELECT handed_over_at IS NOT NULL AS was_handed_over FROM shipment WHERE id = $1", parcel.shipment_id
        )
        assert row is not None, "tracking holds its lock"
        to = holder_after(
            derived.status,
            is_inbound=parcel.leg == Leg.INBOUND,
            was_carried=derived.picked_up_at is not None,
            was_handed_over=row["was_handed_over"],
        )
        reason = _reason(parcel, derived, to)
        await moves.move_parcel(tx, parcel.shipment_no, to, derived.at or clock.now(), reason=reason)

    async def pick_up_learnt(self, tx: Transaction, parcel: Parcel, derived: Derived) -> None:
        """Trouble is with whoever has the parcel, which a late event may tell. See `PickUpFollower`."""
        await self.parcel_moved(tx, parcel, derived)


def _reason(parcel: Parcel, derived: Derived, to: Holder) -> str:
    text = MEANINGS[derived.status].text
    if derived.status is ShipmentStatus.DELIVERED and to is Holder.CITIZEN:
        # Kept with the document when the courier's own words are forgotten; who signed stands in no name.
        signed = SIGNED_TEXT[SignedAs(derived.signed_as)]
        return text if signed == text else f"{text}（{signed}）"
    if parcel.status == ShipmentStatus.DELIVERED and to is Holder.COURIER:
        return f"签收被撤销：{text}"
    return text
