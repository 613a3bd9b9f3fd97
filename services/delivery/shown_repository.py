"""Parcels with their roads as people are shown them: one statement for one parcel or for all of a case. Reads only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app import db
from app.db import Row

_NUMBER_LENGTH = 32
_SHOWN = """
SELECT s.shipment_no, s.subject_no, s.leg, s.is_own, s.courier, s.carrier, s.waybill_no, s.status, s.custody, s.cargo,
       s.receiver_shown, s.payer, s.postage_fen, s.paid_at, s.bill_no, s.created_at, s.booked_at, s.delivered_at,
       s.last_event_at, s.promised_at, s.courier_phone_shown, s.collect_hint, s.signed_as, s.refreshed_at, told.*
FROM shipment AS s CROSS JOIN LATERAL (
    SELECT array_agg(occurred_at) AS moments, array_agg(state) AS states, array_agg(text) AS texts,
           array_agg(place) AS places, array_agg(confirmed) AS trusts, array_agg(code) AS codes,
           array_agg(undoes) AS reversals
    FROM (SELECT * FROM tracking_event WHERE shipment_id = s.id ORDER BY occurred_at DESC, id DESC LIMIT 200) AS newest
    ) AS told
"""


async def find(shipment_no: str) -> Row | None:
    """Return one parcel by our number."""
    if len(shipment_no) > _NUMBER_LENGTH:
        return None
    return await db.fetch_row(f"{_SHOWN} WHERE s.shipment_no = $1", shipment_no)


async def find_own(citizen_id: uuid.UUID, shipment_no: str) -> Row | None:
    """Return one parcel of this citizen; somebody else's is not there."""
    if len(shipment_no) > _NUMBER_LENGTH:
        return None
    return await db.fetch_row(f"{_SHOWN} WHERE s.shipment_no = $1 AND s.citizen_id = $2", shipment_no, citizen_id)


async def list_of(subject_no: str) -> Sequence[Row]:
    """Return the parcels of one case, oldest first."""
    return await db.fetch_all(f"{_SHOWN} WHERE s.subject_no = $1 ORDER BY s.id", subject_no)
