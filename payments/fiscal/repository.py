"""Reads and writes of bills towards the fiscal platform: code, price, confirmation, receipt. Each write is one
transaction with its ledger pair, its event and its jobs, so that repeating it changes nothing. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from app import db
from app.clock import rfc3339
from app.errors import ProviderProtocolError
from app.events import DomainEvent
from app.ids import new_id
from payments.fiscal.neutral import FiscalReceipt
from payments.fiscal.records import FETCH_RECEIPT, REVERSE_REFUND, FiscalBillRecord, Paid
from payments.states import BILL, PAID_BILL, BillMove, BillStatus
from payments.types import BillLine

_BILL = """
SELECT b.id, b.bill_no, b.payment_code, b.citizen_id, b.subject_no, b.purpose, b.title, b.lines, b.department_code,
       b.agency_name, b.division_code, b.amount_fen, b.late_fee_fen, b.status, b.due_at, b.created_at, b.confirmed_at,
       b.fiscal_asked_count AS asked_count, p.out_trade_no, p.channel, p.provider_trade_no,
       p.amount_fen AS paid_fen, p.paid_at,
       EXISTS (SELECT 1 FROM fiscal_receipt r WHERE r.bill_id = b.id AND r.kind = 'BLUE') AS has_receipt
FROM bill b LEFT JOIN payment p ON p.id = b.paid_payment_id
"""
_SAME = (
    "id bill_no payment_code citizen_id subject_no purpose title department_code agency_name division_code amount_fen "
    "late_fee_fen status due_at created_at confirmed_at asked_count has_receipt"
).split()


def _record(row: db.Row) -> FiscalBillRecord:
    paid = None
    if row["out_trade_no"] is not None:
        paid = Paid(row["out_trade_no"], row["channel"], row["provider_trade_no"], row["paid_fen"], row["paid_at"])
    lines = tuple(msgspec.json.decode(row["lines"], type=list[BillLine]))
    return FiscalBillRecord(lines=lines, paid=paid, **{name: row[name] for name in _SAME})


async def find_bill(bill_no: str) -> FiscalBillRecord | None:
    """Return a bill by its number, with the order that settled it."""
    row = await db.fetch_row(f"{_BILL} WHERE b.bill_no = $1", bill_no)
    return None if row is None else _record(row)


async def record_try(bill_id: uuid.UUID) -> bool:
    """Note before the call that a code is asked for; False when it is known or nobody shall pay the bill any more."""
    return bool(
        await db.execute(
            "UPDATE bill SET fiscal_asked_count = fiscal_asked_count + 1 WHERE id = $1 AND payment_code IS NULL"
            " AND status <> 'VOID'",
            bill_id,
        )
    )


async def record_code(bill_id: uuid.UUID, payment_code: str) -> None:
    """Keep the 缴款码 of a bill. Idempotent: yes, the first one stays.

    Raises: ProviderProtocolError when another bill has this code.
    """
    try:
        await db.execute(
            "UPDATE bill SET payment_code = $2, fiscal_asked_count = 0, version = version + 1, updated_at = now()"
            " WHERE id = $1 AND payment_code IS NULL",
            bill_id,
            payment_code,
        )
    except asyncpg.UniqueViolationError:
        raise ProviderProtocolError(provider="fiscal", reason="code_of_another_bill") from None


async def record_price(bill: FiscalBillRecord, amount_fen: int, late_fee_fen: int) -> bool:
    """Reprice an unpaid bill with the ledger pair of the difference; False when it was paid or repriced meanwhile."""
    row = await db.fetch_row(
        "WITH priced AS (UPDATE bill SET amount_fen = $2, late_fee_fen = $3, version = version + 1, updated_at = now()"
        " WHERE id = $1 AND status = 'UNPAID' AND amount_fen = $4 AND late_fee_fen = $5 RETURNING bill_no, version)"
        " INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no,"
        " occurred_at) SELECT side.id, now(), 'bill.repriced:' || bill_no || ':' || version, side.account,"
        " side.sign * ($2::bigint - $4::bigint), bill_no, bill_no, now() FROM priced,"
        " (VALUES ($6::uuid, 'receivable', 1), ($7::uuid, 'revenue', -1)) AS side (id, account, sign) RETURNING id",
        bill.id,
        amount_fen,
        late_fee_fen,
        bill.amount_fen,
        bill.late_fee_fen,
        new_id(),
        new_id(),
    )
    return row is not None


async def claim_bills(moment: datetime, lease_until: datetime, limit: int) -> list[FiscalBillRecord]:
    """Take bills about which the platform is to be asked, for the time of a lease."""
    rows = await db.fetch_all(
        "WITH due AS (SELECT id FROM bill WHERE fiscal_ask_after <= $1 ORDER BY fiscal_ask_after LIMIT $3"
        " FOR UPDATE SKIP LOCKED),"
        " claimed AS (UPDATE bill SET fiscal_ask_after = $2, fiscal_asked_count = fiscal_asked_count + 1 FROM due"
        " WHERE bill.id = due.id RETURNING bill.id)"
        f" {_BILL} WHERE b.id IN (SELECT id FROM claimed)",
        moment,
        lease_until,
        limit,
    )
    return [_record(row) for row in rows]


async def record_question(bill: FiscalBillRecord, ask_after: datetime | None) -> None:
    """Note when to ask next about a bill (None = never again), unless it has come further since it was read."""
    await db.execute(
        "UPDATE bill SET fiscal_ask_after = $2 WHERE id = $1 AND (confirmed_at IS NULL) = $3"
        " AND ($2::timestamptz IS NOT NULL OR status = $4)"
        " AND NOT EXISTS (SELECT 1 FROM fiscal_receipt r WHERE r.bill_id = bill.id AND r.kind = 'BLUE')",
        bill.id,
        ask_after,
        bill.confirmed_at is None,
        bill.status,
    )


async def record_confirmed(bill: FiscalBillRecord, paid: Paid, confirmed_at: datetime, ask_after: datetime) -> bool:
    """Book a confirmation: bill PAID → CONFIRMED (one under refund only keeps the moment), ledger pair, event, and the
    jobs of the receipt and of the red letters of refunds that came before it.

    Idempotent: yes, by `confirmed_at`. Returns False when it was booked already.
    """
    edge = BILL[BillStatus.PAID, BillMove.CONFIRM]
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "UPDATE bill SET confirmed_at = $2, status = CASE WHEN status = $3 THEN $4 ELSE status END,"
            " fiscal_asked_count = 0, fiscal_ask_after = $5, version = version + 1, updated_at = now()"
            " WHERE id = $1 AND confirmed_at IS NULL AND status = ANY ($6) RETURNING status",
            bill.id,
            confirmed_at,
            str(BillStatus.PAID),
            edge.to,
            ask_after,
            [str(status) for status in PAID_BILL],
        )
        if row is None:
            return False
        await book(
            tx, f"fiscal.confirmed:{bill.bill_no}", "treasury_claim", "treasury_due", paid.amount_fen, bill.bill_no
        )
        if row["status"] == edge.to:
            tx.emit(_confirmed_event(edge.event, bill, paid, confirmed_at))
        tx.enqueue(FETCH_RECEIPT, {"bill_no": bill.bill_no})
        # Read by a statement after the one that holds the bill's lock: a refund that ends now sees the confirmation.
        for number in await _refunds_to_reverse(tx, bill.id):
            tx.enqueue(REVERSE_REFUND, {"out_refund_no": number})
    return True


async def _refunds_to_reverse(tx: db.Transaction, bill_id: uuid.UUID) -> Sequence[str]:
    rows = await tx.fetch_all(
        "UPDATE refund SET fiscal_ask_after = now() + interval '1 minute', fiscal_asked_count = 0 FROM bill"
        " WHERE refund.bill_id = $1 AND bill.id = $1 AND refund.payment_id = bill.paid_payment_id"
        " AND refund.status = 'SUCCEEDED' AND refund.reversed_at IS NULL RETURNING refund.out_refund_no",
        bill_id,
    )
    return [row["out_refund_no"] for row in rows]


async def record_receipt(bill: FiscalBillRecord, receipt: FiscalReceipt) -> bool:
    """Keep the receipt of a bill, with its event. Idempotent: yes. Returns False when it was there."""
    async with db.transaction() as tx:
        written = await insert_receipt(tx, bill.id, "BLUE", "", receipt)
        await tx.execute("UPDATE bill SET fiscal_ask_after = NULL WHERE id = $1", bill.id)
        if written:
            facts = {
                "bill_no": bill.bill_no,
                "title": bill.title,
                "amount_fen": receipt.amount_fen,
                "receipt_code": receipt.code,
                "receipt_number": receipt.number,
            }
            tx.emit(
                DomainEvent(
                    name="receipt.issued",
                    subject_no=bill.subject_no,
                    citizen_id=bill.citizen_id.hex,
                    occurred_at=receipt.issued_at,
                    facts=facts,
                )
            )
    return written


async def insert_receipt(
    tx: db.Transaction, bill_id: uuid.UUID, kind: str, refund_no: str, receipt: FiscalReceipt
) -> bool:
    """Write a receipt within an open transaction; False when it was there."""
    row = await tx.fetch_row(
        "INSERT INTO fiscal_receipt (id, created_at, bill_id, kind, refund_no, receipt_code, receipt_number,"
        " check_code, amount_fen, url, issued_at) VALUES ($1, now(), $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (bill_id, kind, refund_no) DO NOTHING RETURNING id",
        new_id(),
        bill_id,
        kind,
        refund_no,
        receipt.code,
        receipt.number,
        receipt.check_code,
        receipt.amount_fen,
        receipt.url,
        receipt.issued_at,
    )
    return row is not None


async def book(tx: db.Transaction, key: str, debit: str, credit: str, amount_fen: int, bill_no: str) -> None:
    """Write a balanced pair within an open transaction. Idempotent: yes, by its key."""
    await tx.execute(
        "INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no,"
        " occurred_at) SELECT side.id, now(), $3, side.account, side.sign * $6::bigint, $7, $8, now()"
        " FROM (VALUES ($1::uuid, $4::text, 1), ($2::uuid, $5::text, -1)) AS side (id, account, sign)"
        " ON CONFLICT (transfer_key, account) DO NOTHING",
        new_id(),
        new_id(),
        key,
        debit,
        credit,
        amount_fen,
        bill_no,
        key.partition(":")[2],
    )


def _confirmed_event(name: str, bill: FiscalBillRecord, paid: Paid, confirmed_at: datetime) -> DomainEvent:
    facts = {
        "bill_no": bill.bill_no,
        "purpose": bill.purpose,
        "title": bill.title,
        "amount_fen": paid.amount_fen,
        "payment_code": bill.payment_code,
        "paid_at": rfc3339(paid.paid_at),
    }
    return DomainEvent(
        name=name, subject_no=bill.subject_no, citizen_id=bill.citizen_id.hex, occurred_at=confirmed_at, facts=facts
    )
