"""What is shown beside a bill or an order: its receipt and its refunds. Reads only; the room's door calls it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from app import db

_REFUND = "out_refund_no, amount_fen, reason, cause, status, needs_approval, approved_at, created_at, finished_at"


async def list_receipts(bill_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, db.Row]:
    """Return bill → the columns of its receipt; bills without one are left out."""
    rows = await db.fetch_all(
        "SELECT bill_id, receipt_code, receipt_number, check_code, url, issued_at FROM fiscal_receipt"
        " WHERE bill_id = ANY ($1) AND kind = 'BLUE'",
        list(bill_ids),
    )
    return {row["bill_id"]: row for row in rows}


async def list_refunds_of(payment_id: uuid.UUID) -> Sequence[db.Row]:
    """Return the shown columns of a payment's refunds, oldest first."""
    return await db.fetch_all(f"SELECT {_REFUND} FROM refund WHERE payment_id = $1 ORDER BY id", payment_id)


async def list_refunds_of_bills(bill_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, list[db.Row]]:
    """Return bill → the shown columns of its refunds, oldest first; bills without any are left out."""
    found: dict[uuid.UUID, list[db.Row]] = {}
    rows = await db.fetch_all(
        f"SELECT bill_id, {_REFUND} FROM refund WHERE bill_id = ANY ($1) ORDER BY id", list(bill_ids)
    )
    for row in rows:
        found.setdefault(row["bill_id"], []).append(row)
    return found
