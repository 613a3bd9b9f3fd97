"""What is wrong with the ledger: its sum, transfers that do not balance, and facts that are not in it. Reads only."""

from __future__ import annotations

from datetime import UTC, datetime

from app import db
from app.ids import first_id
from payments.types import LedgerCheck

_PATIENCE_SECONDS = 900.0
"""A full check walks through the whole ledger, which takes longer than a statement of a request may."""
_SINCE_EVER = datetime(2000, 1, 1, tzinfo=UTC)
_RECENT = " WHERE transfer_key IN (SELECT transfer_key FROM ledger_entry WHERE id >= $1)"
_SUM = "SELECT coalesce(sum(amount_fen), 0)::bigint AS fen FROM ledger_entry{rows}"
_UNBALANCED = """
SELECT transfer_key FROM ledger_entry{rows} GROUP BY transfer_key HAVING sum(amount_fen) <> 0 OR count(*) <> 2
ORDER BY 1 LIMIT 100
"""
_MISSING = """
SELECT wanted.transfer_key FROM (
  SELECT 'bill.issued:' || bill_no AS transfer_key, amount_fen - late_fee_fen AS amount_fen FROM bill WHERE id >= $1
  UNION ALL SELECT 'bill.voided:' || bill_no, amount_fen FROM bill WHERE status = 'VOID' AND id >= $1
  UNION ALL SELECT 'payment.succeeded:' || out_trade_no, amount_fen FROM payment
    WHERE status = 'SUCCEEDED' AND paid_at >= $2
  UNION ALL SELECT 'refund.succeeded:' || out_refund_no, amount_fen FROM refund
    WHERE status = 'SUCCEEDED' AND finished_at >= $2
  UNION ALL SELECT 'fiscal.confirmed:' || b.bill_no, p.amount_fen FROM bill b JOIN payment p ON p.id = b.paid_payment_id
    WHERE b.confirmed_at >= $2
  UNION ALL SELECT 'fiscal.reversed:' || out_refund_no, amount_fen FROM refund WHERE reversed_at >= $2
) AS wanted LEFT JOIN ledger_entry l ON l.transfer_key = wanted.transfer_key AND l.amount_fen = wanted.amount_fen
WHERE l.id IS NULL
UNION ALL SELECT 'bill.repriced:' || b.bill_no FROM bill b
WHERE b.late_fee_fen > 0 AND b.id >= $1 AND b.late_fee_fen <> (
  SELECT coalesce(sum(l.amount_fen), 0) FROM ledger_entry l
  WHERE l.bill_no = b.bill_no AND l.account = 'receivable' AND l.transfer_key LIKE 'bill.repriced:%')
UNION ALL SELECT 'refund.bounced:' || r.out_refund_no FROM refund r JOIN bill b ON b.id = r.bill_id
WHERE r.finished_at >= $2 AND (r.status = 'ABNORMAL' OR EXISTS (
  SELECT 1 FROM ledger_entry l WHERE l.transfer_key = 'refund.bounced:' || r.out_refund_no))
AND CASE r.status WHEN 'SUCCEEDED' THEN r.amount_fen ELSE 0 END <> (
  SELECT coalesce(sum(l.amount_fen), 0) FROM ledger_entry l
  WHERE l.bill_no = b.bill_no AND l.reference_no = r.out_refund_no AND l.account IN ('revenue', 'overpaid'))
ORDER BY 1 LIMIT 100
"""


async def find_faults(since: datetime | None = None) -> LedgerCheck:
    """Check the whole ledger, or what was written since a moment.

    `since` looks at the transfers that were written after it, at bills issued and at payments, refunds, confirmations
    and red letters whose own moment is after it; what a provider tells later than that shows in the full check.
    """
    moment, rows = since or _SINCE_EVER, _RECENT if since else ""
    first = first_id(moment)
    written = [first] if since else []
    async with db.connection() as link:
        total = await link.fetchval(_SUM.format(rows=rows), *written, timeout=_PATIENCE_SECONDS)
        unbalanced = await link.fetch(_UNBALANCED.format(rows=rows), *written, timeout=_PATIENCE_SECONDS)
        missing = await link.fetch(_MISSING, first, moment, timeout=_PATIENCE_SECONDS)
    return LedgerCheck(
        sum_fen=total,
        unbalanced=[row["transfer_key"] for row in unbalanced],
        missing=[row["transfer_key"] for row in missing],
    )
