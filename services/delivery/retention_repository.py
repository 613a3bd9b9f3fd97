"""The queries of forgetting: what is due, and how little of it stays. Each write is one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from app import db
from app.db import Row
from services.delivery.states import TERMINAL

_ENDED = [status.value for status in TERMINAL]
_LAST = "COALESCE(last_event_at, created_at)"


async def list_due(ended_before: datetime, silent_before: datetime, limit: int) -> Sequence[Row]:
    """List parcels whose end is older than one moment, or of which nothing was heard since the other."""
    return await db.fetch_all(
        f"""SELECT shipment_no, subject_no, label_key, dispatch_no, to_division_code, receiver_cipher, receiver_hash
            FROM shipment
            WHERE redacted_at IS NULL AND {_LAST} < $1 AND (status = ANY ($2) OR {_LAST} < $3)
            ORDER BY {_LAST} LIMIT $4""",
        ended_before,
        _ENDED,
        silent_before,
        limit,
    )


async def redact(shipment_no: str, subject_no: str, region: str, kept_hash: str, at: datetime) -> None:
    """Forget who and where a parcel went to: contact, phone of its carrier, texts of its events, the choice behind it.

    The keyed hash, the numbers, codes and times stay. A choice goes with the last parcel that was made from it.
    Idempotent: yes.
    """
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            """UPDATE shipment SET receiver_cipher = NULL, receiver_shown = $2, receiver_hash = $3,
                      courier_phone_shown = '', collect_hint = '', label_key = '', redacted_at = $4
               WHERE shipment_no = $1 AND redacted_at IS NULL RETURNING id""",
            shipment_no,
            region[:128],
            kept_hash,
            at,
        )
        if row is None:
            return
        await tx.execute("UPDATE tracking_event SET text = '' WHERE shipment_id = $1 AND text <> ''", row["id"])
        await tx.execute(
            """UPDATE delivery_choice SET receiver_cipher = NULL, receiver_shown = $2
               WHERE (subject_no = $1 OR together_no = $1
                      OR together_no IN (SELECT shipment_no FROM shipment WHERE subject_no = $1))
                 AND receiver_cipher IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM shipment WHERE subject_no = $1 AND redacted_at IS NULL)""",
            subject_no,
            region[:128],
        )


async def list_old_choices(before: datetime, limit: int) -> Sequence[Row]:
    """List choices with an address that nothing has touched since, and of which no parcel keeps one."""
    return await db.fetch_all(
        """SELECT id, division_code FROM delivery_choice c WHERE receiver_cipher IS NOT NULL AND updated_at < $1
           AND NOT EXISTS (SELECT 1 FROM shipment s WHERE s.redacted_at IS NULL
                           AND s.subject_no IN (c.subject_no, NULLIF(c.together_no, '')))
           ORDER BY updated_at LIMIT $2""",
        before,
        limit,
    )


async def redact_choices(regions: Mapping[str, str]) -> None:
    """Forget the addresses of choices by their id; what stays is the division's name. Idempotent: yes."""
    await db.execute(
        """UPDATE delivery_choice SET receiver_cipher = NULL, receiver_shown = given.region
           FROM unnest($1::uuid[], $2::text[]) AS given (id, region) WHERE delivery_choice.id = given.id""",
        list(regions),
        [region[:128] for region in regions.values()],
    )
