"""How couriers are asked about a parcel: its row as the reference that they know it by. Called by tracking's parts."""

from __future__ import annotations

import msgspec

from app.crypto import FieldCipher
from services.delivery.repository import ShipmentRow
from services.delivery.types import RECEIVER_COLUMN, Contact, ParcelRef


def parcel_ref(row: ShipmentRow, cipher: FieldCipher) -> ParcelRef:
    """Return how the courier knows a parcel; the phone is of the citizen at one end, "" once it is forgotten."""
    phone = ""
    if row.receiver_cipher is not None:
        phone = msgspec.convert(cipher.decrypt_json(RECEIVER_COLUMN, row.receiver_cipher), Contact).phone
    return ParcelRef(
        shipment_no=row.shipment_no,
        waybill_no=row.waybill_no,
        order_ref=row.order_ref,
        carrier=row.carrier,
        phone=phone,
        is_ordered=not row.is_own,
    )
