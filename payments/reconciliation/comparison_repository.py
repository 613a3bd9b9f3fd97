"""The comparison itself: set-based statements over the staged files and our own books, one a kind of difference.

Each fills the temporary table `found`; they read our tables and change nothing. Called inside a run's transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app import db
from payments.reconciliation.kinds import Kind
from payments.reconciliation.neutral import FlowSum, day_begins_at
from payments.reconciliation.staging_repository import LONG_SECONDS

NEAR_MIDNIGHT = timedelta(minutes=5)
"""A movement so near to midnight may stand in the bill of either day. Each run judges our movements from so long before
its day to so long before its end, so that both bills are there and nothing is judged twice or never."""


@dataclass(frozen=True, slots=True)
class Day:
    """What a run compares: one account, one day of Beijing and the moments that bound it."""

    account_id: uuid.UUID
    account_code: str
    channel: str
    business_on: date

    @property
    def begins_at(self) -> datetime:
        """First moment of the day."""
        return day_begins_at(self.business_on)

    @property
    def ends_at(self) -> datetime:
        """First moment of the next day."""
        return day_begins_at(self.business_on + timedelta(days=1))

    @property
    def judged(self) -> tuple[datetime, datetime]:
        """From when to when our movements are looked for in the file."""
        return self.begins_at - NEAR_MIDNIGHT, self.ends_at - NEAR_MIDNIGHT


PAID_LINES = """
SELECT out_trade_no, min(provider_trade_no) AS provider_trade_no, sum(amount_fen)::bigint AS amount_fen,
       sum(fee_fen)::bigint AS fee_fen, min(at) AS at
FROM staged_line WHERE NOT is_refund GROUP BY out_trade_no
"""
REFUND_LINES = """
SELECT coalesce(nullif(out_refund_no, ''), out_trade_no) AS number, min(out_trade_no) AS out_trade_no,
       sum(amount_fen)::bigint AS amount_fen, sum(fee_fen)::bigint AS fee_fen, max(refund_status) AS shown,
       min(at) AS at
FROM staged_line WHERE is_refund GROUP BY 1
"""
_THERE = f"""
INSERT INTO found
SELECT CASE WHEN p.id IS NULL THEN '{Kind.UNKNOWN_ORDER}' WHEN p.status = 'CLOSED' THEN '{Kind.CLOSED_BUT_PAID}'
            WHEN p.status <> 'SUCCEEDED' THEN '{Kind.PAID_THERE_NOT_HERE}' ELSE '{Kind.AMOUNT_DIFFERS}' END,
       left(l.out_trade_no, 64), p.bill_id, p.amount_fen, l.amount_fen,
       jsonb_build_object('provider_trade_no', l.provider_trade_no, 'at', l.at, 'status', coalesce(p.status, ''))
FROM ({PAID_LINES}) l LEFT JOIN payment p ON p.out_trade_no = l.out_trade_no AND p.account_id = $1
WHERE p.id IS NULL OR p.status <> 'SUCCEEDED' OR p.amount_fen <> l.amount_fen
"""
_HERE = f"""
INSERT INTO found
SELECT '{Kind.PAID_HERE_NOT_THERE}', p.out_trade_no, p.bill_id, p.amount_fen, NULL::bigint,
       jsonb_build_object('provider_trade_no', p.provider_trade_no, 'at', p.paid_at)
FROM payment p
WHERE p.account_id = $1 AND p.status = 'SUCCEEDED' AND p.paid_at >= $2 AND p.paid_at < $3
AND NOT EXISTS (SELECT 1 FROM staged_line l WHERE NOT l.is_refund AND l.out_trade_no = p.out_trade_no)
AND NOT EXISTS (SELECT 1 FROM staged_nearby n WHERE NOT n.is_refund AND n.number = p.out_trade_no)
"""
_DOUBLE = f"""
INSERT INTO found
SELECT '{Kind.DOUBLE}', p.out_trade_no, p.bill_id, p.amount_fen, NULL::bigint,
       jsonb_build_object('provider_trade_no', p.provider_trade_no, 'at', p.paid_at)
FROM payment p JOIN bill b ON b.id = p.bill_id
WHERE p.account_id = $1 AND p.status = 'SUCCEEDED' AND p.paid_at >= $2 AND p.paid_at < $3
AND b.paid_payment_id IS DISTINCT FROM p.id
AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.payment_id = p.id AND r.status <> 'CLOSED')
"""
_REFUNDED_THERE = f"""
INSERT INTO found
SELECT CASE WHEN r.amount_fen <> l.amount_fen THEN '{Kind.REFUND_AMOUNT_DIFFERS}'
            ELSE '{Kind.REFUND_THERE_NOT_HERE}' END,
       left(l.number, 64), r.bill_id, r.amount_fen, l.amount_fen,
       jsonb_build_object('out_trade_no', l.out_trade_no, 'at', l.at, 'shown', l.shown,
                          'status', coalesce(r.status, ''))
FROM ({REFUND_LINES}) l LEFT JOIN (
  SELECT r.out_refund_no, r.amount_fen, r.status, r.bill_id FROM refund r JOIN payment p ON p.id = r.payment_id
  WHERE p.account_id = $1
) r ON r.out_refund_no = l.number
WHERE (r.out_refund_no IS NULL AND l.shown <> 'CLOSED') OR r.amount_fen <> l.amount_fen
   OR (l.shown = 'SUCCEEDED' AND r.status <> 'SUCCEEDED' AND NOT EXISTS (
         SELECT 1 FROM ledger_entry e WHERE e.transfer_key = 'refund.succeeded:' || r.out_refund_no))
"""
APPLIED_AT = "CASE p.channel WHEN 'WECHAT' THEN coalesce(r.approved_at, r.created_at) ELSE r.finished_at END"
"""WeChat prints a refund on the day it was applied for, Alipay on the day it was paid."""
_REFUNDED_HERE = f"""
INSERT INTO found
SELECT '{Kind.REFUND_MISSING}', r.out_refund_no, r.bill_id, r.amount_fen, NULL::bigint,
       jsonb_build_object('out_trade_no', p.out_trade_no, 'at', {APPLIED_AT}, 'status', r.status)
FROM refund r JOIN payment p ON p.id = r.payment_id
WHERE p.account_id = $1 AND r.status IN ('SUCCEEDED', 'PROCESSING') AND r.provider_status <> 'SETTLED'
AND {APPLIED_AT} >= $2 AND {APPLIED_AT} < $3
AND NOT EXISTS (SELECT 1 FROM staged_line l WHERE l.is_refund AND l.out_refund_no = r.out_refund_no)
AND NOT EXISTS (SELECT 1 FROM staged_nearby n WHERE n.is_refund AND n.number = r.out_refund_no)
"""
_UNBOOKED = f"""
INSERT INTO found
SELECT '{Kind.LEDGER_MISSING}', p.out_trade_no, p.bill_id, p.amount_fen, NULL::bigint, '{{}}'::jsonb
FROM payment p
WHERE p.account_id = $1 AND p.status = 'SUCCEEDED' AND p.paid_at >= $2 AND p.paid_at < $3
AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.transfer_key = 'payment.succeeded:' || p.out_trade_no
                AND e.amount_fen = p.amount_fen)
UNION ALL
SELECT '{Kind.LEDGER_MISSING}', r.out_refund_no, r.bill_id, r.amount_fen, NULL::bigint, '{{}}'::jsonb
FROM refund r JOIN payment p ON p.id = r.payment_id
WHERE p.account_id = $1 AND r.status = 'SUCCEEDED' AND r.finished_at >= $2 AND r.finished_at < $3
AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.transfer_key = 'refund.succeeded:' || r.out_refund_no
                AND e.amount_fen = r.amount_fen)
"""
_CONFIRMABLE = f"""
SELECT '{Kind.FISCAL_MISSING}', p.out_trade_no, p.bill_id, p.amount_fen, NULL::bigint,
       jsonb_build_object('confirmed_at', b.confirmed_at, 'payment_code', b.payment_code)
FROM payment p JOIN bill b ON b.paid_payment_id = p.id AND b.id = p.bill_id
WHERE p.account_id = $1 AND p.status = 'SUCCEEDED' AND p.paid_at >= $2 AND p.paid_at < $3
"""
_UNCONFIRMED = f"""
INSERT INTO found {_CONFIRMABLE} AND b.confirmed_at IS NULL AND b.status <> 'REFUNDED'
"""
_UNLISTED = f"""
INSERT INTO found {_CONFIRMABLE} AND b.confirmed_at >= $4 AND b.confirmed_at < $5
AND NOT EXISTS (SELECT 1 FROM staged_fiscal f WHERE f.is_payment AND f.reference_no = p.out_trade_no)
"""
_FOREIGN = f"""
INSERT INTO found
SELECT '{Kind.FISCAL_FOREIGN}', left(coalesce(nullif(f.reference_no, ''), f.payment_code), 64), NULL, NULL,
       f.amount_fen, jsonb_build_object('payment_code', f.payment_code, 'out_trade_no', f.out_trade_no)
FROM staged_fiscal f
WHERE f.is_of_day AND NOT EXISTS (SELECT 1 FROM payment p WHERE f.is_payment AND p.out_trade_no = f.reference_no)
AND NOT EXISTS (SELECT 1 FROM refund r WHERE NOT f.is_payment AND r.out_refund_no = f.reference_no)
"""
_FISCAL_AMOUNTS = f"""
INSERT INTO found
SELECT '{Kind.FISCAL_AMOUNT_DIFFERS}', f.reference_no, p.bill_id, p.amount_fen, f.amount_fen,
       jsonb_build_object('payment_code', f.payment_code)
FROM staged_fiscal f JOIN payment p ON p.out_trade_no = f.reference_no
WHERE f.is_of_day AND f.is_payment AND p.account_id = $1 AND p.amount_fen <> f.amount_fen
UNION ALL
SELECT '{Kind.FISCAL_AMOUNT_DIFFERS}', f.reference_no, r.bill_id, r.amount_fen, f.amount_fen,
       jsonb_build_object('payment_code', f.payment_code)
FROM staged_fiscal f JOIN refund r ON r.out_refund_no = f.reference_no JOIN payment p ON p.id = r.payment_id
WHERE f.is_of_day AND NOT f.is_payment AND p.account_id = $1 AND r.amount_fen <> f.amount_fen
"""
_FLOW = f"""
INSERT INTO found
SELECT '{Kind.FLOW_DIFFERS}', $1, NULL, net.fen, $2::bigint, jsonb_build_object('movements', $3::bigint)
FROM (SELECT coalesce(sum(CASE WHEN is_refund THEN -amount_fen ELSE amount_fen END - fee_fen), 0)::bigint AS fen
      FROM staged_line) AS net
WHERE net.fen <> $2::bigint
"""
_NEARBY = """
SELECT false AS is_refund, reference_no AS number FROM found WHERE kind = 'PAID_HERE_NOT_THERE'
AND (details ->> 'at')::timestamptz < $1
UNION ALL
SELECT true, reference_no FROM found WHERE kind = 'REFUND_MISSING' AND (details ->> 'at')::timestamptz < $1
"""


async def find_missing_there(tx: db.Transaction, day: Day) -> None:
    """Look for our payments and refunds in the bill."""
    for statement in (_HERE, _REFUNDED_HERE):
        await _find(tx, statement, day.account_id, *day.judged)


async def list_nearby(tx: db.Transaction, day: Day) -> Sequence[tuple[bool, str]]:
    """Return which of the missing movements are so near to the day's beginning that the bill before may hold them."""
    rows = await tx.fetch_all(_NEARBY, day.begins_at + NEAR_MIDNIGHT)
    return [(row["is_refund"], row["number"]) for row in rows]


async def find_at_channel(tx: db.Transaction, day: Day) -> None:
    """Look for the bill's lines in our books, and for what our books keep wrongly."""
    for statement in (_THERE, _REFUNDED_THERE):
        await _find(tx, statement, day.account_id)
    for statement in (_DOUBLE, _UNBOOKED):
        await _find(tx, statement, day.account_id, *day.judged)


async def find_at_fiscal(tx: db.Transaction, day: Day, listed_until: datetime) -> None:
    """Compare with the fiscal list of the day; `listed_until` is the end of the days that are staged."""
    await _find(tx, _UNCONFIRMED, day.account_id, *day.judged)
    await _find(tx, _UNLISTED, day.account_id, *day.judged, day.begins_at, listed_until)
    await _find(tx, _FOREIGN)
    await _find(tx, _FISCAL_AMOUNTS, day.account_id)


async def find_at_flows(tx: db.Transaction, day: Day, flows: FlowSum) -> None:
    """Compare the movements of the account with what the trade bill lets expect."""
    await _find(tx, _FLOW, day.business_on.isoformat(), flows.net_fen, flows.movements)


async def _find(tx: db.Transaction, statement: str, *values: object) -> None:
    await tx.connection.execute(statement, *values, timeout=LONG_SECONDS)
