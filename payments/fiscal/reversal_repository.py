"""Refunds towards the fiscal platform: which of them need a red letter (红字票据), and its booking. Decides nothing."""

from __future__ import annotations

from datetime import datetime

from app import db
from payments.fiscal.neutral import FiscalReceipt
from payments.fiscal.records import REVERSE_REFUND, FiscalRefundRecord
from payments.fiscal.repository import book, insert_receipt

_REFUND = """
SELECT r.id, r.out_refund_no, r.status, r.amount_fen, r.reason, r.reversed_at, r.fiscal_asked_count AS asked_count,
       r.bill_id, b.bill_no, b.payment_code, b.confirmed_at,
       coalesce(r.payment_id = b.paid_payment_id, false) AS is_of_bill
FROM refund r JOIN bill b ON b.id = r.bill_id
"""


async def find_refund(out_refund_no: str) -> FiscalRefundRecord | None:
    """Return a refund by its number, with what the platform knows of its bill."""
    row = await db.fetch_row(f"{_REFUND} WHERE r.out_refund_no = $1", out_refund_no)
    return None if row is None else FiscalRefundRecord(**dict(row))


async def request_reversal(out_refund_no: str) -> bool:
    """Have the red letter of a refund asked for by a job, if its bill is confirmed; otherwise the confirmation, should
    it come, asks for it. The bill's lock puts the two in order.

    Idempotent: yes, by `reversed_at`. Returns False when nothing is to be reversed (yet).
    """
    async with db.transaction() as tx:
        await tx.execute(
            "SELECT 1 FROM bill WHERE id = (SELECT bill_id FROM refund WHERE out_refund_no = $1) FOR UPDATE",
            out_refund_no,
        )
        row = await tx.fetch_row(
            "UPDATE refund SET fiscal_ask_after = now() + interval '1 minute', fiscal_asked_count = 0 FROM bill"
            " WHERE refund.out_refund_no = $1 AND bill.id = refund.bill_id AND bill.confirmed_at IS NOT NULL"
            " AND refund.payment_id = bill.paid_payment_id AND refund.status = 'SUCCEEDED'"
            " AND refund.reversed_at IS NULL RETURNING refund.id",
            out_refund_no,
        )
        if row is not None:
            tx.enqueue(REVERSE_REFUND, {"out_refund_no": out_refund_no})
    return row is not None


async def resume_confirmation(out_refund_no: str) -> None:
    """Ask about the confirmation of a bill again whose refund a bank gave back: its money is here after all."""
    await db.execute(
        "UPDATE bill SET fiscal_ask_after = now() FROM refund WHERE refund.out_refund_no = $1"
        " AND bill.id = refund.bill_id AND refund.payment_id = bill.paid_payment_id AND bill.confirmed_at IS NULL"
        " AND bill.fiscal_ask_after IS NULL",
        out_refund_no,
    )


async def claim_refunds(moment: datetime, lease_until: datetime, limit: int) -> list[FiscalRefundRecord]:
    """Take refunds whose red letter is to be asked for, for the time of a lease."""
    rows = await db.fetch_all(
        "WITH due AS (SELECT id FROM refund WHERE fiscal_ask_after <= $1 ORDER BY fiscal_ask_after LIMIT $3"
        " FOR UPDATE SKIP LOCKED),"
        " claimed AS (UPDATE refund SET fiscal_ask_after = $2, fiscal_asked_count = fiscal_asked_count + 1 FROM due"
        " WHERE refund.id = due.id RETURNING refund.id)"
        f" {_REFUND} WHERE r.id IN (SELECT id FROM claimed)",
        moment,
        lease_until,
        limit,
    )
    return [FiscalRefundRecord(**dict(row)) for row in rows]


async def record_not_due(refund: FiscalRefundRecord) -> None:
    """Stop asking for the red letter of a refund that did not reach the payer; its success asks for it anew."""
    await db.execute("UPDATE refund SET fiscal_ask_after = NULL WHERE id = $1 AND status <> 'SUCCEEDED'", refund.id)


async def record_question(refund: FiscalRefundRecord, ask_after: datetime) -> None:
    """Note when to ask next about a red letter that is not there yet."""
    await db.execute(
        "UPDATE refund SET fiscal_ask_after = $2 WHERE id = $1 AND reversed_at IS NULL", refund.id, ask_after
    )


async def record_reversed(refund: FiscalRefundRecord, receipt: FiscalReceipt) -> bool:
    """Keep a red letter with its ledger pair. Idempotent: yes, by `reversed_at`. Returns False when it was there."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "UPDATE refund SET reversed_at = $2, fiscal_ask_after = NULL, updated_at = now()"
            " WHERE id = $1 AND reversed_at IS NULL RETURNING id",
            refund.id,
            receipt.issued_at,
        )
        if row is None:
            return False
        await insert_receipt(tx, refund.bill_id, "RED", refund.out_refund_no, receipt)
        key = f"fiscal.reversed:{refund.out_refund_no}"
        await book(tx, key, "treasury_due", "treasury_claim", refund.amount_fen, refund.bill_no)
    return True
