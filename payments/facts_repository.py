"""Everything that is kept about one number, for operators; personal data is never read. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from app import db

_BILLS = """
SELECT b.id FROM bill b WHERE b.bill_no = $1 OR b.payment_code = $1
UNION SELECT p.bill_id FROM payment p WHERE p.out_trade_no = $1 OR (p.provider_trade_no = $1 AND $1 <> '')
UNION SELECT r.bill_id FROM refund r WHERE r.out_refund_no = $1 OR (r.provider_refund_no = $1 AND $1 <> '')
"""
QUERIES: Mapping[str, str] = {
    "缴款单": (
        "SELECT bill_no, payment_code, subject_no, amount_fen, late_fee_fen, status, paid_at, confirmed_at FROM bill"
        " WHERE id = ANY ($1) ORDER BY id"
    ),
    "支付单": (
        "SELECT out_trade_no, channel, mch_id, amount_fen, status, provider_status, provider_trade_no, created_at,"
        " paid_at, closed_at FROM payment WHERE bill_id = ANY ($1) ORDER BY id"
    ),
    "退款单": (
        "SELECT out_refund_no, amount_fen, cause, status, provider_status, provider_refund_no, created_at, finished_at"
        " FROM refund WHERE bill_id = ANY ($1) ORDER BY id"
    ),
    "分录": (
        "SELECT transfer_key, account, amount_fen, occurred_at FROM ledger_entry"
        " WHERE bill_no IN (SELECT bill_no FROM bill WHERE id = ANY ($1)) ORDER BY occurred_at, transfer_key, account"
    ),
    "渠道消息": (
        "SELECT event_key, provider, reference_no, outcome, occurred_at, received_at FROM inbox_event"
        " WHERE reference_no IN (SELECT out_trade_no FROM payment WHERE bill_id = ANY ($1)"
        " UNION ALL SELECT out_refund_no FROM refund WHERE bill_id = ANY ($1)) ORDER BY received_at"
    ),
    "对账差异": (
        "SELECT id, business_on, kind, reference_no, ours_fen, theirs_fen, status, note FROM discrepancy"
        " WHERE bill_no IN (SELECT bill_no FROM bill WHERE id = ANY ($1)) ORDER BY id"
    ),
}
"""What is shown of a bill: title → statement over bill ids; the first column names the row."""


async def find_bills(number: str) -> list[uuid.UUID]:
    """Return the bills that a number of ours or of a provider leads to."""
    return [row["id"] for row in await db.fetch_all(_BILLS, number)]


async def read(title: str, bill_ids: Sequence[uuid.UUID]) -> Sequence[db.Row]:
    """Return the rows of one table of QUERIES."""
    return await db.fetch_all(QUERIES[title], list(bill_ids))
