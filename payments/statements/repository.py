"""Every query of statements: a payer's history, sums of days, their lines. Reads only, decides nothing.

A day's money stands in three places that must say the same: payments by `paid_at`, refunds by `finished_at`, the
ledger by `occurred_at`. The row of a refund knows its last success only; a success that a bank took back afterwards,
and the taking back itself (银行卡冲退失败), are read from the ledger.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app import db
from payments.types import StaffScope

_HISTORY = """
SELECT p.id, p.out_trade_no, p.channel, p.amount_fen, p.paid_at, b.bill_no, b.title, b.subject_no, b.late_fee_fen,
       b.status AS bill_status, b.paid_payment_id = p.id AS pays_bill, refunds.list AS refunds,
       receipt.receipt_code, receipt.receipt_number, receipt.check_code, receipt.url, receipt.issued_at
FROM bill b JOIN payment p ON p.bill_id = b.id
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object('out_refund_no', r.out_refund_no, 'amount_fen', r.amount_fen, 'reason', r.reason,
         'cause', r.cause, 'status', r.status, 'created_at', r.created_at, 'finished_at', r.finished_at,
         'is_waiting', r.needs_approval AND r.approved_at IS NULL) ORDER BY r.id)::text AS list
  FROM refund r WHERE r.payment_id = p.id
) AS refunds ON true
LEFT JOIN fiscal_receipt receipt
  ON receipt.bill_id = b.id AND receipt.kind = 'BLUE' AND receipt.refund_no = '' AND b.paid_payment_id = p.id
WHERE b.citizen_id = $1 AND p.status = 'SUCCEEDED' AND ($2::uuid IS NULL OR p.id < $2)
ORDER BY p.id DESC LIMIT $3
"""
_PAID = """
SELECT b.department_code, b.division_code, p.account_id, count(*) AS paid_count, sum(p.amount_fen)::bigint AS paid_fen,
       count(*) FILTER (WHERE b.paid_payment_id = p.id AND b.confirmed_at IS NOT NULL) AS confirmed_count,
       sum(p.amount_fen) FILTER (WHERE b.paid_payment_id = p.id AND b.confirmed_at IS NOT NULL)::bigint
         AS confirmed_fen,
       count(*) FILTER (WHERE b.paid_payment_id = p.id AND b.confirmed_at IS NULL) AS unconfirmed_count,
       sum(p.amount_fen) FILTER (WHERE b.paid_payment_id = p.id AND b.confirmed_at IS NULL)::bigint AS unconfirmed_fen
FROM payment p JOIN bill b ON b.id = p.bill_id
WHERE p.status = 'SUCCEEDED' AND p.paid_at >= $1 AND p.paid_at < $2
GROUP BY 1, 2, 3
"""
_REFUNDED = """
SELECT b.department_code, b.division_code, p.account_id, count(*) AS refunded_count,
       sum(r.amount_fen)::bigint AS refunded_fen
FROM refund r JOIN payment p ON p.id = r.payment_id JOIN bill b ON b.id = p.bill_id
WHERE r.status = 'SUCCEEDED' AND r.finished_at >= $1 AND r.finished_at < $2
GROUP BY 1, 2, 3
"""
_TAKEN_BACK = """
SELECT l.id, l.occurred_at, l.amount_fen, r.out_refund_no, r.payment_id
FROM ledger_entry l JOIN refund r ON r.out_refund_no = l.reference_no
WHERE l.occurred_at >= $1 AND l.occurred_at < $2 AND l.account LIKE 'channel:%' AND l.transfer_key LIKE 'refund.%'
  AND CASE WHEN l.amount_fen > 0 THEN true WHEN r.status = 'SUCCEEDED' AND r.finished_at = l.occurred_at THEN false
           ELSE EXISTS (SELECT 1 FROM ledger_entry back WHERE back.transfer_key = 'refund.bounced:' || r.out_refund_no)
      END
"""
"""Refunds that came back, and the earlier success of each of them."""
_RETURNED = f"""
SELECT b.department_code, b.division_code, p.account_id,
       count(*) FILTER (WHERE l.amount_fen < 0) AS refunded_count,
       (-sum(l.amount_fen) FILTER (WHERE l.amount_fen < 0))::bigint AS refunded_fen,
       count(*) FILTER (WHERE l.amount_fen > 0) AS returned_count,
       sum(l.amount_fen) FILTER (WHERE l.amount_fen > 0)::bigint AS returned_fen
FROM ({_TAKEN_BACK}) AS l JOIN payment p ON p.id = l.payment_id JOIN bill b ON b.id = p.bill_id
GROUP BY 1, 2, 3
"""
_FEES = """
SELECT b.department_code, b.division_code, p.account_id, sum(l.amount_fen)::bigint AS fee_fen
FROM (SELECT l.amount_fen, p.id AS payment_id FROM ledger_entry l JOIN payment p ON p.out_trade_no = l.reference_no
      WHERE l.occurred_at >= $1 AND l.occurred_at < $2 AND l.account = 'fees' AND l.transfer_key LIKE 'fee.charged:%'
      UNION ALL
      SELECT l.amount_fen, r.payment_id FROM ledger_entry l JOIN refund r ON r.out_refund_no = l.reference_no
      WHERE l.occurred_at >= $1 AND l.occurred_at < $2 AND l.account = 'fees' AND l.transfer_key LIKE 'fee.returned:%'
     ) AS l JOIN payment p ON p.id = l.payment_id JOIN bill b ON b.id = p.bill_id GROUP BY 1, 2, 3
"""
"""Charged by the channel for a payment, or given back with a refund."""
_DIFFERENCES = """
SELECT d.department_code, d.division_code, a.id AS account_id, count(*) AS open_differences
FROM discrepancy d JOIN payment_account a ON a.code = d.account_code
WHERE d.status = 'OPEN' AND d.business_on >= $1 AND d.business_on <= $2 GROUP BY 1, 2, 3
"""
_BOOKED = """
SELECT account, count(*) FILTER (WHERE transfer_key LIKE 'payment.%') AS paid_count,
       coalesce(sum(amount_fen) FILTER (WHERE transfer_key LIKE 'payment.%'), 0)::bigint AS paid_fen,
       count(*) FILTER (WHERE transfer_key LIKE 'refund.%') AS moved_count,
       coalesce(-sum(amount_fen) FILTER (WHERE transfer_key LIKE 'refund.%'), 0)::bigint AS moved_fen
FROM ledger_entry
WHERE occurred_at >= $1 AND occurred_at < $2 AND (account LIKE 'channel:%' OR account = 'fees') GROUP BY 1
"""
_ACCOUNTS = "SELECT id, code, channel, mch_id FROM payment_account"

_LINE = """
SELECT moved.*, p.channel, p.out_trade_no, p.provider_trade_no, a.code AS account_code, a.mch_id, b.department_code,
       b.division_code, b.bill_no, b.subject_no, b.title
FROM ({moved}) AS moved
JOIN payment p ON p.id = moved.payment_id JOIN bill b ON b.id = p.bill_id JOIN payment_account a ON a.id = p.account_id
WHERE (moved.occurred_at, moved.id) > ($1, $3) AND b.division_code LIKE ANY ($4)
  AND (cardinality($5::text[]) = 0 OR b.department_code = ANY ($5))
ORDER BY moved.occurred_at, moved.id LIMIT $6
"""
_MOVED = (
    (
        "SELECT id, paid_at AS occurred_at, 'PAYMENT' AS kind, amount_fen, '' AS out_refund_no, id AS payment_id"
        " FROM payment WHERE status = 'SUCCEEDED' AND paid_at >= $1 AND paid_at < $2"
    ),
    (
        "SELECT id, finished_at AS occurred_at, 'REFUND' AS kind, amount_fen, out_refund_no, payment_id"
        " FROM refund WHERE status = 'SUCCEEDED' AND finished_at >= $1 AND finished_at < $2"
    ),
    (
        "SELECT id, occurred_at, CASE WHEN amount_fen > 0 THEN 'RETURNED' ELSE 'REFUND' END AS kind,"
        f" abs(amount_fen) AS amount_fen, out_refund_no, payment_id FROM ({_TAKEN_BACK}) AS back"
    ),
)
LINES = tuple(_LINE.format(moved=moved) for moved in _MOVED)
"""The parts of a day's lines, one after the other: payments, refunds, refunds that came back."""
_BEFORE_ALL = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Parts:
    """What one statement is made of, all of one snapshot: sums per department, division and merchant account, what
    the ledger holds per channel, and the accounts by their id."""

    sums: Sequence[db.Row]
    booked: Sequence[db.Row]
    accounts: Mapping[uuid.UUID, db.Row]


async def list_paid(citizen_id: uuid.UUID, after: uuid.UUID | None, limit: int) -> Sequence[db.Row]:
    """Return a page of a person's successful payments with refunds and receipts, newest first, in one query."""
    return await db.fetch_all(_HISTORY, citizen_id, after, limit)


async def sums_of(begin: datetime, end: datetime, first_on: date, last_on: date) -> Parts:
    """Read the sums of the moments from `begin` to before `end`, which are the Beijing days `first_on` to `last_on`.

    Every part of the house is in them: the ledger is compared with all, and rows are few once they are sums.
    """
    async with db.connection() as link, link.transaction(isolation="repeatable_read", readonly=True):
        refunded = await link.fetch(_REFUNDED, begin, end)
        sums = [*refunded, *await link.fetch(_PAID, begin, end), *await link.fetch(_DIFFERENCES, first_on, last_on)]
        booked = await link.fetch(_BOOKED, begin, end)
        if any(row["account"] == "fees" for row in booked):
            sums += await link.fetch(_FEES, begin, end)
        if _told(booked, "moved_count", "moved_fen") != _told(refunded, "refunded_count", "refunded_fen"):
            sums += await link.fetch(_RETURNED, begin, end)
        return Parts(sums, booked, {row["id"]: row for row in await link.fetch(_ACCOUNTS)})


def _told(rows: Sequence[db.Row], *names: str) -> list[int]:
    return [sum(row[name] for row in rows) for name in names]


async def list_lines(
    part: str, scope: StaffScope, begin: datetime, end: datetime, after: uuid.UUID | None, limit: int
) -> Sequence[db.Row]:
    """Return a page of one part of LINES within a scope, in order of time.

    Args:
        begin: the moment of the last line of the page before, or where the first page begins.
        after: id of that last line. Pages hold no connection while their reader is slow.
    """
    prefixes = [f"{prefix}%" for prefix in scope.divisions]
    return await db.fetch_all(part, begin, end, after or _BEFORE_ALL, prefixes, list(scope.departments), limit)
