"""Queries of the cashier's desk: pages of channel orders, and what is kept about one bill. Reads only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from app import db

SHOWN = """
SELECT p.id, p.out_trade_no, p.channel, p.mch_id, p.amount_fen, p.status, p.provider_status, p.provider_trade_no,
       p.created_at, p.paid_at, p.closed_at, b.id AS bill_id, b.bill_no, b.subject_no, b.title, b.payment_code,
       b.status AS bill_status, b.department_code, b.division_code
FROM payment p JOIN bill b ON b.id = p.bill_id
"""
IN_SCOPE = """
 EXISTS (SELECT 1 FROM unnest($1::text[]) AS prefix WHERE starts_with(b.division_code, prefix))
 AND (cardinality($2::text[]) = 0 OR b.department_code = ANY ($2::text[]))
"""
_BY_NUMBER = """
 AND p.id IN (SELECT id FROM payment WHERE out_trade_no = $3
   UNION ALL SELECT id FROM payment WHERE provider_trade_no = $3 AND provider_trade_no <> ''
   UNION ALL SELECT o.id FROM payment o JOIN bill n ON n.id = o.bill_id WHERE n.bill_no = $3 OR n.subject_no = $3)
"""
_PAGE = """{shown} WHERE {in_scope}{by_number}
 AND ($4 = '' OR p.channel = $4) AND ($5 = '' OR p.status = $5) AND ($6 = '' OR b.department_code = $6)
 AND p.id >= $7 AND p.id < $8 AND $3::text IS NOT NULL ORDER BY p.id DESC LIMIT $9"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which orders, as the page's statement takes them; ids grow with time, so days are bounds of ids."""

    divisions: Sequence[str]
    departments: Sequence[str]
    number: str
    channel: str
    status: str
    department_code: str
    from_id: uuid.UUID
    before_id: uuid.UUID


async def list_page(bounds: Bounds, limit: int) -> Sequence[db.Row]:
    """Return channel orders within bounds, newest first."""
    by_number = _BY_NUMBER if bounds.number else ""
    return await db.fetch_all(
        _PAGE.format(shown=SHOWN, in_scope=IN_SCOPE, by_number=by_number),
        list(bounds.divisions),
        list(bounds.departments),
        bounds.number,
        bounds.channel,
        bounds.status,
        bounds.department_code,
        bounds.from_id,
        bounds.before_id,
        limit,
    )


async def find(divisions: Sequence[str], departments: Sequence[str], out_trade_no: str) -> db.Row | None:
    """Return one channel order within a scope."""
    return await db.fetch_row(
        f"{SHOWN} WHERE {IN_SCOPE} AND p.out_trade_no = $3", list(divisions), list(departments), out_trade_no
    )


async def list_orders(bill_id: uuid.UUID) -> Sequence[db.Row]:
    """Return the channel orders of a bill, oldest first."""
    return await db.fetch_all(
        "SELECT out_trade_no, channel, amount_fen, status, created_at, paid_at, closed_at FROM payment"
        " WHERE bill_id = $1 ORDER BY id",
        bill_id,
    )


async def list_transfers(bill_no: str) -> Sequence[db.Row]:
    """Return the ledger's transfers of a bill in order of time: both sides of each in one row."""
    return await db.fetch_all(
        """SELECT transfer_key, min(occurred_at) AS occurred_at, sum(amount_fen)::bigint AS sum_fen,
               coalesce(max(amount_fen) FILTER (WHERE amount_fen > 0), 0)::bigint AS amount_fen,
               coalesce(string_agg(account, ' ') FILTER (WHERE amount_fen > 0), '') AS debit,
               coalesce(string_agg(account, ' ') FILTER (WHERE amount_fen < 0), '') AS credit
           FROM ledger_entry WHERE bill_no = $1 GROUP BY transfer_key ORDER BY min(id::text)""",
        bill_no,
    )


async def list_messages(bill_id: uuid.UUID) -> Sequence[db.Row]:
    """Return the providers' messages that were counted about a bill's orders and refunds, oldest first."""
    return await db.fetch_all(
        """SELECT provider, reference_no, outcome, occurred_at, received_at FROM inbox_event
           WHERE reference_no = ANY (ARRAY(SELECT out_trade_no FROM payment WHERE bill_id = $1
               UNION ALL SELECT out_refund_no FROM refund WHERE bill_id = $1)) ORDER BY received_at LIMIT 100""",
        bill_id,
    )


async def list_differences(bill_no: str) -> Sequence[db.Row]:
    """Return what comparisons found about a bill, oldest first."""
    return await db.fetch_all(
        "SELECT business_on, kind, reference_no, status, note FROM discrepancy WHERE bill_no = $1 ORDER BY id",
        bill_no,
    )
